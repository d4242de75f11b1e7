import { MessageChannel, Worker } from 'node:worker_threads'
import { test } from 'tap'
import { assertNothingLeft } from '../../test/support/nothing-left.ts'
import { KeyValueMap, KeyValueStore, keyValueLimits } from './kv.ts'
import { KeyValueClient, serveKeyValue } from './kv-port.ts'

function mapAt(limits: Partial<typeof keyValueLimits> = {}) {
  const clock = { now: 0 }
  return { clock, map: new KeyValueMap({ ...keyValueLimits, ...limits }, () => clock.now) }
}

test('a value is there until its time is over', async (t) => {
  const { clock, map } = mapAt()
  map.set('a', '1', 100)
  map.set('b', '2', 0)
  clock.now = 99
  t.equal(map.get('a'), '1')
  clock.now = 100
  t.equal(map.get('a'), null)
  t.equal(map.delete('a'), false)
  t.equal(map.get('b'), '2')
  t.equal(map.delete('b'), true)
  t.equal(map.size, 0)
})

test('compare-and-set changes only what is as expected', async (t) => {
  const { map } = mapAt()
  t.equal(map.compareAndSet('a', 'x', '1', 0), false)
  t.equal(map.compareAndSet('a', null, '1', 0), true)
  t.equal(map.compareAndSet('a', null, '2', 0), false)
  t.equal(map.get('a'), '1')
  t.equal(map.compareAndSet('a', '1', null, 0), true)
  t.equal(map.get('a'), null)
})

test('a counter begins at 0 and ends with its window', async (t) => {
  const { clock, map } = mapAt()
  t.equal(map.add('hits', 1, 100), 1)
  clock.now = 60
  t.equal(map.add('hits', 2, 100), 3)
  clock.now = 100
  t.equal(map.add('hits', 1, 100), 1, 'the window began with the first')
  map.set('text', 'abc', 0)
  t.throws(() => map.add('text', 1, 0), /"text" and what is added are no number/)
  t.throws(() => map.add('hits', Number.NaN, 0), /no number/)
})

test('what was not used for longest goes when there is no room', async (t) => {
  const { map } = mapAt({ maxEntries: 2 })
  map.set('a', '1', 0)
  map.set('b', '2', 0)
  map.get('a')
  map.set('c', '3', 0)
  t.strictSame([map.get('a'), map.get('b'), map.get('c')], ['1', null, '3'])
})

test('bytes have a bound too, and are given back', async (t) => {
  const { map } = mapAt({ maxBytes: 4_000 })
  for (let index = 0; index < 1_000; index += 1) map.set('same', 'x'.repeat(1_000), 0)
  t.equal(map.size, 1)
  for (let index = 0; index < 100; index += 1) map.set(`k${index}`, 'x'.repeat(500), 0)
  t.equal(map.size, 3)
  for (let index = 97; index < 100; index += 1) map.delete(`k${index}`)
  map.set('late', 'x'.repeat(1_500), 0)
  t.equal(map.size, 1)
  t.throws(() => map.set('k'.repeat(2_000), '', 0), /1024 characters at most/)
  t.throws(() => map.set('k', 'x'.repeat(300_000), 0), /262144 characters at most/)
})

test('plugins do not see each other, and what is gone is forgotten', async (t) => {
  const store = new KeyValueStore()
  store.of('one').set('a', '1', 0)
  store.of('two').set('a', '2', 0)
  t.equal(store.of('one').get('a'), '1')
  store.keepOnly(new Set(['two', 'three']))
  t.equal(store.of('one').get('a'), null)
  t.equal(store.of('two').get('a'), '2')
})

test('a client on the other end of a port works on the same map, and says what is wrong', async (t) => {
  await using _left = assertNothingLeft(t)
  const store = new KeyValueStore()
  const { port1, port2 } = new MessageChannel()
  serveKeyValue(port1, store)
  using client = new KeyValueClient(port2)
  // ports do not keep the process alive by themselves
  const alive = setInterval(() => {}, 1_000)
  const kv = client.of('one')
  await kv.set('a', '1', 0)
  t.equal(store.of('one').get('a'), '1')
  t.equal(await kv.get('a'), '1')
  t.equal(await kv.compareAndSet('a', '1', '2', 0), true)
  t.equal(await kv.add('a', 3, 0), 5)
  t.equal(await client.of('two').get('a'), null)
  await t.rejects(kv.set('k'.repeat(2_000), '', 0), /1024 characters at most/)
  t.equal(await kv.delete('a'), true)
  const waiting = Array.from({ length: 10_000 }, () => kv.add('n', 1, 0))
  await t.rejects(kv.get('n'), /more than 10000 questions/)
  t.equal((await Promise.all(waiting)).at(-1), 10_000)
  const late = t.rejects(kv.get('a'), /the worker is ending/)
  client[Symbol.dispose]()
  await late
  await t.rejects(kv.get('a'), /the worker is ending/)
  clearInterval(alive)
})

test('what is too long is refused in the worker, and the main thread never sees it', async (t) => {
  await using _left = assertNothingLeft(t)
  const { port1, port2 } = new MessageChannel()
  let arrived = 0
  port1.on('message', () => {
    arrived += 1
  })
  serveKeyValue(port1, new KeyValueStore())
  using client = new KeyValueClient(port2)
  const alive = setInterval(() => {}, 1_000)
  const kv = client.of('one')
  const [longKey, longValue] = ['k'.repeat(1_025), 'x'.repeat(262_145)]
  const tooLong: Promise<unknown>[] = [
    kv.set('k', longValue, 0),
    kv.compareAndSet('k', null, longValue, 0),
    kv.compareAndSet('k', longValue, null, 0),
  ]
  for (const asked of tooLong) {
    await t.rejects(asked, /the value of "k" may have 262144 characters at most/)
  }
  const ofLongKey: Promise<unknown>[] = [kv.get(longKey), kv.delete(longKey), kv.add(longKey, 1, 0)]
  for (const asked of ofLongKey) {
    await t.rejects(asked, /1024 characters at most/)
  }
  t.equal(arrived, 0)
  const most = longValue.slice(1)
  const asked = Array.from({ length: 100 }, () => kv.set('k', most, 0))
  const faults = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected')
  t.equal(arrived, 63, '16 Mi characters wait at most')
  t.match(faults[0], { reason: { message: /more than 16777216 characters/ } })
  await kv.set('k', most, 0)
  clearInterval(alive)
})

const counter = `
import { workerData } from 'node:worker_threads'
import { KeyValueClient } from ${JSON.stringify(new URL('./kv-port.ts', import.meta.url).href)}
const kv = new KeyValueClient(workerData).of('counter')
const alive = setInterval(() => {}, 1_000)
for (let left = 200; left > 0;) {
  const text = await kv.get('n')
  if (await kv.compareAndSet('n', text, String(Number(text) + 1), 0)) left -= 1
}
clearInterval(alive)
`

test('no addition of two workers is lost', async (t) => {
  const store = new KeyValueStore()
  const ends = [1, 2].map(() => {
    const { port1, port2 } = new MessageChannel()
    serveKeyValue(port1, store)
    const url = new URL(`data:text/javascript,${encodeURIComponent(counter)}`)
    const worker = new Worker(url, { workerData: port2, transferList: [port2] })
    return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  })
  t.strictSame(await Promise.all(ends), [0, 0])
  t.equal(store.of('counter').get('n'), '400')
})
