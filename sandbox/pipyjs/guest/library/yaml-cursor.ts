import { exec, indexOf, slice, unitAt } from './natives.ts'

const comment = /#[^\n]*/y
const indentation = / *(\t?)/y
const marker = /(?:---|\.\.\.)(?=[ \t\n]|$)/y

/** A place in a YAML text. */
export class Cursor {
  readonly text: string
  at = 0
  lineStart = 0
  line = 1

  constructor(text: string) {
    this.text = text
  }

  /** How far it is from the beginning of its line. */
  get column(): number {
    return this.at - this.lineStart
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  /** The unit that is next; an empty text at the end. */
  get next(): string {
    return this.text[this.at] ?? ''
  }

  /** Whether the unit after the next is space, the end of a line, or of the text. */
  get isIndicator(): boolean {
    const unit = unitAt(this.text, this.at + 1)
    return unit === 32 || unit === 9 || unit === 10 || Number.isNaN(unit)
  }

  /** Whether nothing but space stands before it in its line. */
  get isFirst(): boolean {
    indentation.lastIndex = this.lineStart
    return (exec(indentation, this.text) as RegExpExecArray)[0].length >= this.column
  }

  /** Takes what a sticky pattern finds here; null for nothing. Lines in it are counted. */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = exec(pattern, this.text)
    if (found !== null) this.#pass(found[0])
    return found
  }

  /** Whether there is a line that begins or ends a document. */
  isAtMarker(): boolean {
    if (this.column !== 0) return false
    marker.lastIndex = this.at
    return exec(marker, this.text) !== null
  }

  /** Goes to what is next, over space, comments and lines. */
  toToken(): void {
    for (;;) {
      if (this.column === 0) this.#checkIndentation()
      const before = this.at
      this.overSpace()
      // A comment stands apart from what is before it.
      if (this.next === '#' && (this.at > before || this.column === 0)) this.take(comment)
      if (this.next !== '\n') return
      this.at += 1
      this.#lineBegins()
    }
  }

  /** Goes to the next token in the same line, or to its end. */
  overSpace(): void {
    let unit = unitAt(this.text, this.at)
    while (unit === 32 || unit === 9) {
      this.at += 1
      unit = unitAt(this.text, this.at)
    }
  }

  /** The rest of the line, and goes to the next one. */
  takeLine(): string {
    const end = indexOf(this.text, '\n', this.at)
    const line = slice(this.text, this.at, end < 0 ? this.text.length : end)
    this.at = end < 0 ? this.text.length : end + 1
    if (end >= 0) this.#lineBegins()
    return line
  }

  /** An error that says where. */
  fault(reason: string): SyntaxError {
    return new SyntaxError(`YAML: line ${this.line}, column ${this.column + 1}: ${reason}`)
  }

  #pass(found: string): void {
    const before = this.at
    for (let at = indexOf(found, '\n'); at >= 0; at = indexOf(found, '\n', at + 1)) {
      this.at = before + at + 1
      this.#lineBegins()
    }
    this.at = before + found.length
  }

  #lineBegins(): void {
    this.lineStart = this.at
    this.line += 1
  }

  /** A line of nothing but space may have tabs in it, and one that only ends something. */
  #checkIndentation(): void {
    indentation.lastIndex = this.at
    const found = exec(indentation, this.text) as RegExpExecArray
    if (found[1] === '') return
    const unit = this.text[this.at + found[0].length]
    if (unit !== undefined && indexOf('\n\t #]},', unit) < 0) {
      this.at += found[0].length - 1
      throw this.fault('tabs cannot indent, only spaces')
    }
  }
}
