import type { Model } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import { contentOf } from './plugin-content.ts'
import type { Serving } from './plugin-supply.ts'
import type { Order } from './protocol.ts'
import type { WorkerThread } from './worker-thread.ts'

/** How long the thread of a trial may take to end. */
const endLimitMs = 1_000

/**
 * Loads the plugins that `serving` does not run yet in a thread of their own, which is gone afterwards: a script that
 * loops while it is loaded must not hold up the traffic of a worker. Rejects as the workers would. Does nothing at
 * the first start, when there is no traffic, and for plugins that have not changed.
 */
export async function tryOut(
  order: Order,
  serving: Serving | null,
  spawn: () => WorkerThread,
  prepare: (thread: WorkerThread, order: Order, ports: readonly number[]) => Promise<unknown>,
): Promise<void> {
  if (!serving || !hasNewPlugins(order.model, serving.order.model)) return
  // No port and no file is opened twice.
  const model: Model = { ...order.model, listeners: [], accessLog: null }
  const thread = spawn()
  try {
    await thread.ready
    await prepare(thread, { ...order, model }, [])
  } finally {
    await thread.stop(endLimitMs)
  }
}

function hasNewPlugins(next: Model, served: Model): boolean {
  const known = new Set(served.plugins.flatMap(versionsOf).map(textOf))
  return next.plugins.flatMap(versionsOf).some((spec) => !known.has(textOf(spec)))
}

const versionsOf = (spec: PluginSpec): readonly PluginSpec[] =>
  spec.previous ? [spec, spec.previous] : [spec]

/** What decides how a plugin loads. */
const textOf = (spec: PluginSpec): string => {
  const { mode, limits, grants } = spec.policy
  return JSON.stringify([spec.name, spec.language, contentOf(spec), mode, limits, grants])
}
