import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { SharedStateHome } from './home.ts'
import { heapStart, place } from './layout.ts'
import { sharedLimits } from './limits.ts'
import { WorkerSharedState } from './worker-state.ts'

const bytes = (text: string) => Buffer.from(text)

function setUp(t: Test, heapBytes?: number) {
  const home = new SharedStateHome(null, heapBytes)
  const seat = home.seat()
  const state = new WorkerSharedState(seat)
  t.teardown(() => {
    state[Symbol.dispose]()
    home.vacate(seat)
    home[Symbol.dispose]()
  })
  return { home, seat, state, words: new Int32Array(seat.buffer) }
}

/** Whether the whole heap is one free block again. */
const isWhole = (words: Int32Array) =>
  words[place.freeHeads + (words[place.topOrder] as number)] === heapStart

async function becomesWhole(words: Int32Array): Promise<boolean> {
  for (let tries = 0; tries < 200 && !isWhole(words); tries += 1) await sleep(10)
  return isWhole(words)
}

test('values are set unconditionally or by their cas, which counts over all of them', async (t) => {
  const { state } = setUp(t)
  t.equal(state.setData('vm', 'a', bytes('1'), 0), 'ok')
  t.equal(state.setData('vm', 'a', bytes('1'), 0), 'ok')
  t.match(state.getData('vm', 'a'), { cas: 2 })
  t.equal(state.setData('vm', 'a', bytes('x'), 100), 'mismatch')
  t.equal(state.setData('vm', 'a', bytes('2'), 2), 'ok')
  t.strictSame(Buffer.from(state.getData('vm', 'a')?.value ?? []).toString(), '2')
  t.equal(state.getData('vm', 'a')?.cas, 3)
  t.equal(state.getData('vm', 'b'), null)
  t.equal(state.getData('other', 'a'), null)
  t.equal(state.setData('vm', 'new', bytes(''), 77), 'ok', 'the cas of a missing key does not matter')
  t.match(state.getData('vm', 'new'), { cas: 4 })
  t.equal(state.getData('vm', 'new')?.value.length, 0)
  t.equal(state.setData('', 'empty vm id', bytes('x'), 0), 'ok')
  t.equal(state.getData('', 'empty vm id')?.cas, 5)
})

test('keys and values of any bytes stay apart', async (t) => {
  const { state } = setUp(t)
  const keys = ['', '\0', '\xff', 'ÿ\0', '\ud800', '\ud801', 'k'.repeat(sharedLimits.keyLength)]
  for (const [index, key] of keys.entries()) state.setData('vm', key, Uint8Array.of(index, 0, 255), 0)
  for (const [index, key] of [...new Set(keys)].entries()) {
    t.strictSame([...(state.getData('vm', key)?.value ?? [])].slice(1), [0, 255], JSON.stringify(key))
    t.equal(state.getData('vm', key)?.value[0], index)
  }
  const value = state.getData('vm', '')?.value as Uint8Array
  value.fill(9)
  t.equal(state.getData('vm', '')?.value[1], 0, 'what was read is a copy')
})

test('the data of a vm id go with the last that uses it, on any thread, and their room is free again', async (t) => {
  const { home, state, words } = setUp(t)
  const seat = home.seat()
  const neighbour = new WorkerSharedState(seat)
  const first = state.acquire('vm')
  const second = state.acquire('vm')
  const third = neighbour.acquire('vm')
  for (let index = 0; index < 300; index += 1) state.setData('vm', `${index}`, new Uint8Array(index * 20), 0)
  const token = state.registerQueue('vm', 'q', () => {}) as number
  for (let index = 0; index < 50; index += 1) state.enqueue(token, new Uint8Array(index))
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  second[Symbol.dispose]()
  t.equal(neighbour.getData('vm', '7')?.value.length, 140)
  third[Symbol.dispose]()
  t.equal(neighbour.getData('vm', '7'), null)
  t.equal(neighbour.resolveQueue('vm', 'q'), null)
  using again = state.acquire('vm')
  t.ok(again)
  t.equal(state.getData('vm', '7'), null, 'who comes later finds nothing')
  again[Symbol.dispose]()
  t.ok(await becomesWhole(words))
  t.equal(state.enqueue(token, bytes('x')), 'unknown')
  state.acquire('vm')
  t.not(
    state.registerQueue('vm', 'q', () => {}),
    token,
    'no old token is one of a new queue',
  )
  neighbour[Symbol.dispose]()
  home.vacate(seat)
})

