import { type Document, isAlias, isScalar, Scalar } from 'yaml'
import type { Path } from '../fault.ts'
import { positionOf } from './source.ts'

/** Where the lines of a text stand in a file: add these to a line and a column of the text that count from 1. */
export interface TextPlace {
  readonly lineOffset: number
  readonly columnOffset: number
}

/**
 * Finds the lines of the text at `path` of a YAML document. Null when they do
 * not stand there one by one: folded texts, and quoted ones with escapes.
 */
export function textPlaceOf(text: string, document: Document.Parsed, path: Path): TextPlace | null {
  const found = document.getIn(path, true)
  const node = isAlias(found) ? found.resolve(document) : found
  if (!isScalar<string>(node) || typeof node.value !== 'string' || !node.range) return null
  const [start] = node.range
  if (node.type === Scalar.BLOCK_LITERAL) return blockPlace(text, start, node.value)
  const isQuoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE
  const begin = isQuoted ? start + 1 : start
  if (node.value.includes('\n') || !text.startsWith(node.value, begin)) return null
  const { line, column } = positionOf(text, begin)
  return { lineOffset: line - 1, columnOffset: column - 1 }
}

/** The text of a block begins on the line after its `|`; its first line that holds something shows the indent. */
function blockPlace(text: string, start: number, value: string): TextPlace {
  const lineOffset = positionOf(text, start).line
  const lines = value.split('\n')
  const index = lines.findIndex((line) => line !== '')
  let at = text.indexOf('\n', start) + 1
  for (let skipped = 0; skipped < index; skipped += 1) at = text.indexOf('\n', at) + 1
  const end = text.indexOf('\n', at)
  const raw = text.slice(at, end < 0 ? text.length : end).replace(/\r$/, '')
  return { lineOffset, columnOffset: Math.max(raw.length - (lines[index] ?? raw).length, 0) }
}
