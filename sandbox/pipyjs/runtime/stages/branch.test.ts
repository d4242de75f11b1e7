import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo } from '../testing/bench.ts'

const put = (text: string) => testRequest({ method: 'PUT', body: Body.of(text) })

test('the first condition that holds chooses the way, and no other is asked', async (t) => {
  using b = bench(`
    pipy({ _path: '', _asked: '' })
    .pipeline()
    .handleMessageStart(msg => { _path = msg.head.path })
    .branch(
      () => (_asked += '1', _path === '/one'), $ => $.replaceMessage(() => new Message('one ' + _asked)),
      () => (_asked += '2', _path === '/two'), $ => $.onStart(() => { _asked += 's' }).replaceMessage(() => new Message('two ' + _asked)),
      'rest'
    )
    .pipeline('rest').handleMessageStart(msg => { msg.head.headers['x-seen'] = _asked }).chain()
  `)
  const chain = b.http(echo)
  t.equal((await ask(chain, testRequest({ path: '/one' }))).text, 'one 1')
  t.equal((await ask(chain, testRequest({ path: '/two' }))).text, 'two 12s')
  t.equal((await ask(chain, testRequest({ path: '/x' }))).response.headers.get('x-seen'), '12')
})

test('the choice is for good, and what comes back goes to the stages behind', async (t) => {
  using b = bench(`
    pipy({ _n: 0 })
    .pipeline()
    .branch(() => ++_n === 1, $ => $.chain(), $ => $.replaceMessage(() => new Message('never')))
    .handleMessageStart(msg => { msg.head.headers['x-n'] = String(_n) })
  `)
  const { response, text } = await ask(b.http(echo), put('abc'))
  t.equal(text, 'PUT / abc')
  t.equal(response.headers.get('x-n'), '1')
})

test('while no condition holds, the next event asks again', async (t) => {
  using b = bench(`
    pipy({ _n: 0 })
    .pipeline()
    .branch(() => ++_n === 3, $ => $.handleMessageStart(msg => { msg.head.headers['x-seen'] = String(_n) }).chain())
  `)
  const { response, text } = await ask(b.http(echo), put('abc'))
  t.equal(text, 'PUT / abc')
  t.equal(response.headers.get('x-seen'), '3')
})

test('when no condition ever holds the exchange fails, and does not hang', async (t) => {
  using b = bench(`pipy().pipeline().branch(() => false, $ => $.chain())`)
  await t.rejects(ask(b.http(echo), put('abc')), { code: 'PLUGIN_OVER_LIMIT' })
})

test('a condition that throws fails the exchange', async (t) => {
  using b = bench(`pipy().pipeline().branch(() => { throw new Error('no') }, $ => $.chain(), $ => $.chain())`)
  await t.rejects(ask(b.http(echo), put('abc')), { code: 'PLUGIN_THREW' })
})

test('conditions can look at the start of a message, or at the whole of it', async (t) => {
  using start = bench(`
    pipy().pipeline().branchMessageStart(
      msg => msg.head.method === 'PUT', $ => $.chain(),
      $ => $.replaceMessage(() => new Message('other'))
    )`)
  t.equal((await ask(start.http(echo), put('abc'))).text, 'PUT / abc')
  t.equal((await ask(start.http(echo), testRequest())).text, 'other')
  using whole = bench(`
    pipy().pipeline().branchMessage(
      msg => msg.body.toString() === 'abc', $ => $.chain(),
      $ => $.replaceMessage(() => new Message('other'))
    )`)
  t.equal((await ask(whole.http(echo), put('abc'))).text, 'PUT / abc')
})

test('a link goes to a pipeline by its name, or by a function that gives one', async (t) => {
  using b = bench(`
    pipy({ _to: '' }).pipeline()
    .handleMessageStart(msg => { _to = msg.head.path.slice(1) })
    .link(() => _to)
    .pipeline('a').link('c')
    .pipeline('b').replaceMessage(() => new Message('b'))
    .pipeline('c').chain()
  `)
  const chain = b.http(echo)
  t.equal((await ask(chain, testRequest({ path: '/a' }))).text, 'GET /a ')
  t.equal((await ask(chain, testRequest({ path: '/b' }))).text, 'b')
  await t.rejects(ask(chain, testRequest({ path: '/d' })), { code: 'PLUGIN_THREW', message: /no pipeline d/ })
})

test('pipelines that link to each other without end are stopped', async (t) => {
  using b = bench(`pipy().pipeline().link('a').pipeline('a').link('b').pipeline('b').link('a')`)
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'PLUGIN_OVER_LIMIT', message: /64 deep/ })
})
