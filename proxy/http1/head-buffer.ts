import { ProxyError } from '../../chains/failures.ts'
import type { HeadLimits } from './request-head.ts'

const LF = 0x0a
const CR = 0x0d

/** Most heads end within this many bytes; only longer ones are searched as a whole. */
const usualHead = 2_048

/**
 * Finds the end of a head. A head that comes in one piece, as nearly all do, is
 * turned into a string at once; the pieces of others are put together, each
 * byte looked at once.
 */
export class HeadBuffer {
  readonly #limits: HeadLimits
  #bytes: Buffer | null = null
  #isAfterEmptyLine = false
  /** How many bytes of an unfinished head are held. */
  length = 0
  /** The complete head, from its first byte to its empty line, or null. */
  text: string | null = null

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  /** Forgets the head at hand. */
  clear(): void {
    this.#bytes = null
    this.#isAfterEmptyLine = false
    this.length = 0
    this.text = null
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
    this.text = end + 4 === text.length ? text : text.slice(0, end + 4)
    return from + end + 4
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
      this.#refuseEarly(this.#bytes as Buffer, 0)
    }
    return bytes.length
  }

  #continue(bytes: Buffer, start: number): number {
    const before = this.length
    this.#append(bytes, start)
    const held = this.#bytes as Buffer
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
    this.text = held.toString('latin1', 0, end + 4)
    return start + end + 4 - before
  }

  #append(bytes: Buffer, start: number): void {
    const added = bytes.length - start
    const length = this.length + added
    if (!this.#bytes || this.#bytes.length < length) {
      const grown = Buffer.allocUnsafe(Math.max(length * 2, 1_024))
      this.#bytes?.copy(grown, 0, 0, this.length)
      this.#bytes = grown
    }
    bytes.copy(this.#bytes, this.length, start)
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
