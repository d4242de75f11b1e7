import { ProxyError } from '../../chains/failures.ts'

/** How large a head may be. */
export interface HeadLimits {
  readonly maxHeadBytes: number
  readonly maxTargetBytes: number
  readonly maxHeaders: number
}

const LF = 0x0a
const CR = 0x0d

const empty = new Uint8Array(0)

/** Most heads end within this many bytes; only longer ones are searched as a whole. */
const usualHead = 2_048

/**
 * A head that is complete: its bytes to look at, one by one, and the same as
 * text to cut names and values from. Looking at bytes is several times faster
 * than at the characters of a string. Valid only while it is handed over.
 */
export interface HeadText {
  readonly bytes: Uint8Array
  /** Where in `bytes` the head begins. */
  readonly start: number
  /** The head as latin1, with perhaps more behind it. */
  readonly text: string
  /** How many bytes, and characters, the head has, its empty line included. */
  readonly end: number
}

/** Wraps a head, or a trailer section, that is there as text alone. */
export function headOf(text: string): HeadText {
  return { bytes: Buffer.from(text, 'latin1'), start: 0, text, end: text.length }
}

/**
 * Finds the end of a head. A head that comes in one piece, as nearly all do, is
 * turned into a string at once; the pieces of others are put together, each
 * byte looked at once.
 */
export class HeadBuffer implements HeadText {
  readonly #limits: HeadLimits
  #held: Buffer | null = null
  #isAfterEmptyLine = false
  /** How many bytes of an unfinished head are held. */
  length = 0
  bytes: Uint8Array = empty
  start = 0
  text = ''
  /** 0 until the head is complete. */
  end = 0

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  /** Forgets the head at hand. */
  clear(): void {
    this.#held = null
    this.#isAfterEmptyLine = false
    this.length = 0
    this.end = 0
  }

  /**
   * Takes bytes from `start` on and returns how far they belong to the head.
   * Throws `HEAD_TOO_LARGE`, `TARGET_TOO_LONG`, or `BAD_REQUEST` for a bare LF.
   */
  take(bytes: Buffer, start: number): number {
    if (this.length > 0) return this.#continue(bytes, start)
    const from = this.#skipEmptyLine(bytes, start)
    let text = bytes.toString('latin1', from, Math.min(bytes.length, from + usualHead))
    let end = text.indexOf('\r\n\r\n')
    if (end < 0 && bytes.length > from + usualHead) {
      text = bytes.toString('latin1', from, Math.min(bytes.length, from + this.#limits.maxHeadBytes + 4))
      end = text.indexOf('\r\n\r\n')
    }
    if (end < 0) return this.#begin(bytes, from)
    if (end + 4 > this.#limits.maxHeadBytes) throw this.#tooLarge(text)
    this.#complete(bytes, from, text, end + 4)
    return from + end + 4
  }

  #complete(bytes: Uint8Array, start: number, text: string, end: number): void {
    this.bytes = bytes
    this.start = start
    this.text = text
    this.end = end
  }

  /** One empty line before a request is the mistake of old clients, and is forgiven (RFC 9112 section 2.2). */
  #skipEmptyLine(bytes: Buffer, start: number): number {
    if (bytes[start] !== CR || this.#isAfterEmptyLine || bytes[start + 1] !== LF) return start
    this.#isAfterEmptyLine = true
    return start + 2
  }

  #begin(bytes: Buffer, from: number): number {
    if (from < bytes.length) {
      this.#append(bytes, from)
      this.#refuseEarly(this.#held as Buffer, 0)
    }
    return bytes.length
  }

  #continue(bytes: Buffer, start: number): number {
    const before = this.length
    this.#append(bytes, start)
    const held = this.#held as Buffer
    if (!this.#isAfterEmptyLine && this.length >= 2 && held[0] === CR && held[1] === LF) {
      const rest = Buffer.from(held.subarray(2, this.length))
      this.clear()
      this.#isAfterEmptyLine = true
      const used = rest.length === 0 ? 0 : this.take(rest, 0)
      return bytes.length - (rest.length - used)
    }
    const end = held.subarray(0, this.length).indexOf('\r\n\r\n', Math.max(0, before - 3), 'latin1')
    if (end < 0) {
      this.#refuseEarly(held, before)
      return bytes.length
    }
    if (end + 4 > this.#limits.maxHeadBytes) throw this.#tooLarge(held.toString('latin1', 0, end))
    this.#complete(held, 0, held.toString('latin1', 0, end + 4), end + 4)
    return start + end + 4 - before
  }

  #append(bytes: Buffer, start: number): void {
    const added = bytes.length - start
    const length = this.length + added
    if (!this.#held || this.#held.length < length) {
      const grown = Buffer.allocUnsafe(Math.max(length * 2, 1_024))
      this.#held?.copy(grown, 0, 0, this.length)
      this.#held = grown
    }
    bytes.copy(this.#held, this.length, start)
    this.length = length
  }

  /** Does not wait for the end of a head that cannot become valid. `from` is where the new bytes begin. */
  #refuseEarly(held: Buffer, from: number): void {
    for (let at = held.indexOf(LF, from); at >= 0 && at < this.length; at = held.indexOf(LF, at + 1)) {
      if (at === 0 || held[at - 1] !== CR)
        throw new ProxyError('BAD_REQUEST', 'a line of the head ends without CR')
    }
    if (this.length > this.#limits.maxHeadBytes) throw this.#tooLarge(held.toString('latin1', 0, this.length))
  }

  #tooLarge(text: string): ProxyError {
    const { maxHeadBytes, maxTargetBytes } = this.#limits
    const lineEnd = text.indexOf('\r\n')
    if (lineEnd < 0 || lineEnd > maxTargetBytes + 64) {
      return new ProxyError('TARGET_TOO_LONG', `the request line is over ${maxTargetBytes} bytes`)
    }
    return new ProxyError('HEAD_TOO_LARGE', `the head is over ${maxHeadBytes} bytes`)
  }
}
