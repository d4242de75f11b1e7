import { test } from 'tap'
import { proxyFunctions, wasiFunctions } from '../module/host-functions.ts'
import { guest } from '../testing/guests.ts'
import { openWorld } from '../testing/world.ts'
import { createWasi } from '../wasi.ts'

const whileStarting = ['proxy_log', 'proxy_get_log_level']
const whileAllocating = ['proxy_log', 'fd_write', 'clock_time_get', 'poll_oneoff']
const all = [
  ...proxyFunctions.map((name) => ['env', name] as const),
  ...wasiFunctions.map((name) => ['wasi_snapshot_preview1', name] as const),
]

/** Whether the start, or the allocator, of a guest that calls a function is its end for that reason. */
function isRefused(module: string, name: string, isAllocating: boolean): boolean {
  const imports = `(import "${module}" "${name}" (func $tried))
    (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))`
  const allocator = `(func (export "malloc") (param i32) (result i32) ${isAllocating ? '(call $tried)' : ''} (i32.const 4096))`
  const body = isAllocating
    ? `(data (i32.const 8) "plugin_root_id") (func (export "proxy_on_tick") (param i32)
        (drop (call $property (i32.const 8) (i32.const 14) (i32.const 64) (i32.const 68))))`
    : '(func (export "_initialize") (call $tried))'
  try {
    using world = openWorld(guest({ imports, body, allocator }))
    world.vm.call('proxy_on_tick', world.root, 0)
    return false
  } catch (error) {
    return String(error).includes(`restricted_callback: ${name} cannot`)
  }
}

test('a guest that starts can call WASI and the log, and nothing of a proxy', async (t) => {
  const refused = all.filter(([module, name]) => isRefused(module, name, false)).map(([, name]) => name)
  t.same(
    refused,
    proxyFunctions.filter((name) => !whileStarting.includes(name)),
  )
})

test('an allocator can call what writes and what tells the time, and nothing else', async (t) => {
  const refused = all.filter(([module, name]) => isRefused(module, name, true)).map(([, name]) => name)
  t.same(
    refused,
    all.map(([, name]) => name).filter((name) => !whileAllocating.includes(name)),
  )
})

test('what a module may import from WASI is what there is', async (t) => {
  const none = () => {
    throw new Error('there is no guest')
  }
  const { functions } = createWasi({ memory: none, print: none, environment: {}, exit: none })
  t.same(Object.keys(functions).toSorted(), wasiFunctions.toSorted())
})
