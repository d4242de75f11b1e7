import { test } from 'tap'
import { type HostCall, openCalling } from '../testing/calling-guest.ts'
import { data, guest } from '../testing/guests.ts'
import { openWorld } from '../testing/world.ts'

const system = (name: string, ...args: readonly (number | bigint)[]): HostCall => ({
  module: 'wasi_snapshot_preview1',
  name,
  args,
})

test('a guest sees the environment that it is given, and nothing else', async (t) => {
  const calls = [
    system('environ_sizes_get', 1_024, 1_028),
    system('environ_get', 1_032, 2_048),
    { name: 'proxy_log', args: [2, 2_048, 24] },
  ]
  const environment = { KEY1: 'VALUE1', KEY2: 'VALUE2' }
  using world = openCalling(calls, '', { settings: { environment } })
  t.same([0, 1, 2].map(world.run), [0, 0, 0])
  t.equal(world.lines[0]?.text, 'KEY1=VALUE1\0KEY2=VALUE2\0')
  using without = openCalling([...calls.slice(0, 2), system('args_sizes_get', 1_024, 1_028)])
  t.same([0, 1, 2].map(without.run), [0, 0, 0])
})

test('output is logged by whole lines, and what has no end when the call is over', async (t) => {
  const write = (from: string) =>
    `(import "${from}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`
  const pieces = (...numbers: number[]) =>
    data(256, String.fromCharCode(...numbers.flatMap((number) => [number, 0, 0, 0])))
  const body = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $write (i32.const 1) (i32.const 256) (i32.const 2) (i32.const 64)))
    (drop (call $write (i32.const 2) (i32.const 256) (i32.const 1) (i32.const 64)))
    (i32.add (i32.load (i32.const 64)) (call $write (i32.const 3) (i32.const 256) (i32.const 1) (i32.const 64))))`
  const text = `${data(16, 'one\ntw')}${data(32, 'o\nthree')}${pieces(16, 6, 32, 7)}`
  for (const from of ['wasi_snapshot_preview1', 'wasi_unstable']) {
    using world = openWorld(guest({ imports: write(from), body: body + text }))
    world.vm.register(world.root)
    t.equal(world.vm.call('proxy_on_request_headers', world.root, 0), 6 + 8)
    t.same(
      world.lines.map(({ level, text }) => `${level} ${text}`),
      ['info one', 'info two', 'error one', 'info three', 'error tw'],
    )
  }
})

test('clocks, random numbers and the rest of WASI answer as libraries expect it', async (t) => {
  const cases: readonly (readonly [HostCall, number])[] = [
    [system('clock_time_get', 0, 0n, 1_024), 0],
    [system('clock_time_get', 1, 0n, 1_024), 0],
    [system('clock_time_get', 2, 0n, 1_024), 58],
    [system('clock_time_get', 0, 0n, -1), 21],
    [system('clock_res_get', 0, 1_024), 0],
    [system('random_get', 1_024, 0), 0],
    [system('random_get', 1_024, 32), 0],
    [system('random_get', 1_024, 65_536), 0],
    [system('random_get', 1_024, 66_560), 28],
    [system('random_get', -1, 32), 21],
    [system('fd_write', 3, 0, 0, 1_024), 8],
    [system('fd_write', 1, -8, 1, 1_024), 21],
    [system('fd_write', 1, 0, 0, -1), 21],
    [system('fd_prestat_get', 3, 1_024), 8],
    [system('fd_fdstat_get', 1, 1_024), 0],
    [system('fd_fdstat_get', 1, -1), 21],
    [system('fd_fdstat_get', 0, 1_024), 8],
    [system('environ_get', -1, -1), 0],
    [system('environ_sizes_get', -1, 0), 21],
    [system('poll_oneoff', 0, 0, 0, 1_024), 0],
    [system('poll_oneoff', 0, 0, 0, -1), 21],
    [system('path_open', 0, 0, 0, 0, 0, 0n, 0n, 0, 0), 44],
    [system('sock_shutdown', 0, 0), 58],
    [system('fd_read', 0, 0, 0, 0), 52],
    [system('sched_yield'), 0],
    [{ name: 'pthread_equal', args: [7, 7] }, 1],
    [{ name: 'pthread_equal', args: [7, 8] }, 0],
  ]
  using world = openCalling(cases.map(([call]) => call))
  for (const [index, [{ name, args }, expected]] of cases.entries()) {
    t.equal(world.run(index), expected, `${name}(${args.join(', ')})`)
  }
})
