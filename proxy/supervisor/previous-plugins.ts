import type { Model } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'

/**
 * Gives plugins the version before them out of the model that serves, where
 * their policy needs one and the config has none: those for some exchanges
 * only, and those whose last version takes over when they fail. A plugin that
 * has not changed keeps the one that it had; and what was for some only, or did
 * not count, is no version that everybody had.
 */
export function withPrevious(model: Model, serving: Model | null): Model {
  const served = new Map(serving?.plugins.map((spec) => [spec.name, spec]))
  if (served.size === 0 || model.plugins.length === 0) return model
  return { ...model, plugins: model.plugins.map((spec) => carried(spec, served.get(spec.name) ?? null)) }
}

function carried(spec: PluginSpec, before: PluginSpec | null): PluginSpec {
  const needsOne = spec.policy.canary !== null || spec.policy.onError === 'previous'
  if (!needsOne || spec.previous || !before) return spec
  const previous = isSame(spec, before) || !wasForAll(before) ? before.previous : before
  // One version before is enough, and it is for everyone who does not get the new one.
  return previous ? { ...spec, previous: { ...previous, policy: forAll(previous), previous: null } } : spec
}

const isSame = (one: PluginSpec, other: PluginSpec): boolean =>
  one.version === other.version && one.source === other.source

const wasForAll = ({ policy }: PluginSpec): boolean => policy.mode === 'enforce' && policy.canary === null

const forAll = ({ policy }: PluginSpec): PluginSpec['policy'] => ({ ...policy, canary: null })
