import { test } from 'tap'
import { manualClock } from './testing.ts'
import { type TokenBucket, tokenBucket } from './token-bucket.ts'

const takeAll = (bucket: TokenBucket): number => {
  let taken = 0
  while (taken < 10_000 && bucket.take()) taken += 1
  return taken
}

test('a bucket starts full, with its burst, or with its amount when there is no burst', async (t) => {
  const clock = manualClock()
  t.equal(takeAll(tokenBucket({ amount: 5, windowMs: 1_000, burst: 8 }, clock)), 8)
  t.equal(takeAll(tokenBucket({ amount: 5, windowMs: 1_000, burst: 0 }, clock)), 5)
  t.equal(takeAll(tokenBucket({ amount: 5, windowMs: 1_000, burst: -1 }, clock)), 5)
  t.equal(takeAll(tokenBucket({ amount: 0, windowMs: 1_000, burst: 0 }, clock)), 0)
})

test('tokens come back one by one over the window, and not beyond the burst', async (t) => {
  const clock = manualClock()
  const bucket = tokenBucket({ amount: 10, windowMs: 1_000, burst: 3 }, clock)
  t.equal(takeAll(bucket), 3)
  clock.advance(99)
  t.notOk(bucket.take())
  clock.advance(1)
  t.ok(bucket.take())
  t.notOk(bucket.take())
  clock.advance(3_600_000)
  t.equal(takeAll(bucket), 3)
})

test('a bucket that is never full gives exactly its rate, however odd the rate is', async (t) => {
  const clock = manualClock()
  const bucket = tokenBucket({ amount: 7, windowMs: 1_000, burst: 100 }, clock)
  t.equal(takeAll(bucket), 100)
  let taken = 0
  for (let second = 0; second < 3_000; second += 1) {
    clock.advance(333.25)
    taken += takeAll(bucket)
  }
  t.equal(taken, Math.floor((3_000 * 333.25 * 7) / 1_000))
})

test('a clock that jumps forward fills the bucket once, and one that jumps back changes nothing', async (t) => {
  const clock = manualClock()
  const bucket = tokenBucket({ amount: 10, windowMs: 1_000, burst: 10 }, clock)
  t.equal(takeAll(bucket), 10)
  clock.advance(50)
  t.notOk(bucket.take())
  clock.advance(-900)
  t.notOk(bucket.take())
  clock.advance(50)
  t.ok(bucket.take(), 'what had come before the jump still counts')
  clock.advance(1e12)
  t.equal(takeAll(bucket), 10)
})

test('a bucket knows when its next tokens come', async (t) => {
  const clock = manualClock()
  const bucket = tokenBucket({ amount: 10, windowMs: 1_000, burst: 3 }, clock)
  t.equal(bucket.nextMs(1), 0)
  t.equal(bucket.nextMs(4), 100, 'three are there, and the fourth comes')
  takeAll(bucket)
  t.strictSame([bucket.nextMs(1), bucket.nextMs(2), bucket.nextMs(15)], [100, 200, 1_500])
  clock.advance(130)
  t.strictSame([bucket.nextMs(1), bucket.nextMs(2)], [0, 70])
  t.equal(tokenBucket({ amount: 0, windowMs: 1_000, burst: 0 }, clock).nextMs(1), Number.POSITIVE_INFINITY)
  const once = tokenBucket({ amount: 0, windowMs: 1_000, burst: 1 }, clock)
  t.strictSame([once.nextMs(1), once.nextMs(2)], [0, Number.POSITIVE_INFINITY])
  const less = tokenBucket({ amount: 0.5, windowMs: 1_000, burst: 0 }, clock)
  t.equal(less.nextMs(1), Number.POSITIVE_INFINITY, 'less than one token is never one')
})
