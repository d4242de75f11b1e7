import type { PluginErrorKind } from '../../plugin/contract.ts'

/** Longer names, values and URIs are in no message, and would take our time. */
const mostText = 262_144

/** A guest asked for something that it may not, or was stopped by us: the end of its instance. */
export class GuestFault extends Error {
  override readonly name = 'GuestFault'
  readonly kind: PluginErrorKind

  constructor(reason: string, kind: PluginErrorKind = 'exception') {
    super(reason)
    this.kind = kind
  }
}

/**
 * The memory of a guest, by addresses as the guest gives them: 32 bits, which JavaScript sees with a sign. What is
 * outside throws a {@link GuestFault}.
 */
export class GuestMemory {
  readonly #memory: WebAssembly.Memory
  #bytes: Buffer

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory
    this.#bytes = Buffer.from(memory.buffer)
  }

  /** The memory itself. */
  get memory(): WebAssembly.Memory {
    return this.#memory
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength
  }

  /** A view that is valid until the guest runs again. */
  view(at: number, length: number, what: string): Buffer {
    if (this.#bytes.buffer !== this.#memory.buffer) this.#bytes = Buffer.from(this.#memory.buffer)
    const from = at >>> 0
    const to = from + (length >>> 0)
    if (to > this.#bytes.length) {
      throw new GuestFault(
        `${what} is at ${from} with ${length >>> 0} bytes; the memory has ${this.#bytes.length}`,
      )
    }
    return this.#bytes.subarray(from, to)
  }

  /** The bytes as text, one character for each. */
  text(at: number, length: number, what: string): string {
    if (length >>> 0 > mostText) {
      this.view(at, length, what)
      throw new GuestFault(`${what} has ${length >>> 0} bytes; ${mostText} are allowed`, 'limit')
    }
    return this.view(at, length, what).toString('latin1')
  }

  /** Puts text of one byte for each character there if `limit` allows. Gives its length in any case. */
  writeText(text: string, at: number, limit: number, what: string): number {
    if (text.length > 0 && text.length <= limit >>> 0) this.view(at, text.length, what).write(text, 'latin1')
    return text.length
  }

  /** The same with bytes. */
  writeBytes(bytes: Uint8Array, at: number, limit: number, what: string): number {
    if (bytes.length > 0 && bytes.length <= limit >>> 0) this.view(at, bytes.length, what).set(bytes)
    return bytes.length
  }

  /** Whether an eighth more is too much: what a guest that failed most likely failed for. */
  get isNearlyFull(): boolean {
    try {
      this.#memory.grow(Math.ceil(this.byteLength / 65_536 / 8))
      return false
    } catch {
      return true
    }
  }
}
