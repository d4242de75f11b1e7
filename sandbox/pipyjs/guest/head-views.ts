import {
  type HeadState,
  hasValue,
  headExtras,
  headNumber,
  keptHead,
  plain,
  plainProperty,
  plainTraps,
} from './head-state.ts'
import { headerList, headersObject } from './header-lists.ts'
import { spellingsName, spellingsOf } from './header-spellings.ts'
import { headersTraps, NewHeadState, turnToKept } from './header-views.ts'
import { host } from './host.ts'
import { MessageStart } from './message-start.ts'
import { touch } from './touched.ts'

const { parse, stringify } = JSON

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
const fieldNames: readonly string[] = headFields

/** A head as it crosses: fields, headers as names and values in turn, everything else as JSON texts by name. */
export interface MadeHead {
  readonly fields: Record<string, string | number>
  readonly headers: readonly string[]
  readonly extra: Record<string, string>
}

/** Under this a head has its state. */
const stateOf = Symbol('state')

/** What the view of a head is a view of; like that of its headers, it inherits accessors. */
interface Head {
  [stateOf]: HeadState
  headers: unknown
}

/** Answers for what HTTP has no place for; `view` is what it was asked of. */
const others = new Proxy(Object.create(null), {
  get(_, key, view) {
    if (typeof key === 'symbol') return plain[key]
    const value = readField((view as Head)[stateOf], key)
    return value === undefined ? plain[key] : value
  },
  set(_, key, value, view) {
    if (typeof key === 'string') writeField((view as Head)[stateOf], key, value)
    return true
  },
})

const accessors = Object.create(others, {
  // Writable here, so that they can be set in heads.
  [stateOf]: { value: undefined, writable: true },
  headers: { value: undefined, writable: true },
})

headFields.forEach((name, place) => {
  Object.defineProperty(accessors, name, {
    get(this: Head) {
      const head = this[stateOf][headNumber]
      return head === 0 ? readField(this[stateOf], name) : host.headField(head, place)
    },
    set(this: Head, value: unknown) {
      writeField(this[stateOf], name, value)
    },
  })
})

const traps: ProxyHandler<Head> = {
  ...plainTraps,

  has(head, key) {
    return (typeof key === 'string' && ownNames(head[stateOf]).includes(key)) || key in plain
  },

  deleteProperty(head, key) {
    if (key === 'headers') writeHeaders(head, undefined)
    else if (typeof key === 'string') writeField(head[stateOf], key, undefined)
    return true
  },

  ownKeys(head) {
    return ownNames(head[stateOf])
  },

  getOwnPropertyDescriptor(head, key) {
    if (key === 'headers') return plainProperty(head.headers)
    if (typeof key !== 'string' || !ownNames(head[stateOf]).includes(key)) return undefined
    return plainProperty(readField(head[stateOf], key))
  },

  defineProperty(head, key, descriptor) {
    if (typeof key !== 'string' || !hasValue(descriptor)) return false
    if (key === 'headers') writeHeaders(head, descriptor.value)
    else writeField(head[stateOf], key, descriptor.value)
    return true
  },
}

function HostHead(this: Head, state: HeadState, headers: object): void {
  this[stateOf] = state
  this.headers = headers
}
HostHead.prototype = accessors
const NewHead = HostHead as unknown as new (state: HeadState, headers: object) => Head

/** A constructor that shares its prototype. */
function HostMessage(this: MessageStart, head: object): void {
  this.head = head
}
HostMessage.prototype = MessageStart.prototype
const NewStart = HostMessage as unknown as new (head: object) => MessageStart

/** The state of a head of the host. All views hold it, and it holds none. */
export function newState(head: number): HeadState {
  return new NewHeadState(head)
}

/** The beginning of a message of the host. */
export function newStart(state: HeadState): MessageStart {
  return new NewStart(new Proxy(new NewHead(state, new Proxy(state, headersTraps)), traps))
}

