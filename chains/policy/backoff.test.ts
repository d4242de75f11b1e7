import { test } from 'tap'
import { ProxyError } from '../failures.ts'
import { backoffMs, wait } from './backoff.ts'
import { manualClock, testContext } from './testing.ts'

test('waits double up to their maximum, and are drawn from nothing to there', async (t) => {
  const options = { backoffBaseMs: 25, backoffMaxMs: 250 }
  const longest = () => 1
  t.strictSame(
    [1, 2, 3, 4, 5, 5_000].map((retry) => backoffMs(options, retry, longest)),
    [25, 50, 100, 200, 250, 250],
  )
  t.equal(
    backoffMs(options, 3, () => 0),
    0,
  )
  t.equal(backoffMs({ backoffBaseMs: 0, backoffMaxMs: 250 }, 5_000, longest), 0)
})

test('a wait ends at its time, and takes its listener back', async (t) => {
  const clock = manualClock()
  const cx = testContext()
  const waiting = wait(100, cx, clock)
  clock.advance(99)
  t.equal(clock.waiting, 1)
  clock.advance(1)
  await waiting
  cx.abort(new ProxyError('CLIENT_GONE', 'left'))
})

test('a wait ends at once when the exchange is given up, also if it was before', async (t) => {
  const clock = manualClock()
  const cx = testContext()
  const gone = new ProxyError('CLIENT_GONE', 'left')
  const waiting = wait(100, cx, clock)
  cx.abort(gone)
  await t.rejects(waiting, gone)
  t.equal(clock.waiting, 0)
  await t.rejects(wait(100, cx, clock), gone)
  t.equal(clock.waiting, 0)
})
