import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { SharedStateHome } from './home.ts'
import { sharedLimits } from './limits.ts'
import { TestThread } from './testing/threads.ts'
import { WorkerSharedState } from './worker-state.ts'

const bytes = (text: string) => Buffer.from(text)

function setUp(t: Test) {
  const home = new SharedStateHome()
  t.teardown(() => home[Symbol.dispose]())
  const join = () => {
    const seat = home.seat()
    const state = new WorkerSharedState(seat)
    t.teardown(() => {
      state[Symbol.dispose]()
      home.vacate(seat)
    })
    return state
  }
  return { home, join, state: join() }
}

/** Waits until as many calls were made as should be, and a little longer for any too many. */
async function counted(told: Readonly<Record<string, number>>, total: number): Promise<void> {
  const sum = () => Object.values(told).reduce((all, one) => all + one, 0)
  for (let round = 0; round < 500 && sum() < total; round += 1) await sleep(10)
  await sleep(50)
}

test('queues have tokens from 1 up, and hand out their entries in order', async (t) => {
  const { state } = setUp(t)
  const register = (name: string) => state.registerQueue('vm', name, () => {})
  t.strictSame([register('name'), register('name'), register('name'), register('second')], [1, 1, 1, 2])
  t.equal(state.resolveQueue('vm', 'second'), 2)
  t.equal(state.resolveQueue('vm', 'third'), null)
  t.equal(state.resolveQueue('other', 'name'), null)
  for (const token of [0, -1, 3, 1_025, 2 ** 32 - 1]) {
    t.equal(state.dequeue(token), 'unknown')
    t.equal(state.enqueue(token, bytes('x')), 'unknown')
  }
  t.equal(state.dequeue(1), 'empty')
  for (const text of ['a', '', 'c']) t.equal(state.enqueue(1, bytes(text)), 'ok')
  t.strictSame(
    [1, 1, 1].map((token) => Buffer.from(state.dequeue(token) as Uint8Array).toString()),
    ['a', '', 'c'],
  )
  t.equal(state.dequeue(1), 'empty')
})

test('the newest registrant is told of each entry once, and never inside of the call that enqueued it', async (t) => {
  const { state, join } = setUp(t)
  const told = { first: 0, second: 0, neighbour: 0 }
  const token = state.registerQueue('vm', 'q', () => (told.first += 1)) as number
  state.registerQueue('vm', 'q', () => (told.second += 1))
  for (let index = 0; index < 100; index += 1) state.enqueue(token, bytes('x'))
  t.equal(told.second, 0)
  await counted(told, 100)
  t.strictSame(told, { first: 0, second: 100, neighbour: 0 })
  const neighbour = join()
  t.equal(
    neighbour.registerQueue('vm', 'q', () => (told.neighbour += 1)),
    token,
  )
  state.enqueue(token, bytes('x'))
  neighbour.enqueue(token, bytes('y'))
  await counted(told, 102)
  t.strictSame(told, { first: 0, second: 100, neighbour: 2 })
  neighbour[Symbol.dispose]()
  state.enqueue(token, bytes('z'))
  await counted(told, 103)
  t.strictSame(
    told,
    { first: 0, second: 101, neighbour: 2 },
    'when it has left, the one before is told again',
  )
})

test('a queue crosses threads, and outlives the thread that registered it', async (t) => {
  const { home, state } = setUp(t)
  state.acquire('vm')
  const consumer = new TestThread(home, 'listen')
  const { token } = await consumer.next<{ token: number }>()
  t.equal(state.resolveQueue('vm', 'queue'), token)
  for (const text of ['one', 'two', 'three']) {
    state.enqueue(token, bytes(text))
    t.strictSame(await consumer.next(), { entry: text })
  }
  await consumer.terminate()
  state.enqueue(token, bytes('meanwhile'))
  const heir = new TestThread(home, 'listen')
  t.strictSame(await heir.next(), { token })
  t.strictSame(await heir.next(), { entry: 'meanwhile' })
  await heir.end()
})

test('queues are bounded', async (t) => {
  const { state } = setUp(t)
  const { queueEntries, spaceQueues, valueBytes } = sharedLimits
  const token = state.registerQueue('vm', '0', () => {}) as number
  for (let index = 1; index < spaceQueues; index += 1) {
    t.type(
      state.registerQueue('vm', `${index}`, () => {}),
      'number',
    )
  }
  t.equal(
    state.registerQueue('vm', 'one more', () => {}),
    'full',
  )
  t.equal(
    state.registerQueue('vm', '0', () => {}),
    token,
  )
  t.equal(state.enqueue(token, new Uint8Array(valueBytes + 1)), 'full')
  for (let index = 0; index < queueEntries; index += 1) {
    if (state.enqueue(token, bytes('x')) !== 'ok') t.fail(`${index}`)
  }
  t.equal(state.enqueue(token, bytes('x')), 'full')
  state.dequeue(token)
  t.equal(state.enqueue(token, bytes('x')), 'ok')
})
