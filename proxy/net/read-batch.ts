/** Reads larger than this are bulk data, and are handed over at once instead of being copied. */
export const batchedBytes = 4_096

/** How many bytes of reads one slab holds. */
const slabBytes = 65_536

/** Someone for whom bytes are kept until the end of a turn of the event loop. */
export interface BatchReader {
  /** Takes what was kept; the bytes are valid during the call. */
  deliver(bytes: Buffer): void
}

/**
 * Keeps small reads until all sockets that are ready have been read, and then
 * hands them over in the order in which they came.
 *
 * Between one read and the next the kernel's network code and ours push each
 * other out of the processor's caches; taking turns by the batch and not by the
 * request saves a fifth of the CPU of a small exchange under load. It costs a
 * copy of a few hundred bytes, and no time, because nothing else would run.
 */
export class ReadBatch {
  readonly #readers: BatchReader[] = []
  readonly #pieces: Buffer[] = []
  #slab = Buffer.allocUnsafeSlow(slabBytes)
  #used = 0
  #isArmed = false

  /** Keeps a copy of `bytes` for `reader`. */
  add(reader: BatchReader, bytes: Uint8Array, length: number): void {
    if (this.#used + length > slabBytes) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#used = 0
    }
    const start = this.#used
    this.#slab.set(length === bytes.length ? bytes : bytes.subarray(0, length), start)
    this.#used += length
    this.#readers.push(reader)
    this.#pieces.push(this.#slab.subarray(start, start + length))
    if (this.#isArmed) return
    this.#isArmed = true
    setImmediate(() => this.#deliver())
  }

  /** Hands over at once what is kept for `reader`, because something else is about to happen to it. */
  flush(reader: BatchReader): void {
    for (let at = 0; at < this.#readers.length; at++) {
      if (this.#readers[at] !== reader) continue
      this.#readers[at] = nobody
      reader.deliver(this.#pieces[at] as Buffer)
    }
  }

  #deliver(): void {
    this.#isArmed = false
    const count = this.#readers.length
    for (let at = 0; at < count; at++) (this.#readers[at] as BatchReader).deliver(this.#pieces[at] as Buffer)
    if (this.#readers.length === count) {
      this.#readers.length = 0
      this.#pieces.length = 0
      this.#used = 0
    } else {
      // what came meanwhile stands behind in the slab
      this.#readers.splice(0, count)
      this.#pieces.splice(0, count)
    }
  }
}

const nobody: BatchReader = { deliver() {} }
