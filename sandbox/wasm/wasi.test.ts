import { test } from 'tap'
import { wat } from '../metering/testing/wat.ts'
import { createWasi, wasiModules } from './wasi.ts'

/** A WASI over a memory of one page, and what it printed. */
function tryWasi(environment: Record<string, string> = {}) {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const lines: string[] = []
  const wasi = createWasi({
    memory: () => memory,
    print: (descriptor, line) => void lines.push(`${descriptor} ${line}`),
    environment,
    exit: (code) => {
      throw new Error(`exit ${code}`)
    },
  })
  const call = (name: string, ...args: (number | bigint)[]): number =>
    (wasi.functions[name] as (...args: (number | bigint)[]) => number)(...args)
  const view = new DataView(memory.buffer)
  const write = (descriptor: number, text: string): number => {
    Buffer.from(memory.buffer).write(text, 64)
    view.setUint32(0, 64, true)
    view.setUint32(4, Buffer.byteLength(text), true)
    return call('fd_write', descriptor, 0, 1, 16)
  }
  return { memory, view, lines, wasi, call, write }
}

test('output comes line by line, and what is left when the call has ended', (t) => {
  const { lines, wasi, write, view, call } = tryWasi()
  for (const piece of ['pa', 'nic: ', 'no\nand ', 'then\n\n', 'on']) t.equal(write(2, piece), 0)
  t.equal(view.getUint32(16, true), 2, 'how much was written')
  t.strictSame(lines, ['2 panic: no', '2 and then'])
  t.equal(write(1, 'out'), 0)
  wasi.flush()
  wasi.flush()
  t.strictSame(lines.slice(2), ['1 out', '2 on'])
  t.equal(write(3, 'x'), 8)
  view.setUint32(4, 70_000, true)
  t.equal(call('fd_write', 1, 0, 1, 16), 21, 'pieces outside of the memory')
  t.equal(call('fd_write', 1, 0, 1, -4), 21)
  t.end()
})

test('a line without end is cut, and one call takes only so much', (t) => {
  const { lines, wasi, memory, view, call } = tryWasi()
  Buffer.from(memory.buffer).fill('x', 64)
  for (const at of [0, 8]) {
    view.setUint32(at, 64, true)
    view.setUint32(at + 4, 60_000, true)
  }
  t.equal(call('fd_write', 1, 0, 2, 16), 0)
  t.equal(view.getUint32(16, true), 16_384)
  wasi.flush()
  t.equal(lines.length, 2)
  for (const line of lines) t.equal(line.length, 8_194)
  t.end()
})

test('a guest sees the environment that it is given, no arguments, and no files', (t) => {
  const { call, view, memory } = tryWasi({ NAME: 'shop', LEVEL: '\u00e9' })
  t.equal(call('environ_sizes_get', 0, 4), 0)
  t.strictSame([view.getUint32(0, true), view.getUint32(4, true)], [2, 19])
  t.equal(call('environ_get', 8, 32), 0)
  t.equal(Buffer.from(memory.buffer, 32, 19).toString(), 'NAME=shop\0LEVEL=\u00e9\0')
  t.strictSame([view.getUint32(8, true), view.getUint32(12, true)], [32, 42])
  t.equal(call('args_sizes_get', 0, 4), 0)
  t.strictSame([view.getUint32(0, true), view.getUint32(4, true)], [0, 0])
  t.equal(call('args_get', 0, 4), 0)
  t.strictSame([call('fd_prestat_get', 3, 0), call('fd_prestat_dir_name', 3, 0, 9)], [8, 52])
  t.strictSame([call('path_open'), call('path_unlink_file'), call('sock_send')], [44, 58, 58])
  t.strictSame([call('fd_sync', 1), call('fd_sync', 4), call('fd_read')], [0, 8, 52])
  t.strictSame([call('fd_fdstat_get', 1, 64), call('fd_fdstat_get', 0, 64)], [0, 8])
  t.equal(view.getBigUint64(72, true), 64n)
  t.equal(call('environ_get', 65_535, 0), 21)
  t.throws(() => call('proc_exit', 2), { message: 'exit 2' })
  t.end()
})

test('there is time, and chance, and nothing to wait for', (t) => {
  const { call, view, memory } = tryWasi()
  t.equal(call('clock_time_get', 0, 0n, 0), 0)
  t.ok(Math.abs(Number(view.getBigUint64(0, true)) / 1e6 - Date.now()) < 1_000)
  t.equal(call('clock_time_get', 1, 0n, 8), 0)
  t.ok(view.getBigUint64(8, true) < 10_000_000_000n)
  t.strictSame([call('clock_time_get', 2, 0n, 0), call('clock_res_get', 0, 0)], [58, 0])
  t.equal(call('random_get', 128, 32), 0)
  t.notSame(Buffer.from(memory.buffer, 128, 32), Buffer.alloc(32))
  t.strictSame(
    [call('random_get', 0, 65_537), call('random_get', 0, 0), call('random_get', -8, 16)],
    [28, 0, 21],
  )
  view.setUint32(0, 9, true)
  t.strictSame([call('poll_oneoff', 0, 0, 1, 0), view.getUint32(0, true), call('sched_yield')], [0, 0, 0])
  t.end()
})

test('every function links as preview 1 has it', (t) => {
  const { wasi } = tryWasi()
  const imports = Object.keys(wasi.functions).map((name) => `(import "${wasiModules[0]}" "${name}" (func))`)
  const module = new WebAssembly.Module(wat(`(module ${imports.join('')})`))
  t.ok(new WebAssembly.Instance(module, { [wasiModules[0]]: wasi.functions }))
  t.equal(imports.length, 46)
  t.end()
})
