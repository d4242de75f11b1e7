/** What stands first on each line, in this order. */
export interface LineHead {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly level: string
  readonly message: string
  readonly worker: number | undefined
}

/** Longest line with its line end, in bytes. */
export const maxLineBytes = 8_192

const maxMessageBytes = 2_048
const maxFieldBytes = 4_096
const maxNestedBytes = 512
const maxKeyBytes = 128
const maxDepth = 4
const maxNodes = 256
const maxCauses = 3
const truncatedMark = ',"truncated":true'
const headKeys: ReadonlySet<string> = new Set(['time', 'level', 'message', 'worker', 'truncated'])

/**
 * Writes one line of JSON without its line end; at most {@link maxLineBytes}.
 * Never throws: what cannot be serialised becomes a string, what does not fit
 * is cut. Errors become their messages, or with `hasStacks` their stacks.
 */
export function logLine(
  head: LineHead,
  fields: Readonly<Record<string, unknown>> | undefined,
  hasStacks: boolean,
): string {
  let line = `{"time":${quote(head.time, 64)},"level":${quote(head.level, 64)},"message":${quote(head.message, maxMessageBytes)}`
  if (head.worker !== undefined) line += `,"worker":${head.worker}`
  if (!fields) return `${line}}`
  const space = maxLineBytes - truncatedMark.length - 2
  let used = Buffer.byteLength(line)
  for (const [key, value] of entriesOf(fields)) {
    const left = space - used
    const name = quote(headKeys.has(key) ? `field_${key}` : key, maxKeyBytes)
    let piece = `,${name}:${encodeField(value, hasStacks)}`
    if (Buffer.byteLength(piece) > left) {
      const room = left - Buffer.byteLength(name) - 8
      if (room < 16) return `${line}${truncatedMark}}`
      piece = `,${name}:${quote(piece.slice(name.length + 2), room)}`
    }
    line += piece
    used += Buffer.byteLength(piece)
  }
  return `${line}}`
}

function entriesOf(fields: Readonly<Record<string, unknown>>): [string, unknown][] {
  try {
    return Object.entries(fields).filter(([, value]) => value !== undefined)
  } catch {
    return [['fields', '[unprintable]']]
  }
}

function encodeField(value: unknown, hasStacks: boolean): string {
  try {
    return encode(value, { nodes: maxNodes, hasStacks }, 0)
  } catch {
    return '"[unprintable]"'
  }
}

interface Budget {
  nodes: number
  readonly hasStacks: boolean
}

function encode(value: unknown, budget: Budget, depth: number): string {
  budget.nodes -= 1
  switch (typeof value) {
    case 'string':
      return quote(value, depth === 0 ? maxFieldBytes : maxNestedBytes)
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`
    case 'boolean':
      return String(value)
    case 'undefined':
      return 'null'
    case 'function':
      return '"[function]"'
    case 'object':
      return value === null ? 'null' : encodeObject(value, budget, depth)
    default:
      return quote(String(value), maxNestedBytes)
  }
}

function encodeObject(value: object, budget: Budget, depth: number): string {
  if (value instanceof Error) return quote(describeError(value, budget.hasStacks), maxFieldBytes)
  if (depth >= maxDepth || budget.nodes <= 0) return '"[…]"'
  if (ArrayBuffer.isView(value)) return `"[${value.byteLength} bytes]"`
  if (Array.isArray(value)) return `[${encodeItems(value, budget, depth)}]`
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return encode(value.toJSON(), budget, depth + 1)
  }
  if (Object.keys(value).length === 0 && !isPlain(value)) return quote(String(value), maxNestedBytes)
  let text = ''
  for (const [key, item] of Object.entries(value)) {
    if (budget.nodes <= 0) break
    if (item === undefined) continue
    text += `${text && ','}${quote(key, maxKeyBytes)}:${encode(item, budget, depth + 1)}`
  }
  return `{${text}}`
}

function encodeItems(items: readonly unknown[], budget: Budget, depth: number): string {
  const texts: string[] = []
  for (const item of items) {
    if (budget.nodes <= 0) break
    texts.push(encode(item, budget, depth + 1))
  }
  return texts.join(',')
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** The message with its causes, but for those that it repeats; an error of many errors has no message of its own, so its code or name stands in. */
function describeError(error: Error, hasStacks: boolean): string {
  const texts: string[] = []
  let next: unknown = error
  while (next instanceof Error && texts.length < maxCauses) {
    const code = 'code' in next ? String(next.code) : ''
    const text = (hasStacks && next.stack) || next.message || code || next.name
    if (!texts.at(-1)?.includes(text)) texts.push(text)
    next = next.cause
  }
  return texts.join('; caused by: ')
}

// JSON lets these stand as they are, but terminals and log viewers act on them: DEL, C1 controls, line
// separators, and the marks that turn the direction of text.
const unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

function escapeText(text: string): string {
  return JSON.stringify(text).replace(
    unsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A JSON string of at most about `budget` bytes; a cut one ends in an ellipsis. */
function quote(text: string, budget: number): string {
  let kept = text.length > budget ? text.slice(0, budget) : text
  let quoted = escapeText(kept)
  while (Buffer.byteLength(quoted) > budget + 2) {
    kept = kept.slice(0, kept.length >> 1)
    quoted = escapeText(kept)
  }
  return kept.length < text.length ? `${quoted.slice(0, -1)}…"` : quoted
}
