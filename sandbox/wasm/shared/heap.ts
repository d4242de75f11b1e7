import { blockField, heapStart, place, smallestBlockWords } from './layout.ts'
import type { SharedMemory } from './memory.ts'

const free = 2
const used = 1

/**
 * The blocks of the shared memory: sizes are powers of two, halved to fit and joined with their other half when both
 * are free. So what is free is always in the largest pieces it can be in, and a block wastes less than half of itself.
 */
export class SharedHeap {
  readonly #memory: SharedMemory

  constructor(memory: SharedMemory) {
    this.#memory = memory
  }

  /** Makes one free block of a memory that is new. `bytes` is a power of two. */
  format(bytes: number): void {
    const order = orderOf(bytes)
    this.#memory.write(place.topOrder, order)
    this.#push(heapStart, order)
  }

  /** A block with room for so many bytes of content, or 0 when there is none. */
  allocate(contentBytes: number): number {
    const memory = this.#memory
    const order = orderOf(contentBytes + blockField.content * 4)
    const top = memory.read(place.topOrder)
    let found = order
    while (found <= top && memory.read(place.freeHeads + found) === 0) found += 1
    if (found > top) return 0
    const block = memory.read(place.freeHeads + found)
    this.#remove(block, found)
    while (found > order) {
      found -= 1
      this.#push(block + wordsOf(found), found)
    }
    memory.write(block, (order << 2) | used)
    return block
  }

  free(given: number): void {
    const memory = this.#memory
    const top = memory.read(place.topOrder)
    let block = given
    let order = memory.read(block) >> 2
    while (order < top) {
      const other = heapStart + ((block - heapStart) ^ wordsOf(order))
      if (memory.read(other) !== ((order << 2) | free)) break
      this.#remove(other, order)
      block = Math.min(block, other)
      order += 1
    }
    this.#push(block, order)
  }

  /** The bytes that a block takes up. */
  sizeOf(block: number): number {
    return wordsOf(this.#memory.read(block) >> 2) * 4
  }

  #push(block: number, order: number): void {
    const memory = this.#memory
    const head = place.freeHeads + order
    const next = memory.read(head)
    memory.write(block, (order << 2) | free)
    memory.write(block + blockField.next, next)
    memory.write(block + blockField.previous, 0)
    if (next !== 0) memory.write(next + blockField.previous, block)
    memory.write(head, block)
  }

  #remove(block: number, order: number): void {
    const memory = this.#memory
    const next = memory.read(block + blockField.next)
    const previous = memory.read(block + blockField.previous)
    if (previous === 0) memory.write(place.freeHeads + order, next)
    else memory.write(previous + blockField.next, next)
    if (next !== 0) memory.write(next + blockField.previous, previous)
  }
}

const wordsOf = (order: number): number => smallestBlockWords << order

/** The order of the smallest block of at least so many bytes. */
function orderOf(bytes: number): number {
  const blocks = Math.ceil(bytes / (smallestBlockWords * 4))
  return 32 - Math.clz32(blocks - 1)
}