/** The beginning of a message whose head and headers are these objects. */
export function plainStart(state: HeadState): MessageStart {
  return new NewStart(new NewHead(state, state))
}

/** The number of a host's head that a value is a view of; 0 for anything else. */
export function numberOf(head: unknown): number {
  if (typeof head !== 'object' || head === null) return 0
  return (head as Partial<Head>)[stateOf]?.[headNumber] ?? 0
}

/** Gives a head that the script holds all there is to know: its exchange is over. */
export function keepHead(state: HeadState): void {
  const made: MadeHead = parse(host.wholeHead(state[headNumber]))
  const extra = state[headExtras] ?? parseExtras(made.extra)
  state[keptHead] = Object.assign({}, made.fields, { headers: headersObject(made.headers) }, extra)
  turnToKept(state)
}

function readField(state: HeadState, name: string): unknown {
  const head = state[headNumber]
  if (head === 0) return Object.getOwnPropertyDescriptor(state[keptHead] ?? {}, name)?.value
  const place = fieldNames.indexOf(name)
  if (place >= 0) return host.headField(head, place)
  if (name !== spellingsName) return extrasOf(state)[name]
  return spellingsOf(
    head,
    () => extrasOf(state),
    () => {
      state[headExtras] = undefined
    },
  )
}

/** Sets a field, or what HTTP has no place for. */
export function writeField(state: HeadState, name: string, value: unknown): void {
  if (name === '__proto__') return
  const head = state[headNumber]
  if (head === 0) {
    Object.defineProperty(state[keptHead] ?? {}, name, plainProperty(value))
    return
  }
  const place = fieldNames.indexOf(name)
  if (place < 0) writeExtra(state, name, value)
  else if (value === undefined || value === null) host.setHeadField(head, place, undefined)
  else host.setHeadField(head, place, place === statusField ? Number(value) : String(value))
}

/** The script's own object takes the place of the headers: within this call it is what it was given. */
function writeHeaders(head: Head, headers: unknown): void {
  const view = head.headers
  if (headers === view) return
  const number = head[stateOf][headNumber]
  if (number === 0) {
    writeField(head[stateOf], 'headers', headers)
    return
  }
  const before = stringify(headerList(headers))
  host.replaceHeaders(number, before)
  if (typeof headers !== 'object' || headers === null) return
  head.headers = headers
  const forget = (): void => {
    if (head.headers === headers) head.headers = view
  }
  const settle = (): void => {
    forget()
    const after = stringify(headerList(headers))
    if (after !== before) host.replaceHeaders(number, after)
  }
  touch({ settle, drop: forget })
}

function extrasOf(state: HeadState): Record<string, unknown> {
  let extras = state[headExtras]
  if (extras === undefined) {
    const json = host.headExtras(state[headNumber])
    extras = json === null ? (Object.create(null) as Record<string, unknown>) : parseExtras(parse(json))
    state[headExtras] = extras
  }
  return extras
}

function parseExtras(texts: Record<string, string>): Record<string, unknown> {
  const extras: Record<string, unknown> = Object.create(null)
  for (const name of Object.keys(texts)) extras[name] = parse(texts[name] as string)
  return extras
}

function writeExtra(state: HeadState, name: string, value: unknown): void {
  const extras = extrasOf(state)
  if (value === undefined) delete extras[name]
  else extras[name] = value
  host.setHeadExtra(state[headNumber], name, jsonOf(value))
}

/** What has no JSON is known to the script alone. */
function jsonOf(value: unknown): string | undefined {
  try {
    return stringify(value)
  } catch {
    return undefined
  }
}

function ownNames(state: HeadState): string[] {
  if (state[headNumber] === 0) return Object.keys(state[keptHead] ?? {})
  const bits = host.headFieldBits(state[headNumber])
  const names: string[] = []
  for (let place = 0; place < headFields.length; place += 1) {
    if (bits & (1 << place)) names[names.length] = headFields[place] as string
  }
  names[names.length] = 'headers'
  for (const name of Object.keys(extrasOf(state))) names[names.length] = name
  return names
}
