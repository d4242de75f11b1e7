import { headerList, headersHandler, headersObject } from './header-views.ts'
import { host } from './host.ts'
import { headExtras, headersView, headNumber, keptHead, MessageStart } from './message-start.ts'
import { touch } from './touched.ts'

const { parse, stringify } = JSON
const plain = Object.prototype as unknown as Record<PropertyKey, unknown>

/** The fields of a head that have a place in HTTP; their places here are how the host knows them. */
export const headFields = [
  'protocol',
  'method',
  'path',
  'status',
  'statusText',
  'scheme',
  'authority',
] as const
const statusField = 3
const places: Record<string, number> = Object.assign(
  Object.create(null),
  Object.fromEntries(headFields.map((name, place) => [name, place])),
)

/** A head as it crosses: fields, headers as names and values in turn, everything else as JSON texts by name. */
export interface MadeHead {
  readonly fields: Record<string, string | number>
  readonly headers: readonly string[]
  readonly extra: Record<string, string>
}

/** The head of a message of the host, which reads and writes as the plain object that scripts take it for. */
const headHandler: ProxyHandler<MessageStart> = {
  get(start, key) {
    if (key === 'headers') {
      // The usual case in one look.
      const view = start[headersView]
      return view === undefined ? headersOf(start) : view
    }
    if (typeof key === 'symbol') return key === headNumber ? start[headNumber] : plain[key]
    const value = readField(start, key)
    return value === undefined ? plain[key] : value
  },

  set(start, key, value) {
    if (typeof key === 'string') writeField(start, key, value)
    return true
  },

  has(start, key) {
    return (typeof key === 'string' && ownNames(start).includes(key)) || key in plain
  },

  deleteProperty(start, key) {
    if (typeof key === 'string') writeField(start, key, undefined)
    return true
  },

  ownKeys(start) {
    return ownNames(start)
  },

  getOwnPropertyDescriptor(start, key) {
    if (typeof key !== 'string' || !ownNames(start).includes(key)) return undefined
    const value = key === 'headers' ? headersOf(start) : readField(start, key)
    return { value, writable: true, enumerable: true, configurable: true }
  },

  defineProperty(start, key, descriptor) {
    if (typeof key !== 'string' || 'get' in descriptor || 'set' in descriptor) return false
    writeField(start, key, descriptor.value)
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

/** A constructor that shares its prototype, and sets only what a message of the host has. */
function HostMessage(this: MessageStart, head: number): void {
  this[headNumber] = head
  this.head = new Proxy(this, headHandler)
}
HostMessage.prototype = MessageStart.prototype
const HostMessageStart = HostMessage as unknown as new (head: number) => MessageStart

/** The beginning of a message of the host. */
export function startOf(head: number): MessageStart {
  return new HostMessageStart(head)
}

/** The number of a host's head that a value is a view of; 0 for anything else. */
export function numberOf(head: unknown): number {
  if (typeof head !== 'object' || head === null) return 0
  const number = (head as { [headNumber]?: unknown })[headNumber]
  return typeof number === 'number' ? number : 0
}

/**
 * Takes a message out of its holder when its exchange is over. If the script
 * has it, or a view of its head, it is given all there is to know, to keep.
 */
export function release(holder: { start?: MessageStart | undefined }): void {
  // The views hold the message and the message holds the views: nothing of ours may hold either.
  let start = holder.start
  holder.start = undefined
  if (start === undefined) return
  const isView = numberOf(start.head) !== 0
  if (isView) start.head = undefined
  start[headersView] = undefined
  const rest = new WeakRef(start)
  start = undefined
  const held = rest.deref()
  if (held !== undefined) keep(held, isView)
}

function keep(start: MessageStart, isView: boolean): void {
  const made: MadeHead = parse(host.wholeHead(start[headNumber] as number))
  const extra = start[headExtras] ?? parseExtras(made.extra)
  start[keptHead] = Object.assign({}, made.fields, { headers: headersObject(made.headers) }, extra)
  start[headNumber] = 0
  if (isView) start.head = new Proxy(start, headHandler)
}

function headersOf(start: MessageStart): unknown {
  if (start[headNumber] === 0) {
    const kept = start[keptHead]?.headers
    if (typeof kept !== 'object') return kept
  }
  let view = start[headersView]
  if (view === undefined) {
    view = new Proxy(start, headersHandler)
    start[headersView] = view
  }
  return view
}

function readField(start: MessageStart, name: string): unknown {
  const head = start[headNumber] as number
  if (head === 0) return Object.getOwnPropertyDescriptor(start[keptHead], name)?.value
  const place = places[name]
  return place === undefined ? extrasOf(start)[name] : host.headField(head, place)
}

function writeField(start: MessageStart, name: string, value: unknown): void {
  if (name === '__proto__') return
  const head = start[headNumber] as number
  if (head === 0) {
    const kept = start[keptHead] as Record<string, unknown>
    if (value === undefined) delete kept[name]
    else kept[name] = value
    return
  }
  const place = places[name]
  if (name === 'headers') replaceHeaders(start, value)
  else if (place === undefined) writeExtra(start, name, value)
  else if (value === undefined || value === null) host.setHeadField(head, place, undefined)
  else host.setHeadField(head, place, place === statusField ? Number(value) : String(value))
}

/** The script's own object takes the place of the headers: within this call it is what it was given. */
function replaceHeaders(start: MessageStart, headers: unknown): void {
  const head = start[headNumber] as number
  if (headers !== undefined && headers === start[headersView]) return
  const before = stringify(headerList(headers))
  host.replaceHeaders(head, before)
  if (typeof headers !== 'object' || headers === null) return
  start[headersView] = headers
  const forget = (): void => {
    if (start[headersView] === headers) start[headersView] = undefined
  }
  const settle = (): void => {
    forget()
    const after = stringify(headerList(headers))
    if (after !== before) host.replaceHeaders(head, after)
  }
  touch({ settle, drop: forget })
}

function extrasOf(start: MessageStart): Record<string, unknown> {
  let extras = start[headExtras]
  if (extras === undefined) {
    const json = host.headExtras(start[headNumber] as number)
    extras = json === null ? Object.create(null) : parseExtras(parse(json))
    start[headExtras] = extras
  }
  return extras as Record<string, unknown>
}

function parseExtras(texts: Record<string, string>): Record<string, unknown> {
  const extras: Record<string, unknown> = Object.create(null)
  for (const name of Object.keys(texts)) extras[name] = parse(texts[name] as string)
  return extras
}

function writeExtra(start: MessageStart, name: string, value: unknown): void {
  const extras = extrasOf(start)
  if (value === undefined) delete extras[name]
  else extras[name] = value
  host.setHeadExtra(start[headNumber] as number, name, jsonOf(value))
}

/** What has no JSON is known to the script alone. */
function jsonOf(value: unknown): string | undefined {
  try {
    return stringify(value)
  } catch {
    return undefined
  }
}

function ownNames(start: MessageStart): string[] {
  if (start[headNumber] === 0) return Object.keys(start[keptHead] as object)
  const bits = host.headFieldBits(start[headNumber] as number)
  const names: string[] = []
  for (let place = 0; place < headFields.length; place += 1) {
    if (bits & (1 << place)) names[names.length] = headFields[place] as string
  }
  names[names.length] = 'headers'
  for (const name of Object.keys(extrasOf(start))) names[names.length] = name
  return names
}
