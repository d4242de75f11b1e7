import wabt from 'wabt'

const { parseWat } = await wabt()
const features = { exceptions: true, bulk_memory: true, mutable_globals: true, sign_extension: true }

/** A module from the text format, with the names of its functions. */
export function assemble(text: string): Uint8Array {
  const module = parseWat('guest.wat', text, features)
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer)
  } finally {
    module.destroy()
  }
}

/** What a guest of a test has beside what every guest needs. Texts of the module format. */
export interface GuestParts {
  /** Imports, which come first. */
  readonly imports?: string
  /** Functions, globals and data. Memory from 4,096 on belongs to the allocator. */
  readonly body?: string
  /** In place of the usual allocator, which takes ever more and gives nothing back. */
  readonly allocator?: string
  readonly version?: '0_1_0' | '0_2_0' | '0_2_1'
  readonly pages?: number
}

const usualAllocator = `
  (global $free (mut i32) (i32.const 4096))
  (func $allocate (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (i32.add (local.get $size) (i32.const 8)))))`

/** A guest of Proxy-Wasm: a memory, an allocator, the mark of a version, and what is given. */
export function guest(parts: GuestParts = {}): Uint8Array {
  const { imports = '', body = '', allocator = usualAllocator, version = '0_2_1', pages = 2 } = parts
  return assemble(`(module
    ${imports}
    (memory (export "memory") ${pages})
    (func (export "proxy_abi_version_${version}"))
    ${allocator}
    ${body})`)
}

/** A text at an address. */
export function data(address: number, text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
  return `(data (i32.const ${address}) "${bytes}")`
}
