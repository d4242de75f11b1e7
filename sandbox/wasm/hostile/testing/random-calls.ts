/** Calls of host functions with arguments that nobody meant, the same for the same seed. */

import type { ProxyFunction, WasiFunction } from '../../module/host-functions.ts'
import { proxyFunctions, wasiFunctions } from '../../module/host-functions.ts'
import type { GuestParts } from '../../testing/guests.ts'

const pages = 2
const memoryBytes = pages * 65_536

/** How many parameters of 32 bits each has. */
const arities: Readonly<Record<ProxyFunction, number>> = {
  proxy_log: 3,
  proxy_get_log_level: 1,
  proxy_get_current_time_nanoseconds: 1,
  proxy_set_tick_period_milliseconds: 1,
  proxy_get_configuration: 2,
  proxy_get_status: 3,
  proxy_get_property: 4,
  proxy_set_property: 4,
  proxy_continue_stream: 1,
  proxy_close_stream: 1,
  proxy_continue_request: 0,
  proxy_continue_response: 0,
  proxy_clear_route_cache: 0,
  proxy_send_local_response: 8,
  proxy_get_shared_data: 5,
  proxy_set_shared_data: 5,
  proxy_register_shared_queue: 3,
  proxy_resolve_shared_queue: 5,
  proxy_enqueue_shared_queue: 3,
  proxy_dequeue_shared_queue: 3,
  proxy_get_header_map_pairs: 3,
  proxy_set_header_map_pairs: 3,
  proxy_get_header_map_value: 5,
  proxy_add_header_map_value: 5,
  proxy_replace_header_map_value: 5,
  proxy_remove_header_map_value: 3,
  proxy_get_header_map_size: 2,
  proxy_get_buffer_bytes: 5,
  proxy_get_buffer_status: 3,
  proxy_set_buffer_bytes: 5,
  proxy_http_call: 10,
  proxy_grpc_call: 12,
  proxy_grpc_stream: 9,
  proxy_grpc_send: 4,
  proxy_grpc_cancel: 1,
  proxy_grpc_close: 1,
  proxy_define_metric: 4,
  proxy_increment_metric: 1,
  proxy_record_metric: 1,
  proxy_get_metric: 2,
  proxy_set_effective_context: 1,
  proxy_done: 0,
  proxy_call_foreign_function: 6,
}

/** Those with parameters of 64 bits, in the text format. */
const longTypes: Readonly<Record<string, readonly string[]>> = {
  proxy_increment_metric: ['i32', 'i64'],
  proxy_record_metric: ['i32', 'i64'],
  clock_time_get: ['i32', 'i64', 'i32'],
  fd_seek: ['i32', 'i64', 'i32', 'i32'],
}
const mostOfWasi = 5

interface Signature {
  readonly module: string
  readonly name: ProxyFunction | WasiFunction
  readonly types: readonly string[]
}

const isCalled = (name: string): boolean => name !== 'proc_exit'
const words = (count: number): string[] => new Array<string>(count).fill('i32')
const signatures: readonly Signature[] = [
  ...proxyFunctions.map((name) => ({
    module: 'env',
    name,
    types: longTypes[name] ?? words(arities[name]),
  })),
  ...wasiFunctions.filter(isCalled).map((name) => ({
    module: 'wasi_snapshot_preview1',
    name,
    types: longTypes[name] ?? words(mostOfWasi),
  })),
]

/** Numbers of 32 bits, evenly spread, the same for the same seed (a linear congruence, of which the upper bits are used). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Numbers as they stand in the text format: small ones, places in memory, and what is just inside or outside of something. */
function argument(random: (below: number) => number): string {
  const kind = random(8)
  if (kind < 3) return String(random(12))
  if (kind < 5) return String(random(4_096))
  if (kind < 6) return String(random(memoryBytes))
  const edges = [0xff_ff_ff_ff, 0xff_ff_ff_fc, 0x80_00_00_00, 0x7f_ff_ff_ff, 65_536, memoryBytes]
  return String((edges[random(edges.length)] as number) - random(9))
}

/** What all guests share beside their calls: random bytes, with a map and a few names that are right among them. */
function memoryOf(random: (below: number) => number): string {
  const noise = Array.from({ length: 2_048 }, () => `\\${random(256).toString(16).padStart(2, '0')}`)
  const map = '\\01\\00\\00\\00\\01\\00\\00\\00\\02\\00\\00\\00a\\00bc\\00'
  return `(data (i32.const 0) "${noise.join('')}")
    (data (i32.const 16) "${map}") (data (i32.const 0) "request\\00path") (data (i32.const 64) ":pathcompress")`
}

/** What a guest does that calls functions by chance, and the callbacks in which it does. */
export interface RandomGuest {
  readonly parts: GuestParts
  /** How many calls there are in each callback. */
  readonly calls: number
}

/**
 * A guest that makes so many calls in each of these callbacks (names without `proxy_on_`, with what they give),
 * logs `done` behind them, and traps at a result that no function has: with `unreachable`.
 */
export function randomGuest(
  random: (below: number) => number,
  callbacks: Readonly<Record<string, string>>,
  calls: number,
): RandomGuest {
  const imports = signatures.map(
    ({ module, name, types }, index) =>
      `(import "${module}" "${name}" (func $f${index} (param ${types.join(' ')}) (result i32)))`,
  )
  const call = (): string => {
    const index = random(signatures.length)
    const { types } = signatures[index] as Signature
    const given = types.map((type) => {
      const number = argument(random)
      return type === 'i32'
        ? `(i32.const ${BigInt.asUintN(32, BigInt(number))})`
        : `(i64.const ${random(2) ? number : -1})`
    })
    return `(if (i32.gt_u (call $f${index} ${given.join(' ')}) (i32.const 76)) (then unreachable))`
  }
  const log = signatures.findIndex(({ name }) => name === 'proxy_log')
  const done = `(i32.store (i32.const 0) (i32.const 0x656e6f64))
    (drop (call $f${log} (i32.const 2) (i32.const 0) (i32.const 4)))`
  const functions = Object.entries(callbacks).map(
    ([name, result]) => `(func (export "proxy_on_${name}") (param i32 i32 i32) ${result ? '(result i32)' : ''}
      ${Array.from({ length: calls }, call).join('\n')} ${done} ${result})`,
  )
  return {
    parts: { imports: imports.join('\n'), body: memoryOf(random) + functions.join('\n'), pages },
    calls,
  }
}
