import { type Test, test } from 'tap'
import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import { type ManualClock, manualClock, testContext } from './testing.ts'
import { tokenBucket } from './token-bucket.ts'
import { TokenQueue } from './token-queue.ts'

const gone = new ProxyError('CLIENT_GONE', 'the client has left')

/** A queue for ten tokens a second whose first one is taken, and what became of those who wait in it. */
function emptied(t: Test) {
  const clock = manualClock()
  const queue = new TokenQueue(tokenBucket({ amount: 10, windowMs: 1_000, burst: 1 }, clock), clock)
  t.ok(queue.take())
  const served: string[] = []
  const join = (name: string, cx: Context = testContext()) => {
    queue.join(cx).then(
      () => served.push(name),
      (reason: ProxyError) => served.push(`${name} ${reason.code}`),
    )
    return cx
  }
  return { clock, queue, served, join }
}

/** Lets the clock run, and what waits for promises with it. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms)
  for (let turn = 0; turn < 4; turn += 1) await null
}

test('who waits for a token gets one in the order of coming, as they come', async (t) => {
  const { clock, queue, served, join } = emptied(t)
  for (const name of ['a', 'b', 'c']) join(name)
  t.equal(queue.waiting, 3)
  t.equal(queue.nextMs(), 400, 'who comes next is behind them')
  await pass(clock, 99)
  t.strictSame(served, [])
  await pass(clock, 1)
  t.strictSame(served, ['a'])
  await pass(clock, 200)
  t.strictSame(served, ['a', 'b', 'c'])
  t.equal(clock.waiting, 0, 'no timer is left when nobody waits')
})

test('nobody overtakes those who wait', async (t) => {
  const { clock, queue, served, join } = emptied(t)
  const cx = join('a')
  await pass(clock, 99)
  t.notOk(queue.take())
  cx.abort(gone)
  await pass(clock, 1)
  t.strictSame(served, ['a CLIENT_GONE'])
  t.ok(queue.take(), 'a token that nobody waits for any more is for everyone')
})

test('who leaves the queue makes room for those behind, and leaves no timer', async (t) => {
  const { clock, queue, served, join } = emptied(t)
  const first = join('a')
  join('b')
  first.abort(gone)
  t.equal(queue.waiting, 1)
  await pass(clock, 100)
  t.strictSame(served, ['a CLIENT_GONE', 'b'])
  join('c').abort(gone)
  await pass(clock, 0)
  t.equal(clock.waiting, 0)
  const late = testContext()
  late.abort(gone)
  join('d', late)
  await pass(clock, 0)
  t.equal(served.at(-1), 'd CLIENT_GONE', 'who has left already does not get in')
  t.equal(queue.waiting, 0)
})

test('tokens that came all at once are given out all at once', async (t) => {
  const clock = manualClock()
  const queue = new TokenQueue(tokenBucket({ amount: 10_000, windowMs: 1_000, burst: 3 }, clock), clock)
  while (queue.take());
  const joined = [1, 2, 3, 4].map(() => queue.join(testContext()))
  await pass(clock, 1)
  t.equal(queue.waiting, 1, 'ten were due in that millisecond, of which the bucket holds three')
  await pass(clock, 1)
  await Promise.all(joined)
})
