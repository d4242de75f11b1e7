import type { Path } from '../fault.ts'
import { oneLine } from '../fault.ts'
import type { Locator, Place } from '../fault-list.ts'
import { findJsonFault, skipSpace } from './json-syntax.ts'
import { positionOf, positionsOf, type SourceResult } from './source.ts'

/** Parses JSON with V8's own parser. Places are found by a second pass, and only when they are asked for. */
export function parseJson(file: string, text: string): SourceResult {
  try {
    return { ok: true, source: { root: JSON.parse(text), locate: jsonLocator(text), faults: [] } }
  } catch (thrown) {
    const found = findJsonFault(text) ?? { offset: 0, message: String(thrown) }
    const message = `is not JSON: ${oneLine(found.message)}`
    return {
      ok: false,
      faults: [{ file, ...positionOf(text, found.offset), path: '', message }],
      topKeys: null,
    }
  }
}

/** The places that are wanted, as a tree, so that one pass finds them all. */
interface Wanted {
  readonly below: Map<string, Wanted>
  key: number
  value: number
}

const newWanted = (offset: number): Wanted => ({ below: new Map(), key: offset, value: offset })

function jsonLocator(text: string): Locator {
  return (places) => {
    const root = newWanted(0)
    for (const { path } of places) want(root, path)
    mark(text, skipSpace(text, 0), root)
    return positionsOf(
      text,
      places.map((place) => offsetOf(root, place)),
    )
  }
}

function want(root: Wanted, path: Path): void {
  let node = root
  for (const step of path) {
    const next = node.below.get(String(step)) ?? newWanted(-1)
    node.below.set(String(step), next)
    node = next
  }
}

/** The nearest place that exists: a missing key is reported where its object stands. */
function offsetOf(root: Wanted, place: Place): number {
  let node = root
  for (const step of place.path) {
    const next = node.below.get(String(step))
    if (!next || next.value < 0) return node.value
    node = next
  }
  return place.at === 'key' ? node.key : node.value
}

/** Notes the offsets below one value; returns where the value ends. The text is known to be valid. */
function mark(text: string, start: number, node: Wanted): number {
  node.value = start
  if (node.below.size === 0 || (text[start] !== '{' && text[start] !== '[')) return skipValue(text, start)
  const isObject = text[start] === '{'
  let at = skipSpace(text, start + 1)
  for (let index = 0; text[at] !== '}' && text[at] !== ']'; index += 1) {
    const keyAt = at
    let name = String(index)
    if (isObject) {
      const keyEnd = skipValue(text, at)
      name = String(JSON.parse(text.slice(at, keyEnd)))
      at = skipSpace(text, skipSpace(text, keyEnd) + 1)
    }
    const child = node.below.get(name)
    if (child) child.key = keyAt
    at = skipSpace(text, child ? mark(text, at, child) : skipValue(text, at))
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return at + 1
}

function skipValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; ) {
    const char = text[at]
    if (char === '"') at = skipString(text, at)
    else {
      if (char === '{' || char === '[') depth += 1
      else if (char === '}' || char === ']') depth -= 1
      else if (depth === 0) return skipScalar(text, at)
      at += 1
    }
    if (depth === 0) return at
  }
  return text.length
}

function skipString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function skipScalar(text: string, start: number): number {
  const scalar = /[^\s,\]}]*/y
  scalar.lastIndex = start
  scalar.test(text)
  return scalar.lastIndex
}
