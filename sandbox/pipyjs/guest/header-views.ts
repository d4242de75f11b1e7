import { headerKey, numbers } from './header-names.ts'
import { type HeaderKey, host } from './host.ts'
import { headNumber, keptHead, type MessageStart } from './message-start.ts'
import { touch } from './touched.ts'

const { parse, stringify } = JSON
const { isArray } = Array
const { getOwnPropertyDescriptor } = Reflect
const plain = Object.prototype as unknown as Record<PropertyKey, unknown>

/**
 * The headers of a message of the host: reads cost one crossing each, writes
 * land when the call has ended well. What a plain object inherits is there too,
 * behind headers of the same name.
 */
export const headersHandler: ProxyHandler<MessageStart> = {
  get(start, key) {
    // Most reads end here: of a known name, and of a header that is there once.
    const number = numbers[key as string]
    const head = start[headNumber] as number
    if (number !== undefined && head !== 0) {
      const known = host.header(head, number)
      if (typeof known === 'string') return known
    }
    if (typeof key === 'symbol') return plain[key]
    const value = readHeader(start, key)
    return value === undefined ? plain[key] : value
  },

  set(start, key, value) {
    const number = numbers[key as string]
    const head = start[headNumber] as number
    // Most writes end here.
    if (number !== undefined && head !== 0 && typeof value === 'string') host.setHeader(head, number, value)
    else if (typeof key === 'string') writeHeader(start, key, value)
    return true
  },

  has(start, key) {
    return (typeof key === 'string' && readHeader(start, key) !== undefined) || key in plain
  },

  deleteProperty(start, key) {
    if (typeof key === 'string') writeHeader(start, key, undefined)
    return true
  },

  ownKeys(start) {
    const kept = keptHeaders(start)
    return kept ? Reflect.ownKeys(kept) : parse(host.headerNames(start[headNumber] as number))
  },

  getOwnPropertyDescriptor(start, key) {
    const value = typeof key === 'string' ? readHeader(start, key) : undefined
    return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true }
  },

  defineProperty(start, key, descriptor) {
    if (typeof key !== 'string' || 'get' in descriptor || 'set' in descriptor) return false
    writeHeader(start, key, descriptor.value)
    return true
  },

  getPrototypeOf() {
    return Object.prototype
  },

  setPrototypeOf() {
    return false
  },

  preventExtensions() {
    return false
  },
}

/** What is to be sent for a header's value, as text: null and undefined are nothing. */
export function headerTexts(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (!isArray(value)) return [String(value)]
  const texts: string[] = []
  for (const one of value) if (one !== undefined && one !== null) texts[texts.length] = String(one)
  return texts
}

/** The headers of an object that a script made, as names and values in turn. */
export function headerList(headers: unknown): string[] {
  const list: string[] = []
  if (headers === undefined || headers === null) return list
  if (typeof headers !== 'object')
    throw new TypeError(`headers must be an object, and are ${String(headers)}`)
  for (const name of Object.keys(headers)) {
    for (const text of headerTexts((headers as Record<string, unknown>)[name])) {
      list[list.length] = name
      list[list.length] = text
    }
  }
  return list
}

/** Headers as an object, from names and values in turn: the last of a name counts, but of cookies all. */
export function headersObject(list: readonly string[]): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = (list[at] as string).toLowerCase()
    const text = list[at + 1] as string
    const before = getOwnPropertyDescriptor(headers, name)?.value
    const isList = before !== undefined && (name === 'cookie' || name === 'set-cookie')
    const value = isList ? (isArray(before) ? [...before, text] : [before, text]) : text
    // Defined, not assigned: a header may be called __proto__.
    Object.defineProperty(headers, name, { value, writable: true, enumerable: true, configurable: true })
  }
  return headers
}

function readHeader(start: MessageStart, name: string): unknown {
  const head = start[headNumber] as number
  if (head === 0) return getOwnPropertyDescriptor(keptHeaders(start) as object, name)?.value
  const key = headerKey(name)
  const value = host.header(head, key)
  if (typeof value !== 'number') return value
  const text = host.headerValues(head, key)
  const values: unknown[] = parse(text)
  watchValues(head, key, values, text)
  return values
}

function writeHeader(start: MessageStart, name: string, value: unknown): void {
  // What a plain object takes for its prototype is no header.
  if (name === '__proto__' && typeof value === 'object') return
  const head = start[headNumber] as number
  if (head === 0) {
    keep(keptHeaders(start) as Record<string, unknown>, name, value)
    return
  }
  const key = headerKey(name)
  if (typeof value === 'string') host.setHeader(head, key, value)
  else if (value === undefined || value === null) host.deleteHeader(head, key)
  else if (isArray(value)) {
    const text = stringify(headerTexts(value))
    host.setHeaderValues(head, key, text)
    watchValues(head, key, value, text)
  } else host.setHeader(head, key, String(value))
}

function keep(headers: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) delete headers[name]
  else Object.defineProperty(headers, name, { value, writable: true, enumerable: true, configurable: true })
}

/** An array that the script holds: what it pushes there until the end of the call is to be sent. */
function watchValues(head: number, key: HeaderKey, values: unknown[], before: string): void {
  touch({
    settle() {
      const after = stringify(headerTexts(values))
      if (after !== before) host.setHeaderValues(head, key, after)
    },
    drop() {},
  })
}

function keptHeaders(start: MessageStart): Record<string, unknown> | undefined {
  return start[keptHead]?.headers as Record<string, unknown> | undefined
}
