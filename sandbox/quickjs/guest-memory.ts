import { initialPages, layout } from './library.ts'

const pageBytes = 65_536
/** What the heap grows by at least. */
const growthPages = 16
/** A share of the heap: after so many bytes were handed in, cycles are collected. */
const collectAfter = 1 / 4
/** A share of the heap: what a look at the clock counts as, for garbage that the guest makes itself. */
const tickWeight = 1 / 4_000

/** The guest used up the memory that it may have. The instance is of no use any more. */
export class OutOfGuestMemory extends Error {
  override readonly name = 'OutOfGuestMemory'
}

/**
 * The memory of one instance, and views of it that are always current.
 *
 * It is the only limit of the heap that holds: QuickJS, as built here, counts
 * blocks and not bytes. For the same reason QuickJS does not see that it is time to
 * collect cycles when they hold large blocks; so it is told to from here.
 */
export class GuestMemory {
  readonly memory: WebAssembly.Memory
  bytes: Buffer
  words: Int32Array
  /** More was asked for than may be had. */
  isFull = false
  readonly #heapBytes: number
  readonly #maximumPages: number
  #runtime = 0
  #context = 0
  #pressure = 0

  constructor(heapBytes: number) {
    this.#heapBytes = heapBytes
    this.#maximumPages = Math.max(initialPages, Math.ceil((layout.heapStart + heapBytes) / pageBytes))
    this.memory = new WebAssembly.Memory({ initial: initialPages, maximum: this.#maximumPages })
    this.bytes = Buffer.from(this.memory.buffer)
    this.words = new Int32Array(this.memory.buffer)
  }

  /** Blocks that the guest has allocated. */
  get blockCount(): number {
    return this.#runtime ? (this.words[(this.#runtime + layout.runtimeBlocks) >> 2] as number) : 0
  }

  /** Tells which runtime and context are in it. */
  watch(runtime: number, context: number): void {
    this.#runtime = runtime
    this.#context = context
  }

  /** Has QuickJS ask whether to go on at its next step, and not after 10,000. */
  interruptSoon(): void {
    if (this.#context) this.words[(this.#context + layout.contextSteps) >> 2] = 1
  }

  /** Grows the memory to at least `byteLength`; false when that is more than it may have. */
  grow(byteLength: number): boolean {
    const pages = this.bytes.length / pageBytes
    const needed = Math.ceil((byteLength >>> 0) / pageBytes)
    this.#collectSoon()
    if (needed > this.#maximumPages) {
      this.isFull = true
      return false
    }
    this.memory.grow(Math.min(Math.max(needed, pages + growthPages), this.#maximumPages) - pages)
    this.bytes = Buffer.from(this.memory.buffer)
    this.words = new Int32Array(this.memory.buffer)
    return true
  }

  /** Tells of bytes that became the guest's. */
  handedIn(byteLength: number): void {
    this.#pressure += byteLength
    if (this.#pressure > this.#heapBytes * collectAfter) this.#collectSoon()
  }

  /** Tells that the guest has been working for a while. */
  worked(): void {
    this.handedIn(this.#heapBytes * tickWeight)
  }

  /** Text that ends with a NUL. */
  text(address: number): string {
    return this.bytes.toString('utf8', address, this.bytes.indexOf(0, address))
  }

  /** The next object that the guest makes has QuickJS collect first. */
  #collectSoon(): void {
    this.#pressure = 0
    if (this.#runtime) this.words[(this.#runtime + layout.runtimeCollectAbove) >> 2] = 0
  }
}
