/** Guests that mean harm, behind the same bindings as any other. */

import type { PluginErrorKind } from '../../../plugin/contract.ts'
import { suiteLimits } from '../../../plugin/testing/behaviours.ts'
import { openBench, type Tried } from '../../../plugin/testing/bench.ts'
import type { GuestParts } from '../../testing/guests.ts'
import type { TestLoader } from '../../testing/loader.ts'

/** The time of a call that these guests have. */
export const callMs = 50

/** A guest that is loaded, and what it logged. */
export interface Hostile extends Tried, Disposable {
  readonly lines: readonly string[]
  /** The kinds of all its failures, in order. */
  kinds(): readonly PluginErrorKind[]
}

/** Loads a guest with little time. Throws what the loader throws. */
export function openHostile(wasm: TestLoader, parts: GuestParts): Hostile {
  const lines: string[] = []
  const keep = (line: string) => void lines.push(line)
  const bench = openBench({
    language: 'wasm',
    sources: {} as Parameters<typeof openBench>[0]['sources'],
    loader: (spec, host) => {
      const limits = { ...suiteLimits, callMs }
      const hurried = { ...spec, policy: { ...spec.policy, limits } }
      const log = { debug: keep, info: keep, warn: keep, error: keep }
      return wasm.loader(wasm.specOf(hurried, parts, { bodyWhileHeadersHeld: true }), {
        ...host,
        tools: { ...host.tools, log },
      })
    },
  })
  const tried = bench.load('pass')
  return {
    ...tried,
    lines,
    kinds: () => tried.told.failures.map(({ kind }) => kind),
    [Symbol.dispose]: () => bench[Symbol.dispose](),
  }
}
