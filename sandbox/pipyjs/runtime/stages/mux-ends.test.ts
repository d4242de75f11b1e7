import { test } from 'tap'
import { ProxyError } from '../../../../chains/failures.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft, eventually } from '../../../../test/support/nothing-left.ts'
import { deadPort, RawUpstream } from '../../../../test/support/raw.ts'
import { realNetwork } from '../network/testing/real-network.ts'
import { ask, bench, echo } from '../testing/bench.ts'
import { answering, grant, idle, sender } from './testing/shared-lines.ts'

test('how a connection ended is what those who wait for it get', async (t) => {
  await using _left = assertNothingLeft(t)
  await using leaving = await RawUpstream.listen(
    answering((_line, connection) => {
      connection.end()
      return ''
    }),
  )
  using network = realNetwork()
  const told = `.replaceStreamEnd(end => new Message({ status: 200 }, 'ended by ' + (end.error || 'nothing')))`
  for (const [port, text] of [
    [await deadPort(), 'ended by ConnectionRefused'],
    [leaving.port, 'ended by nothing'],
  ] as const) {
    using b = bench(`${sender(port, 'mux(() => 1)')}${told}`, { network, ...grant })
    t.equal((await ask(b.http(echo), testRequest())).text, text)
    await eventually(() => b.plugin.usage().exchanges === 0, 'nothing is kept')
  }
})

test('one who took half of an answer and left holds nobody up', async (t) => {
  await using _left = assertNothingLeft(t)
  using b = bench(`
    pipy().pipeline().mux(() => 1, { maxQueue: 2 }).to($ => $
      .handleMessageStart(() => Promise.resolve())
      .replaceMessage(({ head }) => new Message(head.path === '/big' ? 'x'.repeat(500_000) : head.path)))`)
  const chain = b.http(echo)
  const cx = testContext()
  const { body } = await chain.run(testRequest({ path: '/big' }), cx)
  const behind = ask(chain, testRequest({ path: '/behind' }))
  await new Promise((resolve) => setTimeout(resolve, 20))
  const gone = new ProxyError('CLIENT_GONE', 'left')
  body?.cancel(gone)
  cx.abort(gone)
  cx.finish(testOutcome({ error: gone }))
  t.equal((await behind).text, '/behind')
  await idle(b)
})

test('an answer that breaks off is not whole', async (t) => {
  using b = bench(`
    pipy().pipeline().mux(() => 1).to($ => $
      .replaceMessage(() => [new MessageStart({ status: 200 }), new Data('ha'), new StreamEnd]))`)
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'UPSTREAM_TRUNCATED' })
})

test('a client that leaves ends what nobody else waits for', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(
    answering((line) => (line.startsWith('/never') ? '' : `${line}\n`)),
  )
  using network = realNetwork()
  using b = bench(sender(upstream.port, 'mux(() => 1, { maxQueue: 2 })'), { network, ...grant })
  const chain = b.http(echo)
  const [first, second] = [testContext(), testContext()]
  const asked = [first, second].map((cx) => chain.run(testRequest({ path: '/never' }), cx))
  await eventually(() => /never.*\n.*never/.test(String(upstream.connections[0]?.received)), 'both are sent')
  for (const [at, cx] of [first, second].entries()) {
    cx.abort(new ProxyError('CLIENT_GONE', 'left'))
    await t.rejects(asked[at] as Promise<unknown>, { code: 'CLIENT_GONE' })
    cx.finish(testOutcome({ error: cx.abortReason }))
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(b.plugin.usage().exchanges, at === 0 ? 2 : 0)
  }
  await eventually(() => upstream.connections[0]?.ending !== null, 'the connection is closed')
  t.equal((await ask(chain, testRequest({ path: '/again' }))).text, '/again ')
  await idle(b)
})

test('what fails in what is shared fails those who wait, and nobody after them', async (t) => {
  using b = bench(`
    pipy({ _path: '' }).pipeline()
    .mux(() => 1).to($ => $
      .handleMessageStart(({ head }) => { if (head.path === '/bad') throw new Error('no') })
      .replaceMessage(message => new Message(message.head.path)))`)
  const chain = b.http(echo)
  t.equal((await ask(chain, testRequest({ path: '/a' }))).text, '/a')
  await t.rejects(ask(chain, testRequest({ path: '/bad' })), { code: 'PLUGIN_THREW' })
  t.equal((await ask(chain, testRequest({ path: '/b' }))).text, '/b')
  await idle(b)
  using silent = bench('pipy().pipeline().mux(() => 1).to($ => $.dummy())')
  await t.rejects(ask(silent.http(echo), testRequest()), { message: /neither sent it on nor gave an answer/ })
  await idle(silent)
  using lost = bench('pipy().pipeline().mux(() => { throw new Error("no key") }).to($ => $.dummy())')
  await t.rejects(ask(lost.http(echo), testRequest()), { code: 'PLUGIN_THREW' })
  using endless = bench(`pipy().pipeline().link('a').pipeline('a').mux().to('a')`)
  await t.rejects(ask(endless.http(echo), testRequest()), { message: /nested more than 64 deep/ })
})

test('a plugin that is taken out ends what it shares', async (t) => {
  const b = bench('pipy().pipeline().mux(() => 1).to($ => $.replaceMessage(new Message("x")))')
  t.equal((await ask(b.http(echo), testRequest())).text, 'x')
  t.equal(b.plugin.usage().exchanges, 1)
  b.plugin[Symbol.dispose]()
  t.equal(b.plugin.usage().exchanges, 0)
  t.equal(b.tools.clock.waiting, 0)
  t.end()
})
