import { type HeadState, headExtras, headNumber, keptHead, plain } from './head-state.ts'
import { headFields, plainStart, writeField } from './head-views.ts'
import { headerKey, isPlainText, readOrInherit, writeHeader } from './header-views.ts'
import { type HostFunctions, host } from './host.ts'
import type { MessageStart } from './message-start.ts'

/**
 * The message that contained callbacks are given: nothing but single headers and fields of it are
 * looked at, and nobody can keep it. So it is one object for all calls, which shows whatever head the host shows.
 *
 * Its accessors are properties of its own, and where they can be they are functions of the
 * host, which know which head is meant: every step less is one that need not be fetched into caches
 * that the rest of the proxy has filled meanwhile.
 */
export function makeShown(functions: HostFunctions): MessageStart {
  const state: HeadState = Object.create(newNames(functions), {
    [headNumber]: { get: () => host.shownHead() },
    [headExtras]: { value: undefined, writable: true },
    [keptHead]: { value: undefined },
  })
  const start = plainStart(state)
  headFields.forEach((name, place) => {
    Object.defineProperty(start.head, name, {
      get: functions[`shownField${place}`] as () => unknown,
      set: (value: unknown) => writeField(state, name, value),
    })
  })
  return start
}

/** Answers for headers that have no accessor yet; `view` is what they were asked of. */
function newNames(functions: HostFunctions): object {
  return new Proxy(Object.create(null), {
    get(_, key, view) {
      if (typeof key === 'symbol') return plain[key]
      makeAccessor(functions, view as HeadState, key)
      return readOrInherit(view as HeadState, key)
    },
    set(_, key, value, view) {
      if (typeof key !== 'string') return true
      makeAccessor(functions, view as HeadState, key)
      writeHeader(view as HeadState, key, value)
      return true
    },
  })
}

/** The host has functions for the first names that a script uses. */
function makeAccessor(functions: HostFunctions, state: HeadState, name: string): void {
  const key = headerKey(name)
  const show = functions[`shownHeader${key}`]
  const change = functions[`setShownHeader${key}`]
  if (show === undefined || change === undefined) return
  Object.defineProperty(state, name, {
    get: isPlainText(name) ? (show as () => unknown) : () => readOrInherit(state, name),
    set(value: unknown) {
      if (typeof value === 'string') change(value)
      else writeHeader(state, name, value)
    },
  })
}
