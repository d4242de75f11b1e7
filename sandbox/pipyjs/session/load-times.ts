import type { PluginSpec } from '../../../chains/plugins.ts'

/** Time for the engine's boot, and for evaluating a script, when it is loaded for the first time; in milliseconds. */
const firstLoadMs = 1_000
/** How much longer than the first time it may take to load it again. */
const patience = 2

const loadTimes = new WeakMap<PluginSpec, number>()

/**
 * The time that a script has to load. One that has loaded before is loaded again because its
 * instance died, in the middle of traffic: it gets no longer than it needs.
 */
export function loadMsOf(spec: PluginSpec): number {
  const known = loadTimes.get(spec)
  if (known === undefined) return firstLoadMs
  return Math.min(firstLoadMs, Math.max(spec.policy.limits.callMs, patience * known))
}

/** Tells how long it took to load a script; the first time counts. */
export function loaded(spec: PluginSpec, ms: number): void {
  if (!loadTimes.has(spec)) loadTimes.set(spec, ms)
}
