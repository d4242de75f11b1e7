import { host } from './host.ts'
import type { MessageStart } from './message-start.ts'

/** One context of the script: an exchange, or a clone of one. Made often: what is rare in it is added when it comes. */
export interface ScriptContext {
  readonly id: number
  /** The values of the script's own variables, in the order of their declaration. */
  cells: unknown[]
  /** The first message of the host that the script got to see, and the others. */
  start?: MessageStart | undefined
  starts?: MessageStart[] | undefined
  /** Values that the host knows by a number, such as the elements of a fork. */
  handles?: number[]
  /** The last values of exported variables, by number, and their versions. */
  shared?: Map<number, { version: number; value: unknown }>
}

/** The lower bits of a context's number say which slot it is in; the upper ones tell it from those before it there. */
const slotMask = 0xf_ffff

/** The context that is being worked in; null while the script is loaded. */
export let current: ScriptContext | null = null

/** Counts calls into the guest: what was read in an earlier one may have changed. */
export let serial = 0

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
  let context = slots[id & slotMask]
  if (context === undefined || context.id !== id) {
    context = put({ id, cells: initialCells.length === 0 ? none : initialCells.slice() })
  }
  current = context
  serial += 1
  return context
}

/** A call begins in a context that may be over; null is none. */
export function beginIn(context: ScriptContext | null): void {
  current = context
  serial += 1
}

/** A context that begins with the values that another has now. */
export function clone(parent: number, id: number): void {
  const from = slots[parent & slotMask]
  if (from === undefined || from.id !== parent) return
  put({ id, cells: from.cells.length === 0 ? none : from.cells.slice() })
}

/** A context is over. */
export function close(id: number): void {
  const context = slots[id & slotMask]
  if (context === undefined || context.id !== id) return
  slots[id & slotMask] = undefined
  current = null
  release(context)
}

/** The current context, or an error that says why there is none. */
export function contextFor(name: string): ScriptContext {
  if (current === null) {
    throw new ReferenceError(`${name} has no value while the script is loaded, only in callbacks`)
  }
  return current
}

function put(context: ScriptContext): ScriptContext {
  const slot = context.id & slotMask
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
  host.defer(context === null ? 0 : context.id)
}

/** The call of its own, for the one that has waited for longest. */
export function resume(): void {
  const next = deferred.shift()
  if (next === undefined) return
  beginIn(next.context)
  next.run()
}
