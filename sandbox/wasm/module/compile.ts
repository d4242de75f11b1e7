import { createHash } from 'node:crypto'
import { fuelExport, meter, tickImport } from '../../metering/meter.ts'
import { MeterRefusal } from '../../metering/refusal.ts'
import { fuelQuantum } from '../../quickjs/watch.ts'
import { type AbiVersion, abiVersions } from '../contract.ts'
import { wasiModules } from '../wasi.ts'
import {
  compilerFunctions,
  handlerFunctions,
  handlerModule,
  markerOf,
  proxyFunctions,
  wasiFunctions,
} from './host-functions.ts'
import { WasmRefusal } from './refusal.ts'

/** A module that was checked, metered and compiled. Can be cloned to another thread; the machine code is shared then. */
export interface WasmCode {
  readonly abi: 'proxy-wasm' | 'http-wasm'
  /** Of Proxy-Wasm; null for http-wasm, which has no versions. */
  readonly version: AbiVersion | null
  readonly module: WebAssembly.Module
  /** SHA-256 of the bytes as they came, in hex. */
  readonly digest: string
  /** What the module exports, without what metering adds. */
  readonly exports: readonly string[]
}

/** How a module is compiled. */
export interface CompileOptions {
  /** What messages call it: a path, a URL, the name of a plugin. */
  readonly name: string
  /** What its memory may grow to; 1 to 4,096. */
  readonly memoryMiB: number
}

const magic = Buffer.from([0x00, 0x61, 0x73, 0x6d])
const versionOne = Buffer.from([0x01, 0x00, 0x00, 0x00])
const pagesPerMiB = 16
const maxTable = 100_000

/**
 * Checks, meters and compiles a module of a stranger: some 30 ms for a megabyte, on this thread.
 * Throws a {@link WasmRefusal} that names everything a guest of its kind would miss.
 */
export function compileWasm(bytes: Uint8Array, { name, memoryMiB }: CompileOptions): WasmCode {
  checkHead(bytes, name)
  const module = compileMetered(bytes, name, memoryMiB)
  const exported = WebAssembly.Module.exports(module).filter((entry) => entry.name !== fuelExport)
  const names = new Set(exported.filter(({ kind }) => kind === 'function').map((entry) => entry.name))
  const imports = WebAssembly.Module.imports(module).filter((entry) => entry.module !== tickImport.module)
  const isHandler = imports.some((entry) => entry.module === handlerModule)
  const version = isHandler ? null : readVersion(names, name)
  if (isHandler) checkHandler(names, name)
  else checkAllocator(names, name)
  if (!exported.some((entry) => entry.name === 'memory' && entry.kind === 'memory')) {
    throw new WasmRefusal(name, 'it exports no memory; a guest has to export its memory as memory')
  }
  checkImports(imports, isHandler ? handlerImports : proxyImports, name)
  return {
    abi: isHandler ? 'http-wasm' : 'proxy-wasm',
    version,
    module,
    digest: createHash('sha256').update(bytes).digest('hex'),
    exports: exported.map((entry) => entry.name),
  }
}

type Import = ReturnType<typeof WebAssembly.Module.imports>[number]

function qualified(module: string, names: readonly string[]): string[] {
  return names.map((name) => `${module}.${name}`)
}

const systemImports = wasiModules.flatMap((module) => qualified(module, wasiFunctions))
const proxyImports: ReadonlySet<string> = new Set([
  ...qualified('env', [...proxyFunctions, ...compilerFunctions]),
  ...systemImports,
])
const handlerImports: ReadonlySet<string> = new Set([
  ...qualified(handlerModule, handlerFunctions),
  ...qualified('env', compilerFunctions),
  ...systemImports,
])

function checkHead(bytes: Uint8Array, name: string): void {
  const head = Buffer.from(bytes.subarray(0, 8))
  if (!head.subarray(0, 4).equals(magic)) {
    const found = head.subarray(0, 4).toString('hex') || 'nothing'
    throw new WasmRefusal(name, `it is no WebAssembly: it begins with ${found}, not with 0061736d`)
  }
  if (!head.subarray(4).equals(versionOne)) {
    const found = head.subarray(4).toString('hex') || 'nothing'
    throw new WasmRefusal(
      name,
      `it is no core module of WebAssembly 1: its version is ${found}, not 01000000`,
    )
  }
}

function compileMetered(bytes: Uint8Array, name: string, memoryMiB: number): WebAssembly.Module {
  try {
    const metered = meter(bytes, {
      mode: 'tick',
      initialFuel: fuelQuantum,
      maxPages: memoryMiB * pagesPerMiB,
      maxTable,
      keepNames: true,
    })
    return new WebAssembly.Module(metered)
  } catch (cause) {
    if (cause instanceof MeterRefusal) {
      throw new WasmRefusal(name, `it is cut, broken, or not to be run here: ${cause.message}`, cause)
    }
    if (cause instanceof WebAssembly.CompileError) {
      throw new WasmRefusal(name, `it is not valid: ${cause.message}`, cause)
    }
    throw cause
  }
}

function readVersion(names: ReadonlySet<string>, name: string): AbiVersion {
  const version = abiVersions.findLast((one) => names.has(markerOf(one)))
  if (version) return version
  const known = abiVersions.map(markerOf).join(', ')
  const others = [...names].filter((one) => one.startsWith('proxy_abi_'))
  const found = others.length ? `; it exports ${others.slice(0, 5).join(', ')}` : ''
  throw new WasmRefusal(
    name,
    `it names no version of the Proxy-Wasm ABI: it would export ${known}, or import from ${handlerModule}${found}`,
  )
}

function checkAllocator(names: ReadonlySet<string>, name: string): void {
  if (names.has('malloc') || names.has('proxy_on_memory_allocate')) return
  throw new WasmRefusal(name, 'it has no allocator: it would export malloc or proxy_on_memory_allocate')
}

function checkHandler(names: ReadonlySet<string>, name: string): void {
  const missing = ['handle_request', 'handle_response'].filter((one) => !names.has(one))
  if (missing.length === 0) return
  throw new WasmRefusal(
    name,
    `it imports from ${handlerModule}, but does not export ${missing.join(' and ')}`,
  )
}

const maxListed = 20

function checkImports(imports: readonly Import[], known: ReadonlySet<string>, name: string): void {
  const unknown = imports
    .filter((entry) => entry.kind !== 'function' || !known.has(`${entry.module}.${entry.name}`))
    .map(({ module, name: own, kind }) => `${module}.${own}${kind === 'function' ? '' : ` (a ${kind})`}`)
  if (unknown.length === 0) return
  const more = unknown.length > maxListed ? `, and ${unknown.length - maxListed} more` : ''
  throw new WasmRefusal(
    name,
    `it imports what is not there: ${unknown.slice(0, maxListed).join(', ')}${more}`,
  )
}
