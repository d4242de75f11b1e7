import { test } from 'tap'
import { openCalling } from '../../testing/calling-guest.ts'
import { data } from '../../testing/guests.ts'
import { encodePairs } from '../pairs.ts'

const texts =
  data(16, 'xname') + data(32, 'compress') + data(48, 'hello world!') + data(64, 'plugin_root_id\0')
const name = [17, 4] as const
const print = { name: 'proxy_log', args: [2, 4_096, 10] } as const

test('a header that is not there is not found; for the oldest version it is empty', async (t) => {
  const call = { name: 'proxy_get_header_map_value', args: [0, ...name, 1_024, 1_028] }
  using world = openCalling([call], texts)
  t.equal(world.run(0), 1)
  using old = openCalling([call], texts, {}, '0_1_0')
  t.equal(old.run(0), 0)
})

test('names of headers are looked up and written in lower case', async (t) => {
  const calls = [
    { name: 'proxy_get_header_map_value', args: [0, 80, 1, 1_024, 1_028] },
    { name: 'proxy_add_header_map_value', args: [0, 80, 1, 80, 1] },
  ]
  using world = openCalling(calls, data(80, 'X'))
  t.equal(world.run(0), 0)
  t.equal(world.run(1), 0)
  t.same(world.stream.fields.slice(-2), ['x', 'X'])
})

test('a map that is written broken is an empty one', async (t) => {
  const good = Buffer.from(encodePairs(['A', 'b'])).toString('latin1')
  const calls = [
    { name: 'proxy_set_header_map_pairs', args: [0, 96, good.length] },
    { name: 'proxy_set_header_map_pairs', args: [0, 96, good.length + 1] },
  ]
  using world = openCalling(calls, data(96, good))
  t.equal(world.run(0), 0)
  t.same(world.stream.fields, ['a', 'b'])
  t.equal(world.run(1), 0)
  t.same(world.stream.fields, [])
})

test('a part of a buffer is cut to what there is', async (t) => {
  const cases = [
    [0, 5, 'Hello'],
    [6, 100, 'world'],
    [11, 5, ''],
    [50, 5, ''],
    [0, -1, 'Hello world'],
    [6, -1, 'world'],
  ] as const
  for (const [start, length, expected] of cases) {
    const read = { name: 'proxy_get_buffer_bytes', args: [0, start, length, 1_024, 1_028] }
    const calls = [read, { name: 'proxy_log', args: [2, 4_096, expected.length] }]
    using world = openCalling(calls)
    t.equal(world.run(0), 0)
    world.run(1)
    t.equal(world.lines[0]?.text, expected)
  }
})

test('a guest knows its own name, with or without a zero behind the path, and with no stream', async (t) => {
  const calls = [
    { name: 'proxy_get_property', args: [64, 14, 1_024, 1_028] },
    { name: 'proxy_get_property', args: [64, 15, 1_024, 1_028] },
    print,
  ]
  using world = openCalling(calls, texts)
  t.equal(world.run(0), 0)
  world.run(2)
  t.equal(world.run(1), 0)
  t.equal(world.lines[0]?.text, 'root of it')
})

test('shared data are read, and changed only where nobody has changed them since', async (t) => {
  const set = (cas: number) => ({ name: 'proxy_set_shared_data', args: [...name, 48, 5, cas] })
  const get = { name: 'proxy_get_shared_data', args: [...name, 1_024, 1_028, 1_032] }
  using world = openCalling([get, set(0), set(100)], texts)
  t.same([0, 1, 1, 0, 2].map(world.run), [1, 0, 0, 0, 8])
  const kept = world.ports.shared.getData('machine', 'name')
  t.equal(Buffer.from(kept?.value ?? []).toString(), 'hello')
  t.equal(kept?.cas, 2)
  t.equal(world.ports.shared.getData('other', 'name'), null)
})

test('queues are found by name, and empty or unknown ones say so', async (t) => {
  const calls = [
    { name: 'proxy_register_shared_queue', args: [...name, 1_024] },
    { name: 'proxy_resolve_shared_queue', args: [0, 0, ...name, 1_024] },
    { name: 'proxy_enqueue_shared_queue', args: [1, 48, 5] },
    { name: 'proxy_dequeue_shared_queue', args: [1, 1_024, 1_028] },
    { name: 'proxy_dequeue_shared_queue', args: [0, 1_024, 1_028] },
  ]
  using world = openCalling(calls, texts)
  t.same([1, 0, 0, 1, 3, 2, 3, 3, 4].map(world.run), [1, 0, 0, 0, 7, 0, 0, 7, 1])
})

test('metrics take what their kind allows', async (t) => {
  const calls = [0, 1, 2].flatMap((type) => [
    { name: 'proxy_define_metric', args: [type, 16 + type, 1, 1_024] },
    { name: 'proxy_increment_metric', args: [type, 0n] },
    { name: 'proxy_increment_metric', args: [type, -3n] },
    { name: 'proxy_record_metric', args: [type, 5n] },
    { name: 'proxy_get_metric', args: [type, 1_024] },
  ])
  const unknown = [{ name: 'proxy_get_metric', args: [99, 1_024] }]
  using world = openCalling([...calls, ...unknown], texts)
  const answers = calls.map((_, index) => world.run(index))
  t.same(answers.slice(0, 5), [0, 2, 2, 0, 0], 'a counter')
  t.same([answers[5], ...answers.slice(7, 10)], [0, 0, 0, 0], 'a gauge')
  t.same(answers.slice(10), [0, 2, 2, 0, 2], 'a histogram')
  t.equal(world.run(calls.length), 1)
})

test('a foreign function gives its result to whoever wants it', async (t) => {
  const calls = [
    { name: 'proxy_call_foreign_function', args: [32, 8, 48, 12, 1_024, 1_028] },
    { name: 'proxy_set_shared_data', args: [17, 4, 4_096, 20, 0] },
    { name: 'proxy_call_foreign_function', args: [32, 8, 48, 12, 0, 0] },
    { name: 'proxy_call_foreign_function', args: [48, 5, 48, 12, 1_024, 1_028] },
  ]
  using world = openCalling(calls, texts)
  t.same([0, 1, 2, 3].map(world.run), [0, 0, 0, 1])
  const result = world.ports.shared.getData('machine', 'name')?.value
  t.equal(Buffer.from(result ?? []).toString('hex'), '789ccb48cdc9c95728cf2fca495104001e89047e')
})

test('functions of old SDKs that take less than the ABI says are not there', async (t) => {
  using world = openCalling([{ name: 'proxy_grpc_call', args: Array.from({ length: 10 }, () => 0) }])
  t.equal(world.run(0), 12)
})

test('call-outs get an id, which answers will name', async (t) => {
  const calls = [{ name: 'proxy_http_call', args: [...name, 0, 0, 0, 0, 0, 0, 50, 1_024] }]
  using world = openCalling(calls, texts)
  t.equal(world.run(0), 0)
  t.match(world.calls.asked, [{ upstream: 'name', id: Number }])
})
