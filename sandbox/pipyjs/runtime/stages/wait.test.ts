import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { localResponse } from '../../../../chains/http.ts'
import { testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo } from '../testing/bench.ts'

/** Asks a module of the name `ask.js` in a fork, and goes on when it has said yes. */
const verifier = `
  pipy({ _verdict: 0 }).pipeline()
  .fork().to($ => $
    .chain(['modules/ask.js'])
    .handleMessageStart(answer => void (_verdict = answer.head.status))
  )
  .wait(() => _verdict, { timeout: 2 })
  .branch(
    () => _verdict === 200, $ => $.chain(),
    $ => $.replaceMessage(() => new Message({ status: 401 }, 'no'))
  )`

test('an exchange waits for what a fork of it finds out', async (t) => {
  const bodies: string[] = []
  const http = {
    'modules/ask.js': async ({ path, body }: { path: string; body: Body | null }) => {
      bodies.push(String(await body?.buffer(100)))
      await new Promise((resolve) => setTimeout(resolve, 5))
      return localResponse(path === '/good' ? 200 : 403, new HeaderList(), Body.of('verdict'))
    },
  }
  using b = bench(verifier, { http })
  const chain = b.http(echo)
  const put = (path: string) => testRequest({ method: 'PUT', path, body: Body.of('abc') })
  t.match(await ask(chain, put('/good')), { text: 'PUT /good abc' })
  t.match(await ask(chain, put('/bad')), { text: 'no', response: { status: 401 } })
  t.same(bodies, ['abc', 'abc'])
  t.match(await ask(chain, testRequest({ path: '/good' })), { text: 'GET /good ' })
})

test('a wait whose time is over lets the exchange go on', async (t) => {
  using b = bench(verifier, { http: { 'modules/ask.js': () => new Promise(() => {}) } })
  const asked = ask(b.http(echo), testRequest())
  b.tools.clock.advance(1_999)
  await Promise.resolve()
  b.tools.clock.advance(1)
  t.match(await asked, { response: { status: 401 } })
  b.tools.clock.advance(30_000)
  t.equal(b.tools.clock.waiting, 0)
})

test('a wait without a timeout fails the exchange by the policy', async (t) => {
  using b = bench(`pipy().pipeline().wait(() => false).chain()`)
  const asked = ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('abc') }))
  b.tools.clock.advance(30_000)
  await t.rejects(asked, { code: 'PLUGIN_OVER_LIMIT', message: /30000 ms/ })
  t.equal(b.tools.clock.waiting, 0)
})

test('a condition may promise its answer', async (t) => {
  using b = bench(`pipy().pipeline().wait(() => Promise.resolve(0)).chain()`)
  t.match(await ask(b.http(echo), testRequest()), { text: 'GET / ' })
  using bad = bench(`pipy().pipeline().wait(() => Promise.reject(new Error('no'))).chain()`)
  await t.rejects(ask(bad.http(echo), testRequest()), { code: 'PLUGIN_THREW' })
})

test('two waits that look at each other ask no more than something happens', async (t) => {
  using b = bench(
    `
    pipy({ _asked: 0, _x: false }).pipeline()
    .fork().to($ => $.wait(() => (_asked++, _x)).chain(['modules/never.js']))
    .wait(() => (_asked++, _x))
    .chain()`,
    { http: { 'modules/never.js': () => new Promise(() => {}) } },
  )
  const asked = ask(b.http(echo), testRequest())
  await new Promise((resolve) => setTimeout(resolve, 5))
  b.tools.clock.advance(30_000)
  await t.rejects(asked, { code: 'PLUGIN_OVER_LIMIT' })
})
