import type { Host } from './host.ts'

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// what a field value may hold (RFC 9110, 5.5), one byte for each character
const value = /^[\t\x20-\x7e\x80-\xff]*$/

/** The fields of one head, as plugins see them: each look and each edit is one call of the host. */
export class Headers {
  readonly #host: Host
  readonly #exchange: number
  readonly #way: number

  constructor(host: Host, exchange: number, way: number) {
    this.#host = host
    this.#exchange = exchange
    this.#way = way
  }

  /** The value of a field, several joined by a comma; null when there is none. */
  get(name: string): string | null {
    const found = this.#host.header(this.#exchange, this.#way, `${name}`)
    return found === undefined ? null : found
  }

  /** Every value of a field, in order (what `Set-Cookie` needs). */
  getAll(name: string): string[] {
    const lower = `${name}`.toLowerCase()
    return [...this].filter(([field]) => field.toLowerCase() === lower).map(([, content]) => content)
  }

  /** Whether there is a field of that name. */
  has(name: string): boolean {
    return this.get(name) !== null
  }

  /** Gives a field this one value. Throws a `TypeError` for what HTTP cannot carry. */
  set(name: string, text: string): void {
    this.#host.setHeader(this.#exchange, this.#way, ...checked(name, text))
  }

  /** Adds a field beside those of the same name. Throws like {@link set}. */
  append(name: string, text: string): void {
    this.#host.appendHeader(this.#exchange, this.#way, ...checked(name, text))
  }

  /** Removes every field of that name. */
  delete(name: string): void {
    this.#host.deleteHeader(this.#exchange, this.#way, `${name}`)
  }

  /** Yields `[name, value]`, in the order of the wire. */
  *[Symbol.iterator](): Generator<[string, string]> {
    yield* pairs(this.#host.headers(this.#exchange, this.#way))
  }
}

/** The fields of an answer to `cx.fetch`, which nobody edits. */
export class FetchedHeaders {
  readonly #text: string

  /** Names and values, parted by line feeds. */
  constructor(text: string) {
    this.#text = text
  }

  /** The value of a field, several joined by a comma; null when there is none. */
  get(name: string): string | null {
    const values = this.getAll(name)
    return values.length === 0 ? null : values.join(', ')
  }

  getAll(name: string): string[] {
    const lower = `${name}`.toLowerCase()
    return [...this].filter(([field]) => field.toLowerCase() === lower).map(([, content]) => content)
  }

  has(name: string): boolean {
    return this.getAll(name).length > 0
  }

  *[Symbol.iterator](): Generator<[string, string]> {
    yield* pairs(this.#text)
  }
}

function* pairs(text: string): Generator<[string, string]> {
  const fields = text === '' ? [] : text.split('\n')
  for (let at = 0; at + 1 < fields.length; at += 2) yield [fields[at] as string, fields[at + 1] as string]
}

/** Names and values of whatever a plugin gives as headers, checked, as one text for the host. */
export function headersText(given: unknown): string {
  if (given === undefined || given === null) return ''
  const isList = typeof (given as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
  const entries = isList ? [...(given as Iterable<unknown>)] : Object.entries(given as object)
  const fields: string[] = []
  for (const entry of entries as readonly unknown[]) {
    const [name, content] = entry as [unknown, unknown]
    if (content === undefined || content === null) continue
    for (const one of Array.isArray(content) ? content : [content]) fields.push(...checked(name, one))
  }
  return fields.join('\n')
}

function checked(name: unknown, text: unknown): [string, string] {
  const field = String(name)
  const content = String(text)
  if (!token.test(field)) throw new TypeError(`${JSON.stringify(field)} cannot be the name of a header`)
  if (!value.test(content)) {
    throw new TypeError(`the value of header ${field} holds a character that a header cannot carry`)
  }
  return [field, content]
}
