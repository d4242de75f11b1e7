import { blockField, heapStart } from './layout.ts'
import type { SharedMemory } from './memory.ts'
import type { SharedTable } from './table.ts'

/**
 * Content of one block. Long values are chains of blocks of 4 KiB, so that there is room for them however the free
 * blocks lie, and the last one alone wastes any.
 */
const pieceBytes = 4_096 - blockField.content * 4

/** Bytes in the heap, in pieces. The first block stands for all. Use it in transactions. */
export class SharedValues {
  readonly #memory: SharedMemory
  readonly #table: SharedTable

  constructor(memory: SharedMemory, table: SharedTable) {
    this.#memory = memory
    this.#table = table
  }

  /** The first block of a copy that is charged to a vm id, or 0 when there is no room and all has to be rolled back. */
  store(space: number, value: Uint8Array): number {
    const memory = this.#memory
    let rest = 0
    let start = Math.max(0, Math.ceil(value.length / pieceBytes) - 1) * pieceBytes
    for (; start >= 0; start -= pieceBytes) {
      const piece = value.subarray(start, start + pieceBytes)
      const block = this.#table.allocate(space, piece.length)
      if (block === 0) return 0
      memory.bytes.set(piece, contentOf(block))
      memory.write(block + blockField.rest, rest)
      rest = block
    }
    memory.write(rest + blockField.length, value.length)
    return rest
  }

  /** A copy of a value. */
  load(first: number): Uint8Array {
    const memory = this.#memory
    const value = new Uint8Array(memory.read(first + blockField.length))
    let block = first
    for (let start = 0; start < value.length; start += pieceBytes) {
      const length = Math.min(pieceBytes, value.length - start)
      value.set(memory.bytes.subarray(contentOf(block), contentOf(block) + length), start)
      block = memory.read(block + blockField.rest)
    }
    return value
  }

  /** Only after everything that the transaction stores. */
  free(space: number, first: number): void {
    let block = first
    while (block >= heapStart) {
      const rest = this.#memory.read(block + blockField.rest)
      this.#table.free(space, block)
      block = rest
    }
  }
}

const contentOf = (block: number): number => (block + blockField.content) * 4
