import type { PluginDefinition } from './definition.ts'
import { isCanary } from './policy.ts'

/** The versions of one plugin. */
export interface Versions<T> {
  readonly current: T
  /** Who does not get the current one keeps this; null when there is none. */
  readonly previous: T | null
}

/**
 * Brings the definitions of one name together. Two are right when they are of
 * different versions and one of them is for some exchanges only: that is the
 * newer one. Anything else is reported.
 */
export function versionsByName(
  definitions: readonly PluginDefinition[],
): ReadonlyMap<string, Versions<PluginDefinition>> {
  const groups = new Map<string, PluginDefinition[]>()
  for (const one of definitions) groups.set(one.name, [...(groups.get(one.name) ?? []), one])
  return new Map([...groups].map(([name, group]) => [name, versionsOf(group)]))
}

function versionsOf(group: readonly PluginDefinition[]): Versions<PluginDefinition> {
  const [first, second, ...more] = group as [PluginDefinition, ...PluginDefinition[]]
  if (!second) return { current: first, previous: null }
  const [newer, older] = isCanary(second.policy) ? [second, first] : [first, second]
  const isPair = isCanary(newer.policy) && !isCanary(older.policy) && areApart(first, second)
  for (const one of isPair ? more : [second, ...more]) {
    const reason = isPair
      ? `is in two versions already, at ${first.report.place} and ${second.report.place}: a plugin has two at most`
      : `is there already, at ${first.report.place}: two versions of one plugin need a pillion.dev/version each, and a canary in one of them`
    one.report.add(one.paths.name, reason)
  }
  return isPair ? { current: newer, previous: older } : { current: first, previous: null }
}

const areApart = (one: PluginDefinition, other: PluginDefinition): boolean =>
  one.version !== null && other.version !== null && one.version !== other.version
