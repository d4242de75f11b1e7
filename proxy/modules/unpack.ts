import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { ModuleRefusal } from './contract.ts'

const unzip = promisify(gunzip)

/** Whether bytes begin as every WebAssembly module does. */
export const isWasm = (bytes: Uint8Array): boolean =>
  bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d

/**
 * The module in what was fetched: itself, or `plugin.wasm` in a tar, either of them in gzip or not. Told by content.
 * Rejects with a {@link ModuleRefusal}.
 */
export async function unpackModule(fetched: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const bytes = fetched[0] === 0x1f && fetched[1] === 0x8b ? await unzipped(fetched, maxBytes) : fetched
  if (isWasm(bytes)) return bytes
  if (!isTar(bytes)) throw new ModuleRefusal('is no WebAssembly: its first bytes are not those of a module')
  const entry = entryOf(bytes)
  if (!entry) throw new ModuleRefusal('is a tar without plugin.wasm in it')
  if (isWasm(entry)) return entry
  throw new ModuleRefusal('holds a plugin.wasm that is no WebAssembly')
}

async function unzipped(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes })
  } catch (thrown) {
    const isTooLarge = thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE'
    throw new ModuleRefusal(
      isTooLarge ? `is too large: more than ${maxBytes} bytes when unpacked` : 'is broken gzip',
    )
  }
}

const blockLength = 512
const textAt = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.subarray(at, at + length))
    .toString('latin1')
    .split('\0')[0] ?? ''

const isTar = (bytes: Uint8Array): boolean => textAt(bytes, 257, 5) === 'ustar'

/** `plugin.wasm` out of a tar, wherever it lies in it; the last one, as layers go. */
function entryOf(tar: Uint8Array): Uint8Array | null {
  let found: Uint8Array | null = null
  for (let at = 0; at + blockLength <= tar.length; ) {
    const size = sizeAt(tar, at + 124)
    const kind = textAt(tar, at + 156, 1)
    const start = at + blockLength
    if (size === null || start + size > tar.length) break
    const isFile = kind === '' || kind === '0'
    if (isFile && /(^|\/)plugin\.wasm$/.test(textAt(tar, at, 100))) found = tar.subarray(start, start + size)
    at = start + Math.ceil(size / blockLength) * blockLength
  }
  return found
}

function sizeAt(tar: Uint8Array, at: number): number | null {
  const digits = textAt(tar, at, 12).trim()
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : digits === '' ? 0 : null
}
