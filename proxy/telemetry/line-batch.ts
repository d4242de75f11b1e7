/** Size of a batch in ordinary times. */
const usualBytes = 262_144

/** A batch that had to grow is kept for the next one, up to this size, because a slow write is seldom alone. */
const maxKeptBytes = 1_048_576

/** UTF-8 takes at most three bytes for each unit of a string. */
const maxBytesPerUnit = 3

const lineFeed = 0x0a

/**
 * Lines that wait to be written, as bytes.
 *
 * Each line is encoded as it comes: a string put together from many parts would
 * keep all of them alive until the batch is written, thousands at a time, and
 * the garbage collector would copy them again and again.
 */
export class LineBatch {
  #bytes: Buffer = Buffer.allocUnsafeSlow(usualBytes)
  #spare: Buffer | null = null
  #length = 0

  /** Bytes that wait. */
  get length(): number {
    return this.#length
  }

  /** Whether it is time to write. */
  get isFull(): boolean {
    return this.#length >= usualBytes / 2
  }

  /** Adds one line, and its line end. */
  add(line: string): void {
    const needed = this.#length + line.length * maxBytesPerUnit + 1
    if (needed > this.#bytes.length) this.#grow(needed)
    this.#length += this.#bytes.write(line, this.#length, 'utf8')
    this.#bytes[this.#length] = lineFeed
    this.#length += 1
  }

  /** Takes all that waits. Give the result back with {@link reuse} when it has been written. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#bytes = this.#spare ?? Buffer.allocUnsafeSlow(usualBytes)
    this.#spare = null
    this.#length = 0
    return taken
  }

  /** Ends the use of what {@link take} gave. */
  reuse(taken: Buffer): void {
    const { buffer } = taken
    const isLarger = buffer.byteLength > (this.#spare?.length ?? 0)
    if (isLarger && buffer.byteLength <= maxKeptBytes) this.#spare = Buffer.from(buffer as ArrayBuffer)
  }

  /** How many lines wait; off the hot path. */
  count(): number {
    return countLines(this.#bytes.subarray(0, this.#length))
  }

  /** Forgets what waits. */
  clear(): void {
    this.#length = 0
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** How many lines end in `bytes`. */
export function countLines(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count += 1
  return count
}
