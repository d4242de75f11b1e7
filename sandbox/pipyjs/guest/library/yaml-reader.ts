import { Cursor } from './yaml-cursor.ts'
import { FlowReader } from './yaml-flow.ts'
import { Nodes, type Properties } from './yaml-nodes.ts'
import { blockScalar, plain, plainLine, quoted } from './yaml-scalars.ts'

const quotedInLine = /"(?:[^"\\\n]+|\\[^\n])*"|'(?:[^'\n]+|'')*'/y
const beforeColon = /[ \t]*:/y
const byteOrderMark = /\ufeff/y
const directive = /%[^\n]*\n/y

/**
 * Reads one YAML document: block and flow collections, all scalars, anchors and
 * aliases, the tags of the core schema. Not there are keys that are no scalars, tags of one's own, and more documents.
 */
export class YamlReader {
  readonly #cursor: Cursor
  readonly #nodes: Nodes
  readonly #flow: FlowReader

  constructor(text: string) {
    this.#cursor = new Cursor(text)
    this.#nodes = new Nodes(this.#cursor)
    this.#flow = new FlowReader(this.#cursor, this.#nodes)
  }

  /** The value of the document. */
  read(): unknown {
    const cursor = this.#cursor
    cursor.take(byteOrderMark)
    cursor.lineStart = cursor.at
    cursor.toToken()
    while (cursor.column === 0 && cursor.take(directive) !== null) cursor.toToken()
    if (cursor.isAtMarker() && cursor.next === '-') cursor.at += 3
    const value = this.#node(0, -1, true)
    cursor.toToken()
    if (cursor.isAtMarker() && cursor.next === '.') {
      cursor.at += 3
      cursor.toToken()
    }
    if (cursor.isAtMarker()) throw cursor.fault('there is more than one document')
    if (!cursor.isAtEnd) throw cursor.fault('this does not belong to anything above it')
    return value
  }

  /**
   * A node whose lines are indented to `minColumn` at least; a sequence may also
   * be at `sequenceColumn`. With `mayNest` a collection can begin in the same line.
   */
  #node(minColumn: number, sequenceColumn: number, mayNest: boolean): unknown {
    const cursor = this.#cursor
    const nodes = this.#nodes
    const { line } = cursor
    if (!this.#toNode(minColumn, sequenceColumn)) return null
    const { column } = cursor
    const begun = cursor.line
    const found = nodes.takeProperties()
    if (found !== null) {
      if (!this.#toNode(minColumn, sequenceColumn)) return nodes.named(found, nodes.scalar(found, '', true))
      const isKeys = cursor.line === begun && (mayNest || begun > line) && this.#isKey()
      if (isKeys) return this.#mapping(column, found)
    }
    const isFree = mayNest || cursor.line > line
    const value = this.#content(minColumn, isFree, found)
    return nodes.named(found, value)
  }

  /** Goes to where a node begins; false when there is none. */
  #toNode(minColumn: number, sequenceColumn: number): boolean {
    const cursor = this.#cursor
    const { line } = cursor
    cursor.toToken()
    if (cursor.isAtEnd || cursor.isAtMarker()) return false
    if (cursor.line === line || cursor.column >= minColumn) return true
    return cursor.column === sequenceColumn && cursor.next === '-' && cursor.isIndicator
  }

  #content(minColumn: number, mayNest: boolean, found: Properties | null): unknown {
    const cursor = this.#cursor
    const nodes = this.#nodes
    const { next } = cursor
    if (next === '-' && cursor.isIndicator) {
      if (!mayNest) throw cursor.fault('a sequence begins in a line of its own')
      return this.#sequence()
    }
    if (next === '?' && cursor.isIndicator) throw cursor.fault('keys have no question mark here')
    if (next === '|' || next === '>') return nodes.scalar(found, blockScalar(cursor, minColumn), false)
    if (next === '*') return nodes.takeAlias()
    if (next === '[' || next === '{') return this.#flow.read()
    if (this.#isKey()) {
      if (!mayNest) throw cursor.fault('a mapping begins in a line of its own; a text with ": " needs quotes')
      return this.#mapping(cursor.column, null)
    }
    if (next === '"' || next === "'") return nodes.scalar(found, quoted(cursor), false)
    return nodes.scalar(found, nodes.checked(plain(cursor, false, minColumn)), true)
  }

  #sequence(): unknown[] {
    const cursor = this.#cursor
    const { column } = cursor
    const list: unknown[] = []
    this.#nodes.enter()
    while (cursor.column === column && cursor.next === '-' && cursor.isIndicator) {
      cursor.at += 1
      list[list.length] = this.#node(column + 1, -1, true)
      if (!this.#goesOn(column)) break
    }
    this.#nodes.leave()
    return list
  }

  /** A mapping whose first key is here; `found` belongs to that key. */
  #mapping(column: number, found: Properties | null): object {
    const cursor = this.#cursor
    const object = {}
    let before = found
    this.#nodes.enter()
    for (;;) {
      if (!this.#isKey()) throw cursor.fault('here would be a key and a colon')
      const key = this.#key()
      this.#nodes.named(before, key)
      this.#nodes.setKey(object, key, this.#node(column + 1, column, false))
      if (!this.#goesOn(column) || cursor.column < column) break
      before = this.#nodes.takeProperties()
    }
    this.#nodes.leave()
    return object
  }

  /** Whether there is more after an entry of a collection at that column. */
  #goesOn(column: number): boolean {
    const cursor = this.#cursor
    cursor.toToken()
    if (cursor.isAtEnd || cursor.isAtMarker()) return false
    if (!cursor.isFirst) throw cursor.fault('this does not belong to what stands before it')
    if (cursor.column > column) throw cursor.fault('this is indented further than what it belongs to')
    return true
  }

  /** Whether a key and its colon are next, in this line. */
  #isKey(): boolean {
    const cursor = this.#cursor
    const { at } = cursor
    if (cursor.next === '"' || cursor.next === "'") cursor.take(quotedInLine)
    else plainLine(cursor, false)
    cursor.overSpace()
    const isKey = cursor.at > at && cursor.next === ':' && cursor.isIndicator
    cursor.at = at
    return isKey
  }

  #key(): string {
    const cursor = this.#cursor
    const isQuoted = cursor.next === '"' || cursor.next === "'"
    const key = isQuoted ? quoted(cursor) : this.#nodes.checked(plainLine(cursor, false))
    cursor.take(beforeColon)
    return key
  }
}
