import { test } from 'tap'
import { PluginError } from '../../plugin/contract.ts'
import { guest } from '../testing/guests.ts'
import { TestStream } from '../testing/test-stream.ts'
import { openWorld } from '../testing/world.ts'
import { callMs } from './testing/hostile-guests.ts'

const pages = 500
/** Stands for the length of a region in the lists below. */
const long = 'long'
const functions = {
  proxy_get_property: [0, long, 8, 12],
  proxy_set_property: [0, 4, 0, long],
  proxy_set_shared_data: [0, 4, 0, long, 0],
  proxy_get_shared_data: [0, long, 0, 4, 8],
  proxy_register_shared_queue: [0, long, 8],
  proxy_enqueue_shared_queue: [1, 0, long],
  proxy_resolve_shared_queue: [0, long, 0, long, 8],
  proxy_get_header_map_value: [0, 0, long, 8, 12],
  proxy_set_header_map_pairs: [0, 0, long],
  proxy_define_metric: [0, 0, long, 8],
  proxy_send_local_response: [200, 0, 4, 0, long, 0, long, -1],
} as const

/** How long a guest that calls it in a loop keeps its thread. */
function loopMs(name: string, args: readonly (number | string)[], length: number): number {
  const given = args.map((arg) => `(i32.const ${arg === long ? length : arg})`).join(' ')
  const imports = `(import "env" "${name}" (func $tried (param ${'i32 '.repeat(args.length)}) (result i32)))`
  const body = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (loop $ever (drop (call $tried ${given})) (br $ever)) (i32.const 0))`
  using world = openWorld(guest({ imports, body, pages }), { callMs, memoryMiB: 32 })
  const stream = new TestStream(world.vm.nextId(), world.root)
  world.vm.register(world.root)
  world.vm.register(stream)
  const startedAt = performance.now()
  try {
    world.vm.call('proxy_on_request_headers', stream, 0)
  } catch (error) {
    if (error instanceof PluginError && error.kind === 'timeout') return performance.now() - startedAt
    throw error
  }
  throw new Error('a loop without end has ended')
}

test('a function that is given much counts for what it costs, so that a loop of it is stopped near its time', async (t) => {
  for (const [name, args] of Object.entries(functions)) {
    for (const length of [65_536, 65_537, pages * 65_536 - 65_536]) {
      const took = loopMs(name, args, length)
      t.ok(took < callMs * 20, `${name} with ${length} bytes: ${took} ms`)
    }
  }
})
