import { test } from 'tap'
import { manualClock } from '../../chains/policy/testing.ts'
import { pause } from '../plugin/testing/bench.ts'
import { Restarts } from './restarts.ts'
import { load, policyWith } from './testing.ts'

const spin = (ms: number): void => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('a restart may take what the first start took, twice over, and a call’s time at least', (t) => {
  const quick = new Restarts(manualClock(), 50, 2_000)
  t.equal(
    quick.run((ms) => ms),
    2_000,
  )
  t.equal(
    quick.run((ms) => ms),
    50,
  )
  const slow = new Restarts(manualClock(), 50, 2_000)
  slow.run(() => spin(100))
  const mostMs = slow.run((ms) => ms)
  t.ok(mostMs >= 200 && mostMs < 2_000, String(mostMs))
  const slowest = new Restarts(manualClock(), 50, 150)
  slowest.run(() => spin(100))
  t.equal(
    slowest.run((ms) => ms),
    150,
  )
  t.end()
})

test('after a slow restart, well or not, there is none for ten times as long', (t) => {
  const clock = manualClock()
  const restarts = new Restarts(clock, 10, 2_000)
  restarts.run(() => spin(20))
  t.notOk(restarts.isHeldBack, 'the first start is none')
  restarts.run(() => {})
  t.notOk(restarts.isHeldBack)
  t.throws(() =>
    restarts.run(() => {
      spin(20)
      throw new Error('it does not start')
    }),
  )
  t.ok(restarts.isHeldBack)
  clock.advance(199)
  t.ok(restarts.isHeldBack)
  clock.advance(10_000)
  t.notOk(restarts.isHeldBack)
  t.end()
})

test('a plugin that dies again and again and takes long to start is held back', async (t) => {
  using loaded = load(
    `{ const until = Date.now() + 150; while (Date.now() < until); }
    export default { onRequest() { const all = []; for (;;) all.push(new ArrayBuffer(1e6)) } }`,
    policyWith({ limits: { callMs: 100, memoryMiB: 16, bufferKiB: 64, pauseMs: 1_000 } }),
  )
  const fault = () =>
    loaded.ask().then(
      () => '',
      ({ message }) => String(message),
    )
  for (let count = 0; count < 2; count += 1) t.match(await fault(), /used more memory|ran for more/)
  t.equal(loaded.state.restarts, 1)
  for (let count = 0; count < 5; count += 1) t.match(await fault(), /it is held back/)
  await pause(20)
  t.equal(loaded.state.restarts, 1)
})
