import type { HeadState } from './head-state.ts'
import { host } from './host.ts'
import type { MessageStart } from './message-start.ts'

/**
 * One context of the script: an exchange, or a clone of one. A tuple, because one is made for
 * each exchange: an object of four properties costs five times as much.
 */
export type ScriptContext = [
  /** {@link over} once it is over. */
  id: number,
  /** The values of the script's own variables, in the order of their declaration. */
  cells: unknown[],
  /** The first message of the host that the script got to see; the number of its head, and its state. */
  start: MessageStart | undefined,
  head: number,
  state: HeadState | undefined,
  rare: RareParts | undefined,
]

/** What few contexts have. */
export interface RareParts {
  /** Further messages of the host. */
  starts?: { head: number; start: MessageStart; state: HeadState }[]
  /** Values that the host knows by a number, such as the elements of a fork. */
  handles?: number[]
  /** The last values of exported variables, by number, and their versions. */
  shared?: Map<number, { version: number; value: unknown }>
}

/** The lower bits of a context's number say which slot it is in; the upper ones tell it from those before it there. */
const slotMask = 0xf_ffff

/** What contexts that are over are called: no call of the host's is in one. */
const over = -1
/** Which context the host calls, 0 for none; and which one was made in this call, for the host to know. */
const places = { called: 0, made: 1 } as const

/** Shared with the host: so a callback that needs no context does not have one looked for. */
let words = new Int32Array(2)
/** The context that was worked in last. */
let latest: ScriptContext | null = null

/** The initial values of the script's own variables. */
export const initialCells: unknown[] = []

const none: unknown[] = []
const slots: (ScriptContext | undefined)[] = []
let release: (context: ScriptContext) => void = () => {}

/** Sets what is done when a context is over. */
export function whenOver(handler: (context: ScriptContext) => void): void {
  release = handler
}

/** Takes the words that are shared with the host; called once, by `boot`. */
export function connectWords(shared: ArrayBuffer): void {
  words = new Int32Array(shared)
}

/** The context that is being worked in; null while the script is loaded. */
export function currentContext(): ScriptContext | null {
  const id = words[places.called] as number
  // Mostly one call follows the other in the same exchange.
  if (latest !== null && latest[0] === id) return latest
  return id === 0 ? null : contextOf(id)
}

/** The context of a number: made if it is not there, in place of one that is over. */
function contextOf(id: number): ScriptContext {
  let context = slots[id & slotMask]
  if (context === undefined || context[0] !== id) {
    context = put([
      id,
      initialCells.length === 0 ? none : initialCells.slice(),
      undefined,
      0,
      undefined,
      undefined,
    ])
  }
  latest = context
  return context
}

/** A call goes on in a context that may be over; null is none. */
export function beginIn(context: ScriptContext | null): void {
  latest = context
  words[places.called] = context === null ? 0 : context[0]
}

/** A context that begins with the values that another has now. */
export function clone(parent: number, id: number): void {
  const from = slots[parent & slotMask]
  if (from === undefined || from[0] !== parent) return
  put([id, from[1].length === 0 ? none : from[1].slice(), undefined, 0, undefined, undefined])
}

/** A context is over. */
export function close(id: number): void {
  const context = slots[id & slotMask]
  if (context === undefined || context[0] !== id) return
  slots[id & slotMask] = undefined
  end(context)
}

/** The parts of a context that it has only when they are needed. */
export function rareOf(context: ScriptContext): RareParts {
  context[5] ??= {}
  return context[5]
}

/** The current context, or an error that says why there is none. */
export function contextFor(name: string): ScriptContext {
  const context = currentContext()
  if (context === null) {
    throw new ReferenceError(`${name} has no value while the script is loaded, only in callbacks`)
  }
  return context
}

function put(context: ScriptContext): ScriptContext {
  const slot = context[0] & slotMask
  const before = slots[slot]
  slots[slot] = context
  words[places.made] = context[0]
  if (before !== undefined) end(before)
  return context
}

/** Its number may be another's from now on. */
function end(context: ScriptContext): void {
  context[0] = over
  release(context)
}

interface Deferred {
  readonly context: ScriptContext | null
  readonly run: () => void
}

const deferred: Deferred[] = []

/** Does something in another context, in a call of its own after this one. */
export function defer(context: ScriptContext | null, run: () => void): void {
  deferred.push({ context, run })
  host.defer(context === null ? 0 : context[0])
}

/** The call of its own, for the one that has waited for longest. */
export function resume(): void {
  const next = deferred.shift()
  if (next === undefined) return
  beginIn(next.context)
  next.run()
}
