import { test } from 'tap'
import { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { localResponse } from '../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from './testing/bench.ts'

test('a script edits the head of a request and of its answer, and bodies pass untouched', async (t) => {
  using b = bench(`
    pipy({ _n: 1 })
    .pipeline()
    .onStart(() => void (_n = 2))
    .handleMessageStart(msg => { msg.head.headers['x-seen'] = 'by script ' + _n; msg.head.path = '/new' })
    .chain()
    .handleMessageStart(msg => { msg.head.headers['x-after'] = String(_n); msg.head.status = 201 })
  `)
  const body = Body.of('hello')
  let sent: Body | null = null
  const chain = b.http((request, cx) => {
    sent = request.body
    return echo(request, cx)
  })
  const { response, text } = await ask(chain, testRequest({ method: 'POST', body }))
  t.equal(sent, body)
  t.equal(response.status, 201)
  t.equal(response.headers.get('x-after'), '2')
  t.equal(response.headers.get('x-seen'), 'by script 2')
  t.equal(text, 'POST /new hello')
  t.equal(response.body?.length, text.length)
})

test('a script answers in place of the chain', async (t) => {
  using b = bench(`
    pipy().pipeline().replaceMessage(msg => new Message({ status: 401, headers: { 'x-a': 'b' } }, 'no!'))
  `)
  const chain = b.http(() => t.fail('the chain was asked') as never)
  const { response, text } = await ask(chain, testRequest({ method: 'POST', body: Body.of('abc') }))
  t.equal(response.status, 401)
  t.equal(response.headers.get('x-a'), 'b')
  t.equal(text, 'no!')
  t.equal(response.body?.length, 3)
})

test('a script cannot change the framing', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .handleMessageStart(msg => { msg.head.headers['content-length'] = '1000'; msg.head.headers['transfer-encoding'] = 'chunked'; msg.head.headers['x-seen'] = 'kept' })
    .chain()
    .handleMessageStart(msg => { msg.head.headers['content-length'] = '1'; msg.head.headers['connection'] = 'close' })
  `)
  let sent: readonly string[] = []
  const { response } = await ask(
    b.http((request, cx) => {
      sent = [...request.headers.fields]
      return echo(request, cx)
    }),
    testRequest(),
  )
  t.same(sent, ['Host', 'shop.example', 'x-seen', 'kept'])
  t.same([...response.headers.fields], ['Server', 'echo', 'X-Seen', 'kept'])
})

test('what throws in a script fails the exchange, and not the next', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .handleMessageStart(msg => { if (msg.head.path === '/bad') throw new Error('oh no') })
    .chain()
    .handleMessageStart(msg => { if (msg.head.headers['x-seen']) throw new Error('oh no') })
  `)
  const chain = b.http(echo)
  await t.rejects(ask(chain, testRequest({ path: '/bad' })), { code: 'PLUGIN_THREW', message: /oh no/ })
  await t.rejects(ask(chain, testRequest({ headers: new HeaderList(['Host', 'a', 'x-seen', '1']) })), {
    code: 'PLUGIN_THREW',
  })
  t.match(await ask(chain, testRequest()), { text: 'GET / ' })
})

test('a script that takes the request and does nothing fails at once', async (t) => {
  using b = bench(`pipy().pipeline().dummy()`)
  await t.rejects(ask(b.http(echo), testRequest()), {
    code: 'PLUGIN_OVER_LIMIT',
    message: /neither sent it on/,
  })
  t.same(b.failures, ['pause'])
})

test('a tunnel passes behind the head', async (t) => {
  using b = bench(
    `pipy().pipeline().handleMessageStart(msg => void 0).chain().handleMessageStart(msg => { msg.head.headers['x-a'] = 'b' })`,
  )
  let destroyed = 0
  const tunnel = {
    readable: Body.of(''),
    writable: { source: null, write: () => true, end: () => {}, fail: () => {} },
    destroy: () => {
      destroyed += 1
    },
  }
  const cx = testContext()
  const response = await b
    .http((request) => {
      t.equal(request.upgrade, 'websocket')
      t.notOk(request.headers.has('upgrade'))
      return Promise.resolve({ ...localResponse(101, new HeaderList(), null), tunnel, upgrade: 'websocket' })
    })
    .run(testRequest({ upgrade: 'websocket' }), cx)
  t.equal(response.tunnel, tunnel)
  t.equal(response.upgrade, 'websocket')
  t.same([...response.headers.fields], ['x-a', 'b'])
  cx.finish(testOutcome())
  t.equal(destroyed, 0)
})

test('an interim answer of a script goes to the client, and the answer follows', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .replaceMessage(() => [
      new Message({ status: 103, headers: { link: '</a.css>' } }),
      new Message({ status: 200 }, 'done'),
    ])`)
  const informed: unknown[] = []
  const cx = testContext()
  cx.interim = { inform: (status, headers) => void informed.push([status, ...headers.fields]) }
  t.match(await ask(b.http(echo), testRequest(), cx), { text: 'done', response: { status: 200 } })
  t.same(informed, [[103, 'link', '</a.css>']])
  using odd = bench(`pipy().pipeline().replaceMessage(() => new Message({ status: 101 }))`)
  await t.rejects(ask(odd.http(echo), testRequest()), {
    code: 'PLUGIN_THREW',
    message: /nothing to switch to/,
  })
})

test('an answer that is given up half-way lets go of its upstream', async (t) => {
  using b = bench(`pipy().pipeline().chain().handleData(() => {})`)
  const answer = handBody()
  const cx = testContext()
  const response = await b
    .http(async () => localResponse(200, new HeaderList(), answer.body))
    .run(testRequest(), cx)
  response.body?.open({ write: () => true, end: () => {}, fail: () => {} })
  answer.sink()?.write(Buffer.from('x'))
  response.body?.cancel(new ProxyError('UPSTREAM_RESET', 'the request is sent again'))
  t.match(answer.cancelled(), { code: 'UPSTREAM_RESET' })
  t.equal(b.plugin.usage().exchanges, 0)
  cx.finish(testOutcome())
})
