import type { GuestEntry, ScriptEngine } from '../../quickjs/contract.ts'

/** A callback of the script, which can be called without a way round. */
export interface Callback {
  readonly callback: GuestEntry
  /** Whether it is given the message that shows whatever head is shown. */
  readonly isShown: boolean
}

/** The callbacks of a script that has been evaluated, by their numbers. */
export function callbacksOf(engine: ScriptEngine): readonly Callback[] {
  const [count, callback, isShown] = [
    engine.entry('callbackCount'),
    engine.entry('callbackOf'),
    engine.entry('isShown'),
  ]
  return Array.from({ length: engine.callNumbers(count, 0, 0, 0) }, (_, fn) => ({
    callback: engine.keep(callback, fn),
    isShown: engine.callNumbers(isShown, fn, 0, 0) === 1,
  }))
}
