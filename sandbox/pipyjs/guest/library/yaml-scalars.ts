import {
  exec,
  fromCodePoint,
  indexOf,
  join,
  repeat,
  slice,
  split,
  trim,
  trimEnd,
  trimStart,
} from './natives.ts'
import type { Cursor } from './yaml-cursor.ts'

const plainInBlock = /(?:[^\s:#]+|:(?=\S)|(?<=\S)#|[ \t]+(?=[^\s#]))+/y
const plainInFlow = /(?:[^\s:#,[\]{}]+|:(?=[^\s,[\]{}])|(?<=\S)#|[ \t]+(?=[^\s#,[\]{}]))+/y
const singleQuoted = /'(?:[^']+|'')*'/y
const doubleQuoted = /"(?:[^"\\]+|\\[\s\S])*"/y
const blockHeader = /[|>](?:([1-9])([-+]?)|([-+])([1-9]?))?(?:[ \t]+#[^\n]*|[ \t]*)(?=\n|$)/y
const leadingSpaces = /^ */

/** A plain scalar in one line. */
export function plainLine(cursor: Cursor, isInFlow: boolean): string {
  const found = cursor.take(isInFlow ? plainInFlow : plainInBlock)
  return found === null ? '' : trimEnd(found[0])
}

/** A plain scalar, with the lines that it goes on in; those have at least that column. */
export function plain(cursor: Cursor, isInFlow: boolean, minColumn: number): string {
  let text = plainLine(cursor, isInFlow)
  for (;;) {
    const { at, line, lineStart } = cursor
    cursor.overSpace()
    if (cursor.next !== '\n') {
      cursor.at = at
      return text
    }
    let breaks = 0
    while (cursor.next === '\n') {
      cursor.takeLine()
      cursor.overSpace()
      breaks += 1
    }
    const goesOn =
      !cursor.isAtEnd && cursor.column >= minColumn && cursor.next !== '#' && !cursor.isAtMarker()
    const more = goesOn ? plainLine(cursor, isInFlow) : ''
    if (more === '') {
      cursor.at = at
      cursor.line = line
      cursor.lineStart = lineStart
      return text
    }
    text += breaks === 1 ? ` ${more}` : repeat('\n', breaks - 1) + more
  }
}

/** A scalar in quotes. */
export function quoted(cursor: Cursor): string {
  const isSingle = cursor.next === "'"
  const found = cursor.take(isSingle ? singleQuoted : doubleQuoted)
  if (found === null) throw cursor.fault('the quote is not closed')
  const inside = slice(found[0], 1, found[0].length - 1)
  if (isSingle) return join(split(folded(inside, false), "''"), "'")
  return unescaped(cursor, indexOf(inside, '\n') < 0 ? inside : folded(inside, true))
}

/** Lines in quotes: a break is a space, an empty line a break. */
function folded(inside: string, hasEscapes: boolean): string {
  const lines = split(inside, '\n')
  let text = lines[0] as string
  let breaks = 0
  for (let at = 1; at < lines.length; at += 1) {
    const isLast = at === lines.length - 1
    const line = isLast ? trimStart(lines[at] as string) : trim(lines[at] as string)
    breaks += 1
    if (line === '' && !isLast) continue
    const isEscaped = hasEscapes && endsInEscape(text)
    text = isEscaped ? slice(text, 0, text.length - 1) : trimEnd(text)
    text += breaks > 1 ? repeat('\n', breaks - 1) : isEscaped ? '' : ' '
    text += line
    breaks = 0
  }
  return text
}

function endsInEscape(text: string): boolean {
  let count = 0
  while (text[text.length - 1 - count] === '\\') count += 1
  return count % 2 === 1
}

const escapes: Readonly<Record<string, string>> = {
  __proto__: null as never,
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
}
const digits: Readonly<Record<string, number>> = { __proto__: null as never, x: 2, u: 4, U: 8 }
const hexadecimal = /^[0-9a-fA-F]+$/

function unescaped(cursor: Cursor, inside: string): string {
  let text = ''
  let from = 0
  for (;;) {
    const at = indexOf(inside, '\\', from)
    if (at < 0) return text + slice(inside, from)
    const kind = inside[at + 1] as string
    const length = digits[kind] ?? 0
    text += slice(inside, from, at)
    from = at + 2 + length
    text +=
      length === 0
        ? (escapes[kind] ?? unknown(cursor, kind))
        : coded(cursor, slice(inside, at + 2, from), length)
  }
}

function coded(cursor: Cursor, hex: string, length: number): string {
  const code = exec(hexadecimal, hex) === null ? Number.NaN : Number.parseInt(hex, 16)
  if (hex.length < length || !(code <= 0x10_ffff)) throw unknownEscape(cursor, hex)
  return fromCodePoint(code)
}

function unknown(cursor: Cursor, kind: string): never {
  throw unknownEscape(cursor, kind)
}

const unknownEscape = (cursor: Cursor, what: string) => cursor.fault(`there is no escape \\${what}`)

/** A block scalar (`|` or `>`), of lines that are indented by at least that many spaces. */
export function blockScalar(cursor: Cursor, minColumn: number): string {
  const isFolded = cursor.next === '>'
  const header = cursor.take(blockHeader)
  if (header === null) throw cursor.fault('after | or > may stand a digit, + or -, and then the line ends')
  cursor.takeLine()
  const digit = header[1] ?? header[4]
  const chomping = header[2] ?? header[3] ?? ''
  const lines = blockLines(cursor, minColumn, digit ? Math.max(0, minColumn - 1) + Number(digit) : null)
  let kept = lines.length
  while (kept > 0 && lines[kept - 1] === '') kept -= 1
  const empty = lines.length - kept
  lines.length = kept
  const text = isFolded ? foldedLines(lines) : join(lines, '\n')
  if (chomping === '+') return text + repeat('\n', kept === 0 ? empty : empty + 1)
  return chomping === '-' || kept === 0 ? text : `${text}\n`
}

function blockLines(cursor: Cursor, minColumn: number, known: number | null): string[] {
  const lines: string[] = []
  let column = known
  while (!cursor.isAtEnd && !cursor.isAtMarker()) {
    const end = indexOf(cursor.text, '\n', cursor.at)
    const line = slice(cursor.text, cursor.at, end < 0 ? cursor.text.length : end)
    const spaces = (exec(leadingSpaces, line) as RegExpExecArray)[0].length
    const isBlank = spaces === line.length
    if (column === null && !isBlank) {
      if (spaces < minColumn) break
      column = spaces
    }
    if (!isBlank && spaces < (column ?? 0)) break
    lines[lines.length] = column === null || (isBlank && spaces <= column) ? '' : slice(line, column)
    cursor.takeLine()
  }
  return lines
}

function foldedLines(lines: readonly string[]): string {
  let text = ''
  let breaks = 0
  let isFirst = true
  let wasIndented = false
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] as string
    if (line === '') {
      breaks += 1
      continue
    }
    // Lines that are indented further keep their breaks.
    const isIndented = line[0] === ' ' || line[0] === '\t'
    if (!isFirst && (wasIndented || isIndented)) breaks += 1
    text += breaks > 0 || isFirst ? repeat('\n', breaks) : ' '
    text += line
    breaks = 0
    isFirst = false
    wasIndented = isIndented
  }
  return text
}

const integers = /^[-+]?[0-9]+$/
const octals = /^0o[0-7]+$/
const hexadecimals = /^0x[0-9a-fA-F]+$/
const floats = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const infinities = /^[-+]?\.(?:inf|Inf|INF)$/
const words = new Map<string, unknown>([
  ['', null],
  ['~', null],
  ['null', null],
  ['Null', null],
  ['NULL', null],
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['false', false],
  ['False', false],
  ['FALSE', false],
  ['.nan', Number.NaN],
  ['.NaN', Number.NaN],
  ['.NAN', Number.NaN],
])
const lookUp = words.get.bind(words)

/** What a plain scalar means: YAML's core schema. */
export function resolved(text: string): unknown {
  const word = lookUp(text)
  if (word !== undefined) return word
  if (exec(integers, text) !== null || exec(floats, text) !== null) return Number(text)
  if (exec(octals, text) !== null) return Number.parseInt(slice(text, 2), 8)
  if (exec(hexadecimals, text) !== null) return Number.parseInt(slice(text, 2), 16)
  if (exec(infinities, text) !== null)
    return text[0] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return text
}
