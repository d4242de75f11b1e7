import { test } from 'tap'
import { proxyFunctions } from '../../module/host-functions.ts'
import { type HostCall, openCalling } from '../../testing/calling-guest.ts'
import { data } from '../../testing/guests.ts'

/** Parameters: `p` an address and its length, `c` a cell for a result, and numbers as they are. */
type Parameter = 'p' | 'c' | number | bigint

/** How each function that takes addresses is called so that it succeeds. */
const calls: Readonly<Record<string, readonly Parameter[]>> = {
  proxy_log: [2, 'p'],
  proxy_get_log_level: ['c'],
  proxy_get_current_time_nanoseconds: ['c'],
  proxy_get_configuration: ['c', 'c'],
  proxy_get_status: ['c', 'c', 'c'],
  proxy_get_property: ['p', 'c', 'c'],
  proxy_set_property: ['p', 'p'],
  proxy_send_local_response: [200, 'p', 'p', 'p', -1],
  proxy_set_shared_data: ['p', 'p', 0],
  proxy_get_shared_data: ['p', 'c', 'c', 'c'],
  proxy_register_shared_queue: ['p', 'c'],
  proxy_resolve_shared_queue: ['p', 'p', 'c'],
  proxy_enqueue_shared_queue: [1, 'p'],
  proxy_dequeue_shared_queue: [1, 'c', 'c'],
  proxy_get_header_map_pairs: [0, 'c', 'c'],
  proxy_set_header_map_pairs: [2, 'p'],
  proxy_get_header_map_value: [0, 'p', 'c', 'c'],
  proxy_add_header_map_value: [0, 'p', 'p'],
  proxy_replace_header_map_value: [0, 'p', 'p'],
  proxy_remove_header_map_value: [0, 'p'],
  proxy_get_header_map_size: [0, 'c'],
  proxy_get_buffer_bytes: [0, 0, 5, 'c', 'c'],
  proxy_get_buffer_status: [0, 'c', 'c'],
  proxy_set_buffer_bytes: [0, 0, 0, 'p'],
  proxy_http_call: ['p', 'p', 'p', 'p', 1_000, 'c'],
  proxy_grpc_call: ['p', 'p', 'p', 'p', 'p', 1_000, 'c'],
  proxy_grpc_stream: ['p', 'p', 'p', 'p', 'c'],
  proxy_grpc_send: [1, 'p', 0],
  proxy_define_metric: [0, 'p', 'c'],
  proxy_get_metric: [0, 'c'],
  proxy_call_foreign_function: ['p', 'p', 'c', 'c'],
}
/** Those that take no address. */
const withoutAddresses = [
  'proxy_set_tick_period_milliseconds',
  'proxy_continue_stream',
  'proxy_close_stream',
  'proxy_continue_request',
  'proxy_continue_response',
  'proxy_clear_route_cache',
  'proxy_grpc_cancel',
  'proxy_grpc_close',
  'proxy_increment_metric',
  'proxy_record_metric',
  'proxy_set_effective_context',
  'proxy_done',
]
/** What a function may answer before it comes to its results: here there is no such thing. */
const missing = { proxy_resolve_shared_queue: 1, proxy_call_foreign_function: 1 }

const memoryBytes = 2 * 65_536
const region = [16, 1] as const
const badRegions = [
  [memoryBytes - 1, 2],
  [-1, 1],
  [0, -1],
  [memoryBytes + 1, 0],
] as const
const badCells = [memoryBytes - 3, -1, -4]

/** The call with all addresses good, and then with each of them bad in each way. */
function variants(parameters: readonly Parameter[]): (number | bigint)[][] {
  const build = (bad: number, address: readonly number[]) =>
    parameters.flatMap((parameter, index) => {
      if (parameter === 'p') return index === bad ? [...address] : [...region]
      if (parameter === 'c') return index === bad ? [address[0] as number] : [1_024 + index * 8]
      return [parameter]
    })
  const bad = parameters.flatMap((parameter, index) => {
    if (parameter === 'p') return badRegions.map((address) => build(index, address))
    return parameter === 'c' ? badCells.map((cell) => build(index, [cell])) : []
  })
  return [build(-1, []), ...bad]
}

