import type { HeadState } from './head-state.ts'
import { host } from './host.ts'
import type { MessageStart } from './message-start.ts'

/**
 * One context of the script: an exchange, or a clone of one. A tuple, because one is made for
 * each exchange: an object of four properties costs five times as much.
 */
export type ScriptContext = [
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

/** The context that is being worked in; null while the script is loaded. */
export let current: ScriptContext | null = null

/** The initial values of the script's own variables. */
export const initialCells: unknown[] = []

const none: unknown[] = []
const slots: (ScriptContext | undefined)[] = []
let release: (context: ScriptContext) => void = () => {}

/** Sets what is done when a context is over. */
export function whenOver(handler: (context: ScriptContext) => void): void {
  release = handler
}

/** A call begins, in a context that is made if it is not there, in place of one that is over. */
export function begin(id: number): ScriptContext {
  // Mostly one call follows the other in the same exchange.
  if (current !== null && current[0] === id) return current
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
  current = context
  return context
}

/** A call begins in a context that may be over; null is none. */
export function beginIn(context: ScriptContext | null): void {
  current = context
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
  current = null
  release(context)
}

/** The parts of a context that it has only when they are needed. */
export function rareOf(context: ScriptContext): RareParts {
  context[5] ??= {}
  return context[5]
}

/** The current context, or an error that says why there is none. */
export function contextFor(name: string): ScriptContext {
  if (current === null) {
    throw new ReferenceError(`${name} has no value while the script is loaded, only in callbacks`)
  }
  return current
}

function put(context: ScriptContext): ScriptContext {
  const slot = context[0] & slotMask
  const before = slots[slot]
  slots[slot] = context
  if (before !== undefined) release(before)
  return context
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
