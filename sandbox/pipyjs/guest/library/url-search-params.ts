import {
  decodeText,
  defineProperty,
  encodeComponent,
  entries,
  hasOwn,
  indexOf,
  isArray,
  join,
  slice,
  split,
} from './natives.ts'

type Values = Record<string, string[]>

/** The parameters of a query. A name can have more than one value. */
export class URLSearchParams {
  readonly #values: Values = {}

  /** A query, with or without its question mark, or an object. */
  constructor(given?: unknown) {
    if (typeof given === 'string') this.#parse(given)
    else if (typeof given === 'object' && given !== null) {
      const pairs = entries(given)
      for (let at = 0; at < pairs.length; at += 1) {
        const pair = pairs[at] as [string, unknown]
        this.set(pair[0], pair[1])
      }
    } else if (given !== undefined && given !== null) {
      throw new TypeError('URLSearchParams is made of a string or an object')
    }
  }

  /** The first value of a name, or null. */
  get(name: unknown): string | null {
    return this.#of(String(name))[0] ?? null
  }

  /** All values of a name. */
  getAll(name: unknown): string[] {
    const values = this.#of(String(name))
    const copy: string[] = []
    for (let at = 0; at < values.length; at += 1) copy[at] = values[at] as string
    return copy
  }

  /** Sets a name to a value, or to all of an array; undefined and null remove it. */
  set(name: unknown, value?: unknown): void {
    const key = String(name)
    if (value === undefined || value === null) {
      delete this.#values[key]
      return
    }
    const values: string[] = []
    if (isArray(value)) for (let at = 0; at < value.length; at += 1) values[at] = String(value[at])
    else values[0] = String(value)
    this.#put(key, values)
  }

  /** An object: a string for each name, an array where there are more. */
  toObject(): Record<string, string | string[]> {
    const object = {}
    const pairs = entries(this.#values)
    for (let at = 0; at < pairs.length; at += 1) {
      const pair = pairs[at] as [string, string[]]
      const value = pair[1].length === 1 ? pair[1][0] : this.getAll(pair[0])
      defineProperty(object, pair[0], { value, writable: true, enumerable: true, configurable: true })
    }
    return object
  }

  toString(): string {
    const texts: string[] = []
    const pairs = entries(this.#values)
    for (let at = 0; at < pairs.length; at += 1) {
      const pair = pairs[at] as [string, string[]]
      for (let index = 0; index < pair[1].length; index += 1) {
        texts[texts.length] = `${encodeComponent(pair[0])}=${encodeComponent(pair[1][index] as string)}`
      }
    }
    return join(texts, '&')
  }

  #of(name: string): readonly string[] {
    return hasOwn(this.#values, name) ? (this.#values[name] as string[]) : []
  }

  #put(name: string, values: string[]): void {
    const descriptor = { value: values, writable: true, enumerable: true, configurable: true }
    defineProperty(this.#values, name, descriptor)
  }

  #parse(query: string): void {
    const text = query[0] === '?' ? slice(query, 1) : query
    const pieces = split(text, '&')
    for (let at = 0; at < pieces.length; at += 1) {
      const piece = pieces[at] as string
      if (piece === '') continue
      const equals = indexOf(piece, '=')
      const name = decoded(equals < 0 ? piece : slice(piece, 0, equals))
      const value = equals < 0 ? '' : decoded(slice(piece, equals + 1))
      if (hasOwn(this.#values, name)) {
        const values = this.#values[name] as string[]
        values[values.length] = value
      } else this.#put(name, [value])
    }
  }
}

/** What is no valid encoding stays as it is: clients choose it. */
function decoded(text: string): string {
  const plain = join(split(text, '+'), ' ')
  if (indexOf(plain, '%') < 0) return plain
  try {
    return decodeText(plain)
  } catch {
    return plain
  }
}
