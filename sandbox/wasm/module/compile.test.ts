import { createHash } from 'node:crypto'
import { test } from 'tap'
import { assemble, guest } from '../testing/guests.ts'
import { compileWasm } from './compile.ts'
import { handlerFunctions, proxyFunctions, wasiFunctions } from './host-functions.ts'
import { WasmRefusal } from './refusal.ts'

const options = { name: 'a.wasm', memoryMiB: 4 }

test('a module says by its exports which version of the ABI it was written for', async (t) => {
  for (const version of ['0_1_0', '0_2_0', '0_2_1'] as const) {
    const bytes = guest({ version })
    const code = compileWasm(bytes, options)
    t.equal(code.abi, 'proxy-wasm')
    t.equal(code.version, version.replaceAll('_', '.'))
    t.equal(code.digest, createHash('sha256').update(bytes).digest('hex'))
    t.same(code.exports, ['memory', `proxy_abi_version_${version}`, 'proxy_on_memory_allocate'])
  }
})

test('a module that imports from http_handler is one of http-wasm', async (t) => {
  const imports = handlerFunctions.map((name) => `(import "http_handler" "${name}" (func))`).join('')
  const handlers = `(func (export "handle_request")) (func (export "handle_response"))`
  const code = compileWasm(assemble(`(module ${imports} (memory (export "memory") 1) ${handlers})`), options)
  t.equal(code.abi, 'http-wasm')
  t.equal(code.version, null)
  const without = assemble(`(module ${imports} (memory (export "memory") 1))`)
  t.throws(() => compileWasm(without, options), { message: /does not export handle_request and handle_resp/ })
})

test('every function of the ABI and of WASI can be imported', async (t) => {
  const proxy = proxyFunctions.map((name) => `(import "env" "${name}" (func))`)
  const system = ['wasi_snapshot_preview1', 'wasi_unstable'].flatMap((module) =>
    wasiFunctions.map((name) => `(import "${module}" "${name}" (func))`),
  )
  const code = compileWasm(guest({ imports: [...proxy, ...system].join('') }), options)
  t.equal(code.version, '0.2.1')
})

test('what cannot be run is refused with a clear reason', async (t) => {
  const good = guest()
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /^a\.wasm: it is no WebAssembly: it begins with nothing/],
    ['a damaged head', Uint8Array.from([1, ...good.subarray(1)]), /begins with 0161736d, not with 0061736d/],
    ['a component', Uint8Array.from([...good.subarray(0, 4), 13, 0, 1, 0]), /version is 0d000100/],
    [
      'half a module',
      good.subarray(0, good.length >> 1),
      /cut, broken, or not to be run here: .* at byte \d+/,
    ],
    [
      'no marker',
      assemble('(module (memory (export "memory") 1))'),
      /names no version of the Proxy-Wasm ABI/,
    ],
    [
      'a dialect',
      assemble('(module (func (export "proxy_abi_mosn_version_0_2_0")))'),
      /ABI.*it exports proxy_abi_mosn_version_0_2_0/,
    ],
    ['no allocator', guest({ allocator: '' }), /no allocator: it would export malloc or proxy_on_memory_all/],
    [
      'unknown imports',
      guest({ imports: '(import "env" "proxy_no_such" (func)) (import "env" "m" (global i32))' }),
      /imports what is not there: env\.proxy_no_such, env\.m \(a global\)$/,
    ],
    ['more memory than allowed', guest({ pages: 65 }), /a memory that begins with 65 pages; 64 are left/],
  ]
  for (const [what, bytes, message] of cases) {
    t.throws(() => compileWasm(bytes, options), { name: 'WasmRefusal', message }, what)
  }
  t.throws(() => compileWasm(new Uint8Array(3), options), WasmRefusal)
})
