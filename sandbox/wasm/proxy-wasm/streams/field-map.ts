import type { HeaderList } from '../../../../chains/headers.ts'
import { isAll, tokenChars, valueChars } from '../../../../chains/syntax.ts'
import { type HeaderMap, type Status, status } from '../../contract.ts'

/** What of a message guests see as fields, but is none: the first line, and what frames the body. */
export interface LineFields {
  /** In the order in which guests see them, before the real ones. Names that are there only. */
  readonly pairs: () => readonly string[]
  get(name: string): string | undefined
  /** Null: it is an ordinary field. */
  set(name: string, value: string): Status | null
  remove(name: string): Status | null
  /** Whether a whole map can take the place of this one. */
  accepts(pairs: readonly string[]): boolean
}

/** What frames a message, or concerns one hop: the codec's business, which no guest can add. */
export function isFraming(name: string): boolean {
  return framing.has(name)
}
const framing: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
])

/** Trailers: nothing but fields, and none of those that a receiver would take for more. */
export const noLineFields: LineFields = {
  pairs: () => [],
  get: () => undefined,
  set: (name) => (name.startsWith(':') || name === 'host' ? status.badArgument : null),
  remove: () => null,
  accepts: () => true,
}

/** Whether a field can be sent as it is. */
export function isField(name: string, value: string): boolean {
  return name.length > 0 && isAll(name, tokenChars) && isAll(value, valueChars)
}

/** What the fields of a message may come to by what guests add, in characters and in number. */
const most = { characters: 1_048_576, fields: 1_024 } as const

/** The fields of a message as a guest sees and edits them. */
export class FieldMap implements HeaderMap {
  readonly #list: HeaderList
  readonly #line: LineFields
  /** How much this map's guest has added; what it takes away again does not count. */
  #added = 0

  constructor(list: HeaderList, line: LineFields) {
    this.#list = list
    this.#line = line
  }

  get(name: string): string | undefined {
    const lower = name.toLowerCase()
    return this.#line.get(lower) ?? this.#list.get(lower)
  }

  get size(): number {
    const hosts = this.#line.get('host') === undefined ? 0 : this.#list.getAll('host').length
    return this.#line.pairs().length / 2 + this.#list.size - hosts
  }

  pairs(): readonly string[] {
    const { fields } = this.#list
    const pairs = [...this.#line.pairs()]
    for (let at = 0; at < fields.length; at += 2) {
      const name = (fields[at] as string).toLowerCase()
      if (this.#line.get(name) === undefined) pairs.push(name, fields[at + 1] as string)
    }
    return pairs
  }

  add(name: string, value: string): Status {
    return this.#write(name, value, (lower) => this.#list.append(lower, value))
  }

  replace(name: string, value: string): Status {
    return this.#write(name, value, (lower) => this.#list.set(lower, value))
  }

  remove(name: string): Status {
    const lower = name.toLowerCase()
    const answer = this.#line.remove(lower)
    if (answer !== null) return answer
    this.#list.delete(lower)
    return status.ok
  }

  set(pairs: readonly string[]): Status {
    if (!this.#line.accepts(pairs)) return status.badArgument
    for (let at = 0; at < pairs.length; at += 2) {
      const name = (pairs[at] as string).toLowerCase()
      if (!name.startsWith(':') && !isField(name, pairs[at + 1] as string)) return status.badArgument
    }
    const lineNames = this.#line.pairs()
    for (const name of new Set(this.#list.fields.filter((_, at) => at % 2 === 0))) {
      const lower = name.toLowerCase()
      if (this.#line.get(lower) === undefined) this.#list.delete(lower)
    }
    // what frames the message is not in the list: a map without it leaves it out
    if (lineNames.includes('content-length')) this.#line.remove('content-length')
    for (let at = 0; at < pairs.length; at += 2) {
      const name = (pairs[at] as string).toLowerCase()
      const value = pairs[at + 1] as string
      if (this.#line.set(name, value) === null && !isFraming(name)) this.#list.append(name, value)
    }
    return status.ok
  }

  #write(name: string, value: string, write: (lower: string) => void): Status {
    const lower = name.toLowerCase()
    const answer = this.#line.set(lower, value)
    if (answer !== null) return answer
    if (!isField(lower, value)) return status.badArgument
    // Left out without a word: some SDKs end the instance at any other answer.
    if (isFraming(lower)) return status.ok
    this.#added += lower.length + value.length
    if (this.#added > most.characters || this.#list.size >= most.fields) return status.badArgument
    write(lower)
    return status.ok
  }
}
