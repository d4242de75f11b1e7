import { defineProperty, hasOwn, indexOf, slice, stringify } from './natives.ts'
import type { Cursor } from './yaml-cursor.ts'
import { resolved } from './yaml-scalars.ts'

/** How deeply a document may be nested: the stack is small. */
const maxDepth = 24

const properties = /[&!][^\s,[\]{}]*/y
const alias = /\*[^\s,[\]{}]+/y

/** What stands before a value. */
export interface Properties {
  readonly anchor: string
  readonly tag: string
}

/** How scalars of a tag are read. */
const tags: Readonly<Record<string, ((text: string) => unknown) | null>> = {
  __proto__: null as never,
  '!': (text) => text,
  '!!str': (text) => text,
  '!!null': () => null,
  '!!bool': (text) => resolved(text) === true,
  '!!int': Number,
  '!!float': (text) => Number(resolved(text)),
  '!!map': null,
  '!!seq': null,
}

/** What all nodes of a document have in common: anchors, tags, and how deep they are. */
export class Nodes {
  readonly #cursor: Cursor
  readonly #anchors: Record<string, unknown> = { __proto__: null }
  #depth = 0

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** What stands before the value that is next; null for nothing. */
  takeProperties(): Properties | null {
    const cursor = this.#cursor
    if (cursor.next !== '&' && cursor.next !== '!') return null
    let anchor = ''
    let tag = ''
    for (;;) {
      const found = cursor.take(properties)
      if (found === null) break
      const text = found[0]
      if (text[0] === '&') anchor = `*${slice(text, 1)}`
      else if (text in tags) tag = text
      else throw cursor.fault(`there is no tag ${text}`)
      cursor.overSpace()
    }
    return { anchor, tag }
  }

  /** A scalar as its tag wants it; a plain one without a tag is what it looks like. */
  scalar(found: Properties | null, text: string, isPlain: boolean): unknown {
    const read = found === null ? undefined : tags[found.tag]
    if (read) return read(text)
    return isPlain ? resolved(text) : text
  }

  /** Remembers a value that has an anchor; gives it. */
  named(found: Properties | null, value: unknown): unknown {
    if (found !== null && found.anchor !== '') this.#anchors[found.anchor] = value
    return value
  }

  /** The value that the alias here stands for: itself, not a copy. */
  takeAlias(): unknown {
    const name = this.#cursor.take(alias)?.[0]
    if (name === undefined || !hasOwn(this.#anchors, name)) {
      throw this.#cursor.fault(`there is no anchor for ${name ?? '*'}`)
    }
    return this.#anchors[name]
  }

  /** A collection begins: what is read now is one deeper, until {@link leave}. */
  enter(): void {
    this.#depth += 1
    if (this.#depth > maxDepth) throw this.#cursor.fault(`it is nested more than ${maxDepth} deep`)
  }

  /** A collection ends. */
  leave(): void {
    this.#depth -= 1
  }

  /** Sets a key of a mapping, once. */
  setKey(object: object, key: string, value: unknown): void {
    if (hasOwn(object, key)) throw this.#cursor.fault(`the key ${stringify(key)} is there twice`)
    // Defined, not assigned: it can be any key.
    defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  }

  /** A plain scalar, if it is one. */
  checked(text: string): string {
    const first = text[0]
    if (first === undefined || indexOf('@`%,[]{}#&*!|>', first) >= 0) {
      throw this.#cursor.fault('a text that begins like this needs quotes')
    }
    return text
  }
}
