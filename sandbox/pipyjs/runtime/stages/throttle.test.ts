import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { localResponse } from '../../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import type { QuotaOptions } from '../quota.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const quota = (initial: number, perMs: number | null): QuotaOptions => ({
  initial,
  max: null,
  perMs,
  produce: null,
  key: null,
})
const put = () => testRequest({ method: 'PUT', body: Body.of('abcdef') })
const turn = () => new Promise((resolve) => setTimeout(resolve, 2))

test('messages begin no faster than their quota says, in the order of coming', async (t) => {
  using b = bench(`pipy().pipeline().throttleMessageRate({ $quota: 1 }).chain()`, {
    quotas: [quota(2, 1_000)],
  })
  const chain = b.http(echo)
  const done: number[] = []
  const all = [0, 1, 2, 3, 4].map((n) => ask(chain, put()).then(({ text }) => done.push(n) && text))
  await turn()
  t.same(done, [0, 1])
  b.tools.clock.advance(1_000)
  await turn()
  t.same(done, [0, 1, 2, 3])
  b.tools.clock.advance(1_000)
  t.same(await Promise.all(all), Array(5).fill('PUT / abcdef'))
  t.equal(b.tools.clock.waiting, 0)
})

test('who waits for a quota and leaves gives up the place', async (t) => {
  using b = bench(`pipy().pipeline().throttleMessageRate(() => ({ $quota: 1 })).chain()`, {
    quotas: [quota(1, 1_000)],
  })
  const chain = b.http(echo)
  await ask(chain, put())
  const cx = testContext()
  const leaving = ask(chain, put(), cx)
  const staying = ask(chain, put())
  cx.abort(new ProxyError('CLIENT_GONE', 'the client left'))
  await t.rejects(leaving, { code: 'CLIENT_GONE' })
  b.tools.clock.advance(1_000)
  t.match(await staying, { text: 'PUT / abcdef' })
})

test('who waits for a quota for too long fails', async (t) => {
  using b = bench(`pipy().pipeline().throttleMessageRate({ $quota: 1 }).chain()`, {
    quotas: [quota(0, null)],
  })
  const asked = ask(b.http(echo), put())
  b.tools.clock.advance(30_000)
  await t.rejects(asked, { code: 'PLUGIN_OVER_LIMIT' })
})

test('bytes pass no faster than their quota says', async (t) => {
  using b = bench(`pipy().pipeline().chain().throttleDataRate({ $quota: 1 })`, { quotas: [quota(4, 10_000)] })
  const cx = testContext()
  const response = await b.http(echo).run(put(), cx)
  const got: string[] = []
  let hasEnded = false
  response.body?.open({
    write: (bytes) => got.push(Buffer.from(bytes).toString()) > 0,
    end: () => {
      hasEnded = true
    },
    fail: (error) => t.error(error),
  })
  t.same(got, ['PUT '])
  for (let n = 0; n < 2; n++) b.tools.clock.advance(10_000)
  t.same(got, ['PUT ', '/ ab', 'cdef'])
  await turn()
  t.ok(hasEnded, 'what flows slowly is no pause, however long all of it takes')
  cx.finish(testOutcome())
})

test('bytes that waited for their quota are let go of when they have passed', async (t) => {
  using b = bench(`pipy().pipeline().throttleDataRate({ $quota: 1 }).chain()`, { quotas: [quota(4, 1_000)] })
  const [asked, answer] = [handBody(), handBody()]
  const passed: WeakRef<ArrayBufferLike>[] = []
  const chain = b.http(async ({ body }) => {
    body?.open({
      write: (bytes) => passed.push(new WeakRef(bytes.buffer)) > 0,
      end: () => {},
      fail: (error) => t.error(error),
    })
    return localResponse(200, new HeaderList(), answer.body)
  })
  const cx = testContext()
  await chain.run(testRequest({ method: 'PUT', body: asked.body }), cx)
  for (let count = 0; count < 20; count += 1) {
    asked.sink()?.write(Buffer.alloc(8))
    b.tools.clock.advance(2_000)
  }
  t.equal(passed.length, 40)
  // a weak reference holds until the task is over in which it was made
  await turn()
  collectGarbage()
  t.ok(passed.filter((piece) => piece.deref()).length <= 2, 'but for what passed last')
  cx.abort(new ProxyError('CLIENT_GONE', 'the client left'))
  cx.finish(testOutcome())
})

test('so many exchanges are in a pipeline at a time', async (t) => {
  using b = bench(`pipy().pipeline().throttleConcurrency({ $quota: 1 }).chain()`, {
    quotas: [quota(1, null)],
  })
  const chain = b.http(echo)
  const cx = testContext()
  const first = await chain.run(put(), cx)
  let isThrough = false
  const second = ask(chain, put()).then(() => {
    isThrough = true
  })
  await turn()
  t.notOk(isThrough)
  first.body?.cancel(new ProxyError('CLIENT_GONE', 'enough'))
  cx.finish(testOutcome())
  await second
})

test('what is no quota is refused', async (t) => {
  t.throws(() => bench(`pipy().pipeline().throttleMessageRate(10).chain()`), {
    name: 'PluginFault',
    message:
      /tested.yaml:1:19: plugin tested: throttleMessageRate\(\): argument 1 must be an algo.Quota.*a number is none/,
  })
  using b = bench(`pipy().pipeline().throttleMessageRate(() => 10).chain()`)
  await t.rejects(ask(b.http(echo), put()), { code: 'PLUGIN_THREW' })
})