test('what is over a limit is refused and changes nothing', async (t) => {
  const { state, words } = setUp(t)
  using hold = state.acquire('vm')
  const { valueBytes, keyLength, spaceEntries, spaceBytes } = sharedLimits
  t.equal(state.setData('vm', 'k', new Uint8Array(valueBytes + 1), 0), 'full')
  t.equal(state.setData('vm', 'k'.repeat(keyLength + 1), bytes(''), 0), 'full')
  t.equal(state.getData('vm', 'k'), null)
  const room = Math.floor(spaceBytes / (valueBytes * 1.005))
  for (let index = 0; index < room; index += 1) {
    t.equal(state.setData('vm', `big ${index}`, new Uint8Array(valueBytes), 0), 'ok')
  }
  t.equal(state.setData('vm', 'one more', new Uint8Array(valueBytes), 0), 'full')
  t.equal(state.getData('vm', 'one more'), null)
  t.equal(state.setData('neighbour', 'a', new Uint8Array(valueBytes), 0), 'ok', 'others have their own')
  for (let index = 0; index < spaceEntries; index += 1) {
    if (state.setData('many', `${index}`, Uint8Array.of(1), 0) !== 'ok') t.fail(`${index}`)
  }
  t.equal(state.setData('many', 'one more', Uint8Array.of(1), 0), 'full')
  t.equal(state.setData('many', '17', Uint8Array.of(2), 0), 'ok', 'what is there can be changed')
  t.throws(() => state.acquire('v'.repeat(keyLength + 1)), /vm id "v+" has no room in the shared state/)
  hold[Symbol.dispose]()
  state[Symbol.dispose]()
  t.ok(await becomesWhole(words))
})

test('as many vm ids as there may be, and no more', async (t) => {
  const { state } = setUp(t)
  const holds = Array.from({ length: sharedLimits.spaces - 1 }, (_, index) => state.acquire(`vm ${index}`))
  t.throws(() => state.acquire('one more'), RangeError)
  t.equal(state.setData('one more', 'k', bytes(''), 0), 'full')
  holds[5]?.[Symbol.dispose]()
  await sleep(100)
  t.doesNotThrow(() => state.acquire('one more'))
})

test('room is used again, whatever sizes come and go', async (t) => {
  const { state, words } = setUp(t, 1_048_576)
  let seed = 7
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const expected = new Map<string, number>()
  const counts = { ok: 0, full: 0, mismatch: 0 }
  for (let round = 0; round < 20_000; round += 1) {
    const key = `${random(200)}`
    const length = 2 ** random(16) + random(100)
    const result = state.setData('vm', key, new Uint8Array(length).fill(length), 0)
    counts[result] += 1
    if (result === 'ok') expected.set(key, length)
    const value = state.getData('vm', key)?.value
    if (value?.length !== expected.get(key) || value?.some((byte) => byte !== (value.length & 0xff))) {
      t.fail(`round ${round}`)
      break
    }
  }
  t.ok(counts.ok > 5_000 && counts.full > 100, JSON.stringify(counts))
  for (const key of expected.keys()) t.equal(state.setData('vm', key, new Uint8Array(0), 0), 'ok')
  t.equal(state.setData('vm', 'big', new Uint8Array(400_000), 0), 'ok', 'small pieces have become large ones')
  state[Symbol.dispose]()
  t.ok(await becomesWhole(words))
})

test('numbers are one for all, by owner and name, and dead once they are released', async (t) => {
  const { state } = setUp(t)
  const hold = state.acquire('a')
  const one = state.number('a', 'n')
  const same = state.number('a', 'n')
  const other = state.number('b', 'n')
  if (one === 'full' || same === 'full' || other === 'full') return t.fail('full')
  one.add(5n)
  same.add(-8n)
  t.equal(one.get(), -3n)
  t.equal(one.set(10n), -3n)
  t.equal(same.get(), 10n)
  t.equal(other.get(), 0n)
  hold[Symbol.dispose]()
  one.add(1n)
  t.equal(one.get(), 0n)
  t.equal((state.number('a', 'n') as typeof one).get(), 0n)
  return undefined
})

test('a guest that leaves no stack cannot leave the state half-written or locked', async (t) => {
  const { seat, state, words } = setUp(t)
  const neighbour = new WorkerSharedState(seat)
  state.acquire('vm')
  let tried = 0
  let failed = 0
  const dive = (): void => {
    try {
      dive()
    } finally {
      tried += 1
      if (tried < 3_000) {
        try {
          state.setData('vm', `${tried % 7}`, new Uint8Array(tried), 0)
        } catch {
          failed += 1
        }
      }
    }
  }
  t.throws(dive, RangeError)
  t.ok(failed > 0)
  t.equal(words[place.lock], 0)
  for (let key = 0; key < 7; key += 1) {
    t.equal((state.getData('vm', `${key}`)?.value.length as number) % 7, key)
  }
  neighbour[Symbol.dispose]()
  state[Symbol.dispose]()
  t.ok(await becomesWhole(words))
})
