import type { Cursor } from './yaml-cursor.ts'
import type { Nodes } from './yaml-nodes.ts'
import { plain, quoted } from './yaml-scalars.ts'

/** Reads what is written in brackets: `[a, b]`, `{ a: b }`. */
export class FlowReader {
  readonly #cursor: Cursor
  readonly #nodes: Nodes

  constructor(cursor: Cursor, nodes: Nodes) {
    this.#cursor = cursor
    this.#nodes = nodes
  }

  /** The collection whose bracket is next. */
  read(): unknown {
    return this.#cursor.next === '[' ? this.#sequence() : this.#mapping()
  }

  #sequence(): unknown[] {
    const cursor = this.#cursor
    const list: unknown[] = []
    this.#nodes.enter()
    cursor.at += 1
    while (!this.#closes(']')) {
      const value = this.#node()
      cursor.toToken()
      // A pair in a sequence is a mapping of its own.
      list[list.length] = cursor.next === ':' ? this.#pair({}, value) : value
      this.#separated(']')
    }
    this.#nodes.leave()
    return list
  }

  #mapping(): object {
    const object = {}
    this.#nodes.enter()
    this.#cursor.at += 1
    while (!this.#closes('}')) {
      this.#pair(object, this.#node())
      this.#separated('}')
    }
    this.#nodes.leave()
    return object
  }

  #pair(object: object, key: unknown): object {
    const cursor = this.#cursor
    if (typeof key === 'object' && key !== null) throw cursor.fault('keys are scalars here')
    cursor.toToken()
    let value: unknown = null
    if (cursor.next === ':') {
      cursor.at += 1
      cursor.toToken()
      if (!this.#isAtSeparator()) value = this.#node()
    }
    this.#nodes.setKey(object, String(key), value)
    return object
  }

  #isAtSeparator(): boolean {
    const { next } = this.#cursor
    return next === ',' || next === '}' || next === ']'
  }

  #closes(end: string): boolean {
    const cursor = this.#cursor
    cursor.toToken()
    if (cursor.isAtEnd || cursor.isAtMarker()) throw cursor.fault(`${end} is missing`)
    if (cursor.next !== end) return false
    cursor.at += 1
    return true
  }

  #separated(end: string): void {
    const cursor = this.#cursor
    cursor.toToken()
    if (cursor.next === ',') cursor.at += 1
    else if (cursor.next !== end && !cursor.isAtEnd) throw cursor.fault(`here would be a comma or ${end}`)
  }

  #node(): unknown {
    const cursor = this.#cursor
    const nodes = this.#nodes
    const found = nodes.takeProperties()
    cursor.toToken()
    const { next } = cursor
    if (next === '[' || next === '{') return nodes.named(found, this.read())
    if (next === '*') return nodes.takeAlias()
    if (next === '"' || next === "'") return nodes.named(found, nodes.scalar(found, quoted(cursor), false))
    const isEmpty = next === ',' || next === ']' || next === '}' || (next === ':' && cursor.isIndicator)
    if (isEmpty && next === ',' && found === null) throw cursor.fault('a value is missing before the comma')
    const text = isEmpty ? '' : nodes.checked(plain(cursor, true, 0))
    return nodes.named(found, nodes.scalar(found, text, true))
  }
}
