import { MeterRefusal } from './refusal.ts'

const moreBit = 0x80
/** A 64-bit number in LEB128 takes ten bytes at most; V8 reads no more of any number. */
const longestNumber = 10

/** A place in the bytes of a module. Reading past `end` throws a {@link MeterRefusal}. */
export class Reader {
  readonly bytes: Uint8Array
  at: number
  end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw this.cutShort()
    return this.bytes[this.at++] as number
  }

  /** An unsigned number of 32 bits. One that is written in more than five bytes, or is larger, is refused. */
  u32(): number {
    const first = this.byte()
    return first < moreBit ? first : this.#longU32(first)
  }

  #longU32(first: number): number {
    const at = this.at - 1
    let value = first & 0x7f
    for (let shift = 7; shift <= 28; shift += 7) {
      const byte = this.byte()
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < moreBit) return value >>> 0
    }
    throw this.refusal('a number of more than 32 bits', at)
  }

  /** Passes over a number of any width and sign. */
  skipNumber(): void {
    const at = this.at
    for (let left = longestNumber; left > 0; left -= 1) if (this.byte() < moreBit) return
    throw this.refusal('a number without an end', at)
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw this.cutShort()
    this.at += count
  }

  /** The length of a list; each entry takes a byte at least, so a longer one than there are bytes is refused. */
  count(what: string): number {
    const at = this.at
    const count = this.u32()
    if (count > this.end - this.at) throw this.refusal(`${count} ${what} in ${this.end - this.at} bytes`, at)
    return count
  }

  /** A name, or any bytes with their length before them. A view. */
  block(): Uint8Array {
    const length = this.u32()
    const start = this.at
    this.skip(length)
    return this.bytes.subarray(start, this.at)
  }

  /** Throws unless everything up to `end` has been read. */
  expectEnd(what: string): void {
    if (this.at !== this.end) throw this.refusal(`${this.end - this.at} bytes too many in ${what}`)
  }

  refusal(what: string, at = this.at): MeterRefusal {
    return new MeterRefusal(what, at)
  }

  cutShort(): MeterRefusal {
    return this.refusal('the module or a part of it is cut short', this.end)
  }
}
