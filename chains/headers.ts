import { ProxyError } from './failures.ts'
import { isAll, tokenChars, valueChars } from './syntax.ts'

/**
 * The header fields of one message, in the order, case and number in which they
 * stood on the wire (RFC 9110 section 5).
 *
 * Names are compared without regard to case. Values are latin1 strings: one
 * character for each byte. Nothing can be added that would change the framing
 * of the message: names must be tokens, values must hold no control character.
 */
export class HeaderList {
  readonly #fields: string[]
  /** The field lines as they can be sent, in pieces, or null when a change has made them out of date. */
  #lines: string[] | null

  /**
   * Takes ownership of `fields`, names and values in turn, which must be valid
   * already, and of `lines`, the same as it can be sent: `Name: value` with CRLF
   * behind each, cut in pieces anywhere. A parser gives them, so that fields
   * which nobody touches are not put together anew.
   */
  constructor(fields: string[] = [], lines: string[] | null = fields.length === 0 ? [] : null) {
    this.#fields = fields
    this.#lines = lines
  }

  /** All fields as they can be sent, one line each with CRLF behind it. */
  serialize(): string {
    this.#lines ??= this.#makeLines()
    const lines = this.#lines
    let text = ''
    for (let at = 0; at < lines.length; at++) text += lines[at]
    return text
  }

  /** Names and values in turn: `[name, value, name, value, …]`. A view, not a copy. */
  get fields(): readonly string[] {
    return this.#fields
  }

  /** How many fields there are, repeats counted. */
  get size(): number {
    return this.#fields.length >> 1
  }

  /** The value of the first field of that name (given in lower case), or undefined. */
  get(name: string): string | undefined {
    const index = this.#find(name, 0)
    return index < 0 ? undefined : this.#fields[index + 1]
  }

  /** Every value of that name (given in lower case), in order. */
  getAll(name: string): string[] {
    const values: string[] = []
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 2)) {
      values.push(this.#fields[at + 1] as string)
    }
    return values
  }

  /** Whether a field of that name (given in lower case) is there. */
  has(name: string): boolean {
    return this.#find(name, 0) >= 0
  }

  /** Adds a field at the end, beside any of the same name. Throws `INTERNAL` if it could not be sent as it is. */
  append(name: string, value: string): void {
    checkField(name, value)
    this.#add(name, value)
  }

  /** Like {@link append} for the hot path, without the check: name and value came from a parsed head, or are our own. */
  appendValid(name: string, value: string): void {
    this.#add(name, value)
  }

  /** Gives the first field of that name (any case) this value, removes its repeats; adds the field if there was none. Throws like {@link append}. */
  set(name: string, value: string): void {
    checkField(name, value)
    const lower = name.toLowerCase()
    const index = this.#find(lower, 0)
    if (index < 0) {
      this.#add(name, value)
      return
    }
    this.#lines = null
    this.#fields[index + 1] = value
    this.#removeFrom(lower, index + 2)
  }

  /** Removes every field of that name (given in lower case). */
  delete(name: string): void {
    this.#removeFrom(name, 0)
  }

  /** Removes every field whose lower-case name is in `names`. */
  deleteAll(names: ReadonlySet<string>): void {
    const fields = this.#fields
    this.#lines = null
    let kept = 0
    for (let at = 0; at < fields.length; at += 2) {
      if (names.has((fields[at] as string).toLowerCase())) continue
      fields[kept] = fields[at] as string
      fields[kept + 1] = fields[at + 1] as string
      kept += 2
    }
    fields.length = kept
  }

  /** A copy that shares nothing with this one. */
  clone(): HeaderList {
    return new HeaderList(this.#fields.slice(), this.#lines?.slice() ?? null)
  }

  /** Yields `[name, value]` pairs; off the hot path. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: string]> {
    for (let at = 0; at < this.#fields.length; at += 2) {
      yield [this.#fields[at] as string, this.#fields[at + 1] as string]
    }
  }

  #find(lower: string, from: number): number {
    const fields = this.#fields
    for (let at = from; at < fields.length; at += 2) {
      const name = fields[at] as string
      if (name.length === lower.length && (name === lower || name.toLowerCase() === lower)) {
        return at
      }
    }
    return -1
  }

  #add(name: string, value: string): void {
    this.#fields.push(name, value)
    this.#lines?.push(`${name}: ${value}\r\n`)
  }

  #makeLines(): string[] {
    const lines: string[] = []
    for (let at = 0; at < this.#fields.length; at += 2) {
      lines.push(`${this.#fields[at]}: ${this.#fields[at + 1]}\r\n`)
    }
    return lines
  }

  #removeFrom(lower: string, from: number): void {
    for (let at = this.#find(lower, from); at >= 0; at = this.#find(lower, at)) {
      this.#fields.splice(at, 2)
      this.#lines = null
    }
  }
}

/** Throws if a name is no token, or a value holds a control character or something beyond latin1. */
function checkField(name: string, value: string): void {
  if (name.length === 0 || !isAll(name, tokenChars)) {
    throw new ProxyError('INTERNAL', `${JSON.stringify(name)} is not a header name`)
  }
  if (!isAll(value, valueChars)) {
    throw new ProxyError('INTERNAL', `the value given to header ${name} holds a character that it may not`)
  }
}
