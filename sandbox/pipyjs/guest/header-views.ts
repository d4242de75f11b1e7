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
import { headersObject, headerTexts } from './header-lists.ts'
import { type HeaderKey, host } from './host.ts'
import { touch } from './touched.ts'

/**
 * The headers of a message of the host. Reads cost one crossing each, writes land when the call has ended well.
 *
 * A view is a proxy without traps for reading and writing, which would cost twice
 * as much: it inherits an accessor for every name that the script has used. Names that are new
 * come to the proxy behind, which makes their accessors.
 */

const { parse, stringify } = JSON
const { isArray } = Array
const { getOwnPropertyDescriptor } = Reflect
const maxNameLength = 256

/** Answers for names that have no accessor yet; `view` is what they were asked of. */
const newNames = new Proxy(Object.create(null), {
  get(_, key, view) {
    if (typeof key === 'symbol') return plain[key]
    makeAccessor(key)
    return readOrInherit(view, key)
  },
  set(_, key, value, view) {
    if (typeof key !== 'string') return true
    makeAccessor(key)
    writeHeader(view, key, value)
    return true
  },
})

const stateParts: PropertyDescriptorMap = {
  // Writable here, so that they can be set in states.
  [headNumber]: { value: 0, writable: true },
  [headExtras]: { value: undefined, writable: true },
  [keptHead]: { value: undefined, writable: true },
}

const accessors = Object.create(newNames, stateParts)

/** What states inherit once their exchange is over: nothing that asks the host. */
const keptAccessors = Object.create(
  new Proxy(Object.create(null), {
    get: (_, key, view) => (typeof key === 'symbol' ? plain[key] : readOrInherit(view, key)),
    set(_, key, value, view) {
      if (typeof key === 'string') writeHeader(view, key, value)
      return true
    },
  }),
  stateParts,
)

/** From now on a head's headers are what it has kept. */
export function turnToKept(state: HeadState): void {
  state[headNumber] = 0
  Object.setPrototypeOf(state, keptAccessors)
}

/** What a proxy of a head's state needs to be its headers. */
export const headersTraps: ProxyHandler<HeadState> = {
  ...plainTraps,

  has(state, key) {
    return (typeof key === 'string' && readHeader(state, key) !== undefined) || key in plain
  },

  deleteProperty(state, key) {
    if (typeof key === 'string') writeHeader(state, key, undefined)
    return true
  },

  ownKeys(state) {
    const kept = keptHeaders(state)
    return kept ? Reflect.ownKeys(kept) : parse(host.headerNames(state[headNumber]))
  },

  getOwnPropertyDescriptor(state, key) {
    const value = typeof key === 'string' ? readHeader(state, key) : undefined
    return value === undefined ? undefined : plainProperty(value)
  },

  defineProperty(state, key, descriptor) {
    if (typeof key !== 'string' || !hasValue(descriptor)) return false
    writeHeader(state, key, descriptor.value)
    return true
  },
}

function HeadStateOf(this: HeadState, head: number): void {
  this[headNumber] = head
}
HeadStateOf.prototype = accessors

/** Makes the state of a head of the host. */
export const NewHeadState = HeadStateOf as unknown as new (head: number) => HeadState

const keys: Record<string, number> = Object.create(null)

/** What a header is called towards the host: the host bounds how many names have numbers. */
export function headerKey(name: string): HeaderKey {
  const known = keys[name]
  if (known !== undefined) return known
  if (name.length > maxNameLength) return name
  const made = host.headerName(name)
  if (made === 0) return name
  keys[name] = made
  return made
}

function makeAccessor(name: string): void {
  const key = headerKey(name)
  if (typeof key === 'string') return
  const { header, setHeader } = host
  Object.defineProperty(accessors, name, {
    get: isPlainText(name)
      ? function (this: HeadState) {
          return header(this[headNumber], key)
        }
      : function (this: HeadState) {
          return readOrInherit(this, name)
        },
    set(this: HeadState, value: unknown) {
      if (typeof value === 'string') setHeader(this[headNumber], key, value)
      else writeHeader(this, name, value)
    },
  })
}

/** Whether a header has at most one value, and its name no other meaning. */
export function isPlainText(name: string): boolean {
  // Cookies may be many, and some names mean something in every object.
  return !(name in plain) && !/cookie$/i.test(name)
}

/** A header as a property of an object. */
export function readOrInherit(state: HeadState, name: string): unknown {
  const value = readHeader(state, name)
  return value === undefined ? plain[name] : value
}

function readHeader(state: HeadState, name: string): unknown {
  const head = state[headNumber]
  if (head === 0) return getOwnPropertyDescriptor(keptHeaders(state) ?? {}, name)?.value
  const key = headerKey(name)
  const value = host.header(head, key)
  if (typeof value !== 'number') return value
  const text = host.headerValues(head, key)
  const values: unknown[] = parse(text)
  watchValues(head, key, values, text)
  return values
}

/** Sets a header to whatever a script gave. */
export function writeHeader(state: HeadState, name: string, value: unknown): void {
  // What a plain object takes for its prototype is no header.
  if (name === '__proto__' && typeof value === 'object') return
  const head = state[headNumber]
  if (head === 0) {
    const kept = keptHeaders(state)
    if (kept) keep(kept, name, value)
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

function keep(headers: object, name: string, value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(headers, name)
  else Object.defineProperty(headers, name, plainProperty(value))
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

function keptHeaders(state: HeadState): object | undefined {
  const kept = state[keptHead]
  if (kept === undefined) return undefined
  const { headers } = kept
  return typeof headers === 'object' && headers !== null ? headers : headersObject([])
}
