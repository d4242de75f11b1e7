/** Below this many bytes a loop is faster than a call of the engine's copy. */
const shortCopy = 64

/** Bytes that grow. */
export class Writer {
  #bytes: Uint8Array
  #length = 0

  constructor(expected: number) {
    this.#bytes = new Uint8Array(expected)
  }

  get length(): number {
    return this.#length
  }

  /** What was written. A view, which the next write may change or leave behind. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.#reserve(5)
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#length++] = rest
  }

  append(source: Uint8Array): void {
    this.copy(source, 0, source.length)
  }

  /** Appends the bytes of `source` from `start` up to `end`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    this.#reserve(count)
    const bytes = this.#bytes
    let at = this.#length
    this.#length += count
    if (count >= shortCopy) bytes.set(source.subarray(start, end), at)
    else for (let from = start; from < end; ) bytes[at++] = source[from++] as number
  }

  /** Appends a length and then the bytes. */
  block(content: Uint8Array): void {
    this.u32(content.length)
    this.append(content)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, needed + 64))
    larger.set(this.written)
    this.#bytes = larger
  }
}

/** A number as LEB128, for code that is put together as a list of bytes. */
export function signed(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    const isLast = (rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40)
    if (isLast) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

/** An index as LEB128, for code that is put together as a list of bytes. */
export function unsigned(value: number): number[] {
  const writer = new Writer(5)
  writer.u32(value)
  return [...writer.written]
}
