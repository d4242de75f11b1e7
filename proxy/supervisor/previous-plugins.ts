import type { Model } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { PluginStatus } from '../../sandbox/plugin/status.ts'
import { contentOf } from './plugin-content.ts'

/** What a worker says of a version, as far as it matters here. */
export type VersionState = Pick<PluginStatus, 'name' | 'version' | 'role' | 'state'>

/** In these nobody may fall back on a version. */
const failedStates: readonly PluginStatus['state'][] = ['failing', 'replaced', 'held back', 'failed']

/**
 * Knows which version of each plugin was the last good one: it ran for everybody, and did not fail over. One for a
 * process; remembers one version of each plugin that serves.
 */
export class PreviousPlugins {
  /** Serving versions that have failed, by the plugin. They stay so: a push lets them try again, and no more. */
  readonly #failed = new Map<string, PluginSpec>()

  /**
   * Gives plugins of `next` the version before them out of the model that serves, where their policy needs one and
   * the config has none: those for some exchanges only, and those whose last version takes over when they fail. A
   * plugin that has not changed keeps the one that it had. What was for some only, did not count, or has failed
   * (by `states`, of all workers, or at an earlier push) is no version before: the one before it is.
   */
  carry(next: Model, serving: Model | null, states: readonly VersionState[]): Model {
    const served = new Map(serving?.plugins.map((spec) => [spec.name, spec]))
    this.#note(served, states)
    if (served.size === 0 || next.plugins.length === 0) return next
    return {
      ...next,
      plugins: next.plugins.map((spec) => this.#carried(spec, served.get(spec.name) ?? null)),
    }
  }

  #note(served: ReadonlyMap<string, PluginSpec>, states: readonly VersionState[]): void {
    for (const [name, spec] of this.#failed) {
      const serving = served.get(name)
      if (!serving || !isSame(serving, spec)) this.#failed.delete(name)
    }
    for (const { name, version, role, state } of states) {
      const serving = served.get(name)
      if (role !== 'newest' || serving?.version !== version || !failedStates.includes(state)) continue
      this.#failed.set(name, serving)
    }
  }

  #carried(spec: PluginSpec, before: PluginSpec | null): PluginSpec {
    if (spec.previous || !before) return spec
    const isGood = wasForAll(before) && !this.#failed.has(spec.name)
    const previous = isSame(spec, before) || !isGood ? before.previous : before
    // One version before is enough, and it is for everyone who does not get the new one.
    return previous && needsOne(spec)
      ? { ...spec, previous: { ...previous, policy: forAll(previous), previous: null } }
      : spec
  }
}

/** Also what does not count has to know it, for the version after it. */
const needsOne = ({ policy: { canary, mode, onError } }: PluginSpec): boolean =>
  canary !== null || mode !== 'enforce' || onError === 'previous'

const isSame = (one: PluginSpec, other: PluginSpec): boolean =>
  one.version === other.version && contentOf(one) === contentOf(other)

const wasForAll = ({ policy }: PluginSpec): boolean => policy.mode === 'enforce' && policy.canary === null

const forAll = ({ policy }: PluginSpec): PluginSpec['policy'] => ({ ...policy, canary: null })
