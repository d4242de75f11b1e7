import { ReadBatch } from './read-batch.ts'

/** Size of one read: what a loopback or a fast network fills in one go. */
const readBytes = 65_536

/** A read of more than this is taken for the middle of a long transfer. */
const largeRead = readBytes / 2

/** How many private buffers are kept for reuse; more are left to the garbage collector. */
const maxKept = 16

/**
 * The buffers that all sockets of one worker read into.
 *
 * A socket normally reads into the one shared buffer: libuv asks for it, fills
 * it and hands it over within one call, so no two sockets ever hold it at once,
 * and ten thousand idle connections cost no read buffer at all. What is in it
 * must be used or copied before the call returns. A socket in the middle of a
 * long transfer reads into a private buffer instead, which may be lent to a
 * write that has not finished, so that bulk data is never copied.
 */
export class ReadBuffers {
  /** The buffer that a socket starts with. */
  readonly shared = Buffer.allocUnsafeSlow(readBytes)
  /** Where small reads wait for the end of a turn. */
  readonly batch = new ReadBatch()
  readonly #own = new WeakSet<ArrayBufferLike>()
  readonly #lent = new Map<ArrayBufferLike, number>()
  readonly #kept: Buffer[] = []

  /** Whether these bytes stand in the shared buffer, and so are gone when the call returns. */
  isShared(bytes: Uint8Array): boolean {
    return bytes.buffer === this.shared.buffer
  }

  /** The buffer for the next read of a socket whose last read put `length` bytes into `current`. */
  next(current: Buffer, length: number): Buffer {
    if (length <= largeRead) {
      this.giveBack(current)
      return this.shared
    }
    const isFree = current !== this.shared && !this.#lent.has(current.buffer)
    return isFree ? current : this.#take()
  }

  /** Takes back what a socket read into, when it needs it no more. Harmless for the shared buffer. */
  giveBack(buffer: Buffer): void {
    if (buffer !== this.shared && !this.#lent.has(buffer.buffer)) this.#keep(buffer)
  }

  /**
   * Marks the private buffer behind `bytes` as in use by a write that has not
   * finished; its reader moves on to another. Bytes from elsewhere need no loan.
   */
  lend(bytes: Uint8Array): void {
    if (!this.#own.has(bytes.buffer)) return
    this.#lent.set(bytes.buffer, (this.#lent.get(bytes.buffer) ?? 0) + 1)
  }

  /** Ends one {@link lend}: the write has finished, or failed. */
  release(bytes: Uint8Array): void {
    const loans = this.#lent.get(bytes.buffer)
    if (loans === undefined) return
    if (loans > 1) {
      this.#lent.set(bytes.buffer, loans - 1)
      return
    }
    this.#lent.delete(bytes.buffer)
    this.#keep(Buffer.from(bytes.buffer as ArrayBuffer))
  }

  #take(): Buffer {
    const kept = this.#kept.pop()
    if (kept) return kept
    const buffer = Buffer.allocUnsafeSlow(readBytes)
    this.#own.add(buffer.buffer)
    return buffer
  }

  #keep(buffer: Buffer): void {
    if (this.#kept.length < maxKept) this.#kept.push(buffer)
  }
}
