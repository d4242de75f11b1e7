import { test } from 'tap'
import { Body } from '../../chains/body.ts'
import { buildChain } from '../../chains/chain.ts'
import { ProxyError } from '../../chains/failures.ts'
import { testOutcome, testRequest } from '../../chains/policy/testing.ts'
import type { TellingFilter } from '../plugin/contract.ts'
import { ask, bench, echo, loggingContext } from './runtime/testing/bench.ts'

const killing = `
  pipy().pipeline()
  .handleMessageStart(msg => {
    if (msg.head.path === '/kill') for (const all = []; ;) all.push(new ArrayBuffer(1e6))
    if (msg.head.path === '/wait') return new Promise(() => {})
  })
  .chain()
  .handleMessageStart(msg => { msg.head.headers['x-a'] = 'b' })`

test('when an instance dies the exchanges that wait for it fail at once, and the next has a fresh one', async (t) => {
  using b = bench(killing, { limits: { callMs: 1_000 } })
  const chain = b.http(echo)
  const waiting = ask(chain, testRequest({ path: '/wait' }))
  const failed = t.rejects(waiting, { code: 'PLUGIN_OVER_LIMIT' })
  t.equal(b.plugin.usage().exchanges, 1)
  await t.rejects(ask(chain, testRequest({ path: '/kill' })), { code: 'PLUGIN_OVER_LIMIT' })
  await failed
  t.equal(b.restarts(), 0)
  t.match(await ask(chain, testRequest()), { text: 'GET / ' })
  t.equal(b.restarts(), 1)
  t.equal(b.plugin.usage().exchanges, 0)
  t.equal(b.tools.clock.waiting, 0)
})

test('a plugin that is disposed of ends what is in it', async (t) => {
  const b = bench(killing)
  const chain = b.http(echo)
  const waiting = ask(chain, testRequest({ path: '/wait' }))
  b.plugin[Symbol.dispose]()
  await t.rejects(waiting, { code: 'PLUGIN_THREW', message: /taken out/ })
  await t.rejects(ask(chain, testRequest()), { code: 'PLUGIN_THREW' })
  t.equal(b.plugin.usage().exchanges, 0)
  t.equal(b.restarts(), 0)
})

test('of many exchanges, those that are over are not ended again with the plugin', async (t) => {
  const b = bench(killing)
  const told: string[] = []
  const filter = b.plugin.http('inbound-http') as TellingFilter
  const telling = filter.telling(({ code }, { id }) => void told.push(`${id} ${code}`))
  const steps = [{ name: 'plugins/tested.js', priority: 115, plugin: null, filter: telling }]
  const chain = buildChain('inbound-http', steps, echo)
  const send = (id: string, path: string) =>
    ask(
      chain,
      testRequest({ path }),
      loggingContext(() => {}, id),
    )
  const waiting = ['first', 'second', 'third'].map((id) => send(id, '/wait'))
  await send('fourth', '/')
  t.equal(b.plugin.usage().exchanges, 3)
  const left = loggingContext(() => {}, 'left')
  const given = chain.run(testRequest({ path: '/wait' }), left)
  left.finish(testOutcome())
  await t.rejects(given, { code: 'CLIENT_GONE' })
  t.equal(b.plugin.usage().exchanges, 3)
  b.plugin[Symbol.dispose]()
  for (const asked of waiting) await t.rejects(asked, { code: 'PLUGIN_THREW', message: /taken out/ })
  t.same(told.toSorted(), [
    'first PLUGIN_THREW',
    'left CLIENT_GONE',
    'second PLUGIN_THREW',
    'third PLUGIN_THREW',
  ])
  t.equal(b.plugin.usage().exchanges, 0)
})

test('onEnd runs once for each pipeline, however the exchange ends', async (t) => {
  const lines: string[] = []
  using b = bench(`
     pipy({ _path: '' }).pipeline()
     .onStart(() => console.log('start'))
     .onEnd(() => console.log('end ' + _path))
     .handleMessageStart(msg => { _path = msg.head.path; if (_path === '/bad') throw new Error('no') })
     .branch(() => true, $ => $.onEnd(() => { throw new Error('in onEnd') }).chain())`)
  const logged = () => loggingContext((message) => lines.push(message))
  const chain = b.http(echo)
  await ask(chain, testRequest({ path: '/well' }), logged())
  await t.rejects(ask(chain, testRequest({ path: '/bad' }), logged()))
  const cx = logged()
  const gone = new ProxyError('CLIENT_GONE', 'the client left')
  const response = await chain.run(testRequest({ path: '/left' }), cx)
  response.body?.cancel(gone)
  cx.abort(gone)
  cx.finish(testOutcome())
  t.same(
    lines.filter((line) => /^(start|end)/.test(line)),
    ['start', 'end /well', 'start', 'end /bad', 'start', 'end /left'],
  )
})

test('many exchanges at once keep their variables apart, and leave nothing', async (t) => {
  using b = bench(`
    pipy({ _path: '' }).pipeline()
    .handleMessageStart(msg => { _path = msg.head.path })
    .handleMessageBody(() => Promise.resolve())
    .chain()
    .replaceMessage(msg => new Message({ headers: { 'x-path': _path } }, msg.body))`)
  const chain = b.http(async (request, cx) => {
    await new Promise((resolve) => setTimeout(resolve, Number(request.path.length)))
    return echo(request, cx)
  })
  const paths = Array.from({ length: 50 }, (_, n) => `/${'x'.repeat(n % 7)}${n}`)
  const all = await Promise.all(
    paths.map((path) => ask(chain, testRequest({ method: 'PUT', path, body: Body.of(path) }))),
  )
  t.same(
    all.map(({ response, text }) => [response.headers.get('x-path'), text]),
    paths.map((path) => [path, `PUT ${path} ${path}`]),
  )
  t.equal(b.plugin.usage().exchanges, 0)
})
