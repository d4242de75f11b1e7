import { test } from 'tap'
import type { BreakerPolicy } from '../model.ts'
import { Breaker, type Verdict } from './breaker.ts'

const policy: BreakerPolicy = {
  windowMs: 10_000,
  minRequests: 10,
  openMs: 5_000,
  slowMs: 1_000,
  slowAmount: null,
  slowRatio: null,
  errorAmount: null,
  errorRatio: null,
  status: 503,
  body: '',
  halfOpenRequests: 2,
}
const well: Verdict = { isError: false, isSlow: false }
const error: Verdict = { isError: true, isSlow: false }
const slow: Verdict = { isError: false, isSlow: true }

/** A breaker, what it reported, and one whole request through it. */
function breakerWith(change: Partial<BreakerPolicy>) {
  const states: string[] = []
  const breaker = new Breaker({ ...policy, ...change }, (state) => states.push(state))
  const request = (verdict: Verdict, now: number) => {
    const ticket = breaker.admit(now)
    if (ticket !== 0) breaker.record(ticket, verdict, now)
    return ticket !== 0
  }
  return { breaker, states, request }
}

test('the error that reaches the amount within one window opens it', async (t) => {
  const { breaker, request, states } = breakerWith({ errorAmount: 3 })
  request(error, 0)
  request(error, 1)
  request(well, 2)
  t.equal(breaker.state, 'closed')
  request(error, 3)
  t.equal(breaker.state, 'open')
  t.strictSame(states, ['open'])
  t.notOk(request(well, 4))
})

test('a new window forgets the errors of the last', async (t) => {
  const { breaker, request } = breakerWith({ errorAmount: 2 })
  request(error, 0)
  request(error, 10_000)
  t.equal(breaker.state, 'closed')
  request(error, 19_999)
  t.equal(breaker.state, 'open')
})

test('a ratio counts only from the least number of requests on', async (t) => {
  const { breaker, request } = breakerWith({ errorRatio: 0.5, minRequests: 10 })
  for (let at = 0; at < 5; at += 1) request(error, at)
  for (let at = 0; at < 4; at += 1) request(well, at)
  t.equal(breaker.state, 'closed', 'nine requests are too few')
  request(well, 5)
  t.equal(breaker.state, 'open')
})

test('slow answers have thresholds of their own', async (t) => {
  const byAmount = breakerWith({ slowAmount: 2 })
  byAmount.request(slow, 0)
  byAmount.request(error, 0)
  t.equal(byAmount.breaker.state, 'closed')
  byAmount.request(slow, 0)
  t.equal(byAmount.breaker.state, 'open')
  const byRatio = breakerWith({ slowRatio: 0.2, minRequests: 5 })
  for (let at = 0; at < 4; at += 1) byRatio.request(well, at)
  byRatio.request(slow, 5)
  t.equal(byRatio.breaker.state, 'open')
})

test('without thresholds, or with thresholds of 0, nothing good opens it', async (t) => {
  const none = breakerWith({})
  for (let at = 0; at < 50; at += 1) none.request({ isError: true, isSlow: true }, at)
  t.equal(none.breaker.state, 'closed')
  const zero = breakerWith({ errorAmount: 0, errorRatio: 0, minRequests: 0 })
  for (let at = 0; at < 50; at += 1) zero.request(well, at)
  t.equal(zero.breaker.state, 'closed')
})

test('after its time it lets a few through, and closes when all of them were well', async (t) => {
  const { breaker, request, states } = breakerWith({ errorAmount: 1 })
  request(error, 0)
  t.equal(breaker.admit(4_999), 0)
  const first = breaker.admit(5_000)
  const second = breaker.admit(5_000)
  t.not(first, 0)
  t.not(second, 0)
  t.equal(breaker.admit(5_000), 0, 'no more than two at once')
  breaker.record(first, well, 5_001)
  t.equal(breaker.admit(5_001), 0, 'one that was well does not make room')
  t.equal(breaker.state, 'half-open')
  breaker.record(second, well, 5_002)
  t.strictSame(states, ['open', 'half-open', 'closed'])
  t.ok(request(well, 5_003))
})

test('one bad answer while half-open opens it again, for the whole time', async (t) => {
  const { breaker, request, states } = breakerWith({ errorAmount: 1 })
  request(error, 0)
  const [first, second] = [breaker.admit(5_000), breaker.admit(5_000)]
  breaker.record(first, error, 5_100)
  t.equal(breaker.state, 'open')
  breaker.record(second, well, 5_200)
  t.equal(breaker.state, 'open', 'the other came too late to say anything')
  t.equal(breaker.admit(10_099), 0)
  t.not(breaker.admit(10_100), 0)
  t.strictSame(states, ['open', 'half-open', 'open', 'half-open'])
})

test('while half-open only that is bad which has a threshold', async (t) => {
  const { breaker, request } = breakerWith({ errorAmount: 1, halfOpenRequests: 1 })
  request(error, 0)
  request(slow, 5_000)
  t.equal(breaker.state, 'closed')
  const bySlowness = breakerWith({ slowRatio: 1, minRequests: 1, halfOpenRequests: 1 })
  bySlowness.request(slow, 0)
  bySlowness.request(error, 5_000)
  t.equal(bySlowness.breaker.state, 'closed')
})

test('a place that is left, or that nobody hears of for another open time, is given to the next', async (t) => {
  const { breaker, request } = breakerWith({ errorAmount: 1, halfOpenRequests: 1 })
  request(error, 0)
  const left = breaker.admit(5_000)
  breaker.leave(left)
  const silent = breaker.admit(5_001)
  t.not(silent, 0)
  t.equal(breaker.admit(9_999), 0)
  const next = breaker.admit(10_000)
  t.not(next, 0)
  breaker.record(silent, error, 10_001)
  t.equal(breaker.state, 'half-open', 'the silent one has no say any more')
  breaker.leave(silent)
  t.equal(breaker.admit(10_001), 0)
  breaker.record(next, well, 10_002)
  t.equal(breaker.state, 'closed')
})

test('answers to requests from before it opened neither reopen it nor free places', async (t) => {
  const { breaker, request } = breakerWith({ errorAmount: 1, halfOpenRequests: 1 })
  const old = breaker.admit(0)
  request(error, 1)
  breaker.record(old, error, 2)
  const probe = breaker.admit(5_001)
  breaker.leave(old)
  breaker.recordBreak(old, 5_001)
  t.equal(breaker.admit(5_001), 0)
  breaker.record(probe, well, 5_002)
  t.equal(breaker.state, 'closed')
  breaker.record(old, error, 5_003)
  t.equal(breaker.state, 'closed')
})

test('an answer that breaks off is an error, though its head was well', async (t) => {
  const { breaker, request } = breakerWith({ errorAmount: 2 })
  const ticket = breaker.admit(0)
  breaker.record(ticket, well, 0)
  breaker.recordBreak(ticket, 1)
  t.equal(breaker.state, 'closed')
  request(error, 2)
  t.equal(breaker.state, 'open')
  const probe = breaker.admit(5_002)
  breaker.record(probe, well, 5_003)
  breaker.recordBreak(probe, 5_004)
  t.equal(breaker.state, 'open')
})
