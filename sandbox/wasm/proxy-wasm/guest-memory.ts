import { type Status, status } from '../contract.ts'

/** Asks the guest for so many bytes of its own memory; 0 when it has none. */
export type Allocate = (size: number) => number

const nothing = new Uint8Array(0)

/** Longer texts (names, keys, paths, values of fields) are taken as not there: what is done with one costs many times its length. */
export const mostText = 65_536
/** Bytes that count as much as a short function, by their shift. */
const weightShift = 14

/**
 * The memory of a guest. Addresses and lengths come from the guest: any number may be given, is taken as
 * unsigned, and is checked. Views are taken anew each time, for the guest may have grown its memory; none is
 * valid any longer when the guest has run, its allocator too.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | null = null
  #allocate: Allocate = () => 0
  readonly #worked: (weight: number) => void

  /** `worked` is told what it costs the host to handle regions of that size (1 for a short function). */
  constructor(worked: (weight: number) => void = () => undefined) {
    this.#worked = worked
  }

  /** Before this the guest has no byte. */
  attach(memory: WebAssembly.Memory, allocate: Allocate): void {
    this.#memory = memory
    this.#allocate = allocate
  }

  /** Lets go of everything: the guest is dead. */
  detach(): void {
    this.#memory = null
    this.#allocate = () => 0
  }

  get size(): number {
    return this.#memory?.buffer.byteLength ?? 0
  }

  /** All of it, for who checks addresses by itself. Throws when the guest has none yet. */
  get whole(): WebAssembly.Memory {
    if (this.#memory === null) throw new Error('the guest has no memory yet')
    return this.#memory
  }

  /** A view of a region; null when it is not all inside. */
  bytes(address: number, length: number): Uint8Array | null {
    const start = address >>> 0
    const size = length >>> 0
    if (start + size > this.size || this.#memory === null) return null
    this.#worked(size >> weightShift)
    return size === 0 ? nothing : new Uint8Array(this.#memory.buffer, start, size)
  }

  /** A region as text of one character a byte; null when it is not all inside, or longer than {@link mostText}. */
  text(address: number, length: number): string | null {
    if (length >>> 0 > mostText) return null
    const bytes = this.bytes(address, length)
    return bytes && latin1(bytes)
  }

  setWord(address: number, value: number): Status {
    const cell = this.#cell(address, 4)
    if (cell === null) return status.invalidMemoryAccess
    cell.setUint32(0, value, true)
    return status.ok
  }

  /** Writes a number of 64 bits. */
  setLong(address: number, value: bigint): Status {
    const cell = this.#cell(address, 8)
    if (cell === null) return status.invalidMemoryAccess
    cell.setBigUint64(0, BigInt.asUintN(64, value), true)
    return status.ok
  }

  /**
   * Hands bytes over to the guest: in memory that it allocates for exactly these, and frees. Their address
   * and length are written to two cells; both are 0 for no bytes, for which nothing is allocated.
   * `value` must not be a view of this memory.
   */
  give(value: Uint8Array, addressCell: number, lengthCell: number): Status {
    if (this.#cell(addressCell, 4) === null || this.#cell(lengthCell, 4) === null) {
      return status.invalidMemoryAccess
    }
    let address = 0
    if (value.length > 0) {
      address = this.#allocate(value.length) >>> 0
      const target = address === 0 ? null : this.bytes(address, value.length)
      if (target === null) return status.invalidMemoryAccess
      target.set(value)
    }
    this.setWord(addressCell, address)
    return this.setWord(lengthCell, value.length)
  }

  #cell(address: number, size: number): DataView | null {
    const start = address >>> 0
    if (start + size > this.size || this.#memory === null) return null
    return new DataView(this.#memory.buffer, start, size)
  }
}

/** Bytes as text of one character each. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
