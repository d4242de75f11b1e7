import { isContained } from './containment.ts'
import { contextFor, rareOf, type ScriptContext, whenOver } from './contexts.ts'
import { Data } from './data.ts'
import { emit } from './emit.ts'
import { givenMessage, MessageEnd, StreamEnd } from './events.ts'
import { headersObject } from './header-lists.ts'
import { type Crossing, host } from './host.ts'
import { keyOf } from './objects.ts'
import { isPromise, whenSettled } from './promises.ts'
import { letGo, startIn } from './starts.ts'
import { inbound } from './variables.ts'

const { parse, stringify } = JSON

/** What a callback's result is wanted for; the numbers are known to the host. */
export const wanted = { nothing: 0, truth: 1, events: 2, value: 3 } as const

/** What came of a call; the numbers are known to the host. What is more than the number crosses before. */
export const codes = {
  none: 0,
  events: 1,
  plain: 2,
  array: 3,
  object: 4,
  isFalse: 5,
  isTrue: 6,
  promise: 7,
} as const

/** Kinds of arguments; the numbers are known to the host. Each is followed by its values. */
export const argumentKinds = {
  start: 0,
  data: 1,
  end: 2,
  streamEnd: 3,
  message: 4,
  head: 5,
  plain: 6,
  handle: 7,
  inbound: 8,
} as const

type Callback = (...values: unknown[]) => unknown

const callbacks: Callback[] = []
/** Values that the host knows by a number. */
const handles = new Map<number, unknown>()
let lastHandle = 0
let lastPromise = 0

whenOver((context) => {
  letGo(context)
  const own = context[5]?.handles
  if (own !== undefined) for (const handle of own) handles.delete(handle)
})

/** Gives a function a number that the host can call it by. */
export function register(callback: Callback): number {
  callbacks[callbacks.length] = callback
  return callbacks.length - 1
}

/** How many callbacks there are. */
export const callbackCount = (): number => callbacks.length

/** A callback, for the host to call by itself. */
export const callbackOf = (fn: number): Callback => callbacks[fn] as Callback

/** Whether a callback is to be given the message that all such are given: 1 or 0. */
export const isShown = (fn: number): number => (isContained(callbacks[fn] as Callback) ? 1 : 0)

/** Calls a callback with a message's start; its result matters only if it is a promise. */
export function callWithStart(fn: number, head: number): number {
  const callback = callbacks[fn] as Callback
  const result = callback(startIn(contextFor('a message'), head))
  return result === undefined ? 0 : resultOf(result, wanted.nothing)
}

/** Calls a callback with anything. */
export function callWith(fn: number, purpose: number, ...crossed: Crossing[]): number {
  const callback = callbacks[fn] as Callback
  const context = contextFor('an argument')
  const values: unknown[] = []
  for (let at = 0; at < crossed.length; ) {
    const [value, length] = argument(context, crossed, at)
    values[values.length] = value
    at += length
  }
  return resultOf(callback(...values), purpose)
}

function argument(
  context: ScriptContext,
  crossed: readonly Crossing[],
  at: number,
): [value: unknown, length: number] {
  const first = crossed[at + 1]
  switch (crossed[at]) {
    case argumentKinds.start:
      return [startIn(context, first as number), 2]
    case argumentKinds.head:
      return [startIn(context, first as number).head, 2]
    case argumentKinds.data:
      return [Data.given(first as ArrayBuffer, crossed[at + 2] as number), 3]
    case argumentKinds.end:
      return [endOf(first as string | null, crossed[at + 2] as string | null), 3]
    case argumentKinds.streamEnd:
      return [new StreamEnd(first === null ? undefined : first), 2]
    case argumentKinds.message:
      return [messageIn(context, crossed, at), 7]
    case argumentKinds.handle:
      return [handles.get(first as number), 2]
    case argumentKinds.inbound:
      return [inbound(), 1]
    default:
      return [first, 2]
  }
}

function messageIn(context: ScriptContext, crossed: readonly Crossing[], at: number): unknown {
  const body = Data.given(crossed[at + 2] as ArrayBuffer, crossed[at + 3] as number)
  const hasEnd = crossed[at + 4] as boolean
  const end = hasEnd ? endOf(crossed[at + 5] as string | null, crossed[at + 6] as string | null) : null
  return givenMessage(startIn(context, crossed[at + 1] as number), body, end)
}

function endOf(trailers: string | null, payload: string | null): MessageEnd {
  const tail = trailers === null ? undefined : { headers: headersObject(parse(trailers)) }
  return new MessageEnd(tail, payload === null ? undefined : parse(payload))
}

/** Hands a result over, and says what kind it is. */
export function resultOf(result: unknown, purpose: number): number {
  if (isPromise(result)) return watch(result, purpose)
  const code = give(result, purpose)
  if (code >= codes.events && code <= codes.object) host.settled(0, code)
  return code
}

function give(result: unknown, purpose: number): number {
  if (purpose === wanted.truth) return result ? codes.isTrue : codes.isFalse
  if (purpose === wanted.nothing || result === undefined || result === null) return codes.none
  if (purpose === wanted.events) {
    if (emit(result)) return codes.events
    throw new TypeError(
      `a callback gave ${kindOf(result)}, where an event, a Message, an array of these or nothing must come; ` +
        'put what is done only for its effect in void(…)',
    )
  }
  return giveValue(result)
}

function giveValue(result: unknown): number {
  if (typeof result === 'boolean' || typeof result === 'string' || typeof result === 'number') {
    host.resultPlain(result)
    return codes.plain
  }
  if (Array.isArray(result)) {
    const first = lastHandle + 1
    const rare = rareOf(contextFor('an array'))
    rare.handles ??= []
    for (const value of result) {
      lastHandle += 1
      handles.set(lastHandle, value)
      rare.handles[rare.handles.length] = lastHandle
    }
    host.resultArray(first, result.length)
    return codes.array
  }
  if (typeof result !== 'object' && typeof result !== 'function') {
    throw new TypeError(`a callback gave ${kindOf(result)}, which is no value that can be used here`)
  }
  host.resultObject(keyOf(result as object), jsonOf(result))
  return codes.object
}

/** Tells the host what becomes of a promise; the code says which one it is. */
function watch(promise: Promise<unknown>, purpose: number): number {
  lastPromise += 1
  const number = lastPromise
  const failed = (reason: unknown): void => host.rejected(number, messageOf(reason), stackOf(reason))
  whenSettled(
    promise,
    (value) => {
      try {
        host.settled(number, give(value, purpose))
      } catch (error) {
        failed(error)
      }
    },
    failed,
  )
  return codes.promise + number
}

function messageOf(reason: unknown): string {
  try {
    return String(reason)
  } catch {
    return 'something that has no text'
  }
}

function stackOf(reason: unknown): string {
  const stack = reason instanceof Error ? reason.stack : undefined
  return typeof stack === 'string' ? stack : ''
}

function jsonOf(value: unknown): string | null {
  try {
    return stringify(value) ?? null
  } catch {
    return null
  }
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return `the string ${stringify(value.slice(0, 40))}`
  if (typeof value === 'object') return 'an object that is none'
  return `the ${typeof value} ${String(value)}`
}