test('every function that takes addresses is tried here', async (t) => {
  t.same([...Object.keys(calls), ...withoutAddresses].toSorted(), proxyFunctions.toSorted())
})

test('an address outside of the memory is an answer to the guest, whatever function gets it', async (t) => {
  for (const [name, parameters] of Object.entries(calls)) {
    const tried: HostCall[] = variants(parameters).map((args) => ({ name, args }))
    using world = openCalling(tried, data(16, 'x'))
    const { shared, metrics } = world.ports
    metrics.define(0, 'first')
    shared.setData('machine', 'x', Buffer.from('value'), 0)
    if (name !== 'proxy_resolve_shared_queue') shared.registerQueue('machine', 'q', () => {})
    const absent = name in missing ? missing[name as keyof typeof missing] : 0
    for (const [index, { args }] of tried.entries()) {
      // Each that takes one finds one.
      if (name === 'proxy_dequeue_shared_queue') shared.enqueue(1, Buffer.from('entry'))
      const answer = world.run(index)
      const expected = index === 0 ? [absent] : [6, ...(absent ? [absent] : [])]
      t.ok(expected.includes(answer), `${name}(${args.join(', ')}) answers ${answer}`)
    }
    t.notOk(world.vm.isDead)
  }
})

test('what a function answers is checked in order: its numbers, then its addresses', async (t) => {
  const tried = [
    { name: 'proxy_log', args: [6, -1, 1], expected: 2 },
    { name: 'proxy_log', args: [-1, 0, 0], expected: 2 },
    { name: 'proxy_log', args: [5, -1, 1], expected: 6 },
    { name: 'proxy_log', args: [2, memoryBytes - 1, 2], expected: 6 },
    { name: 'proxy_log', args: [2, memoryBytes - 1, 0], expected: 0 },
    { name: 'proxy_get_header_map_value', args: [8, -1, 1, 0, 0], expected: 2 },
    { name: 'proxy_get_header_map_pairs', args: [100, 0, 0], expected: 2 },
    { name: 'proxy_set_header_map_pairs', args: [-1, 0, 0], expected: 2 },
    { name: 'proxy_add_header_map_value', args: [8, 0, 0, 0, 0], expected: 2 },
    { name: 'proxy_replace_header_map_value', args: [8, 0, 0, 0, 0], expected: 2 },
    { name: 'proxy_remove_header_map_value', args: [8, 0, 0], expected: 2 },
    { name: 'proxy_get_header_map_size', args: [8, 0], expected: 2 },
    { name: 'proxy_get_buffer_bytes', args: [9, 0, 0, 0, 0], expected: 2 },
    { name: 'proxy_get_buffer_status', args: [100, 0, 0], expected: 2 },
    { name: 'proxy_set_buffer_bytes', args: [9, 0, 0, 0, 0], expected: 2 },
    { name: 'proxy_set_buffer_bytes', args: [7, 0, 0, 0, 0], expected: 2 },
    { name: 'proxy_continue_stream', args: [4], expected: 2 },
    { name: 'proxy_close_stream', args: [-1], expected: 2 },
    { name: 'proxy_send_local_response', args: [99, 0, 0, 0, 0, 0, 0, -1], expected: 2 },
    { name: 'proxy_send_local_response', args: [1_000, 0, 0, 0, 0, 0, 0, -1], expected: 2 },
    { name: 'proxy_define_metric', args: [3, 0, 0, 64], expected: 2 },
    { name: 'proxy_http_call', args: [0, 0, 0, 0, 0, 0, 0, 0, -1, 64], expected: 2 },
    { name: 'proxy_set_effective_context', args: [9_999], expected: 2 },
    { name: 'proxy_done', args: [], expected: 1 },
    { name: 'proxy_get_property', args: [0, 0, 64, 68], expected: 1 },
  ]
  using world = openCalling(tried)
  for (const [index, { name, args, expected }] of tried.entries()) {
    t.equal(world.run(index), expected, `${name}(${args.join(', ')})`)
  }
  t.same(world.lines, [{ level: 'info', text: '' }])
  t.same(world.stream.asked, [])
})
