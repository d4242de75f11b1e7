import type { ChainName } from '../../chains/model.ts'
import type { ErrorPolicy, PluginLanguage, PluginMode, PluginSpec } from '../../chains/plugins.ts'
import type { LoadedVersion } from './policy.ts'

/** From best to worst; a plugin in several workers is in the worst of their states. */
export const pluginStates = ['off', 'running', 'failing', 'replaced', 'held back', 'failed'] as const
/**
 * One of {@link pluginStates}: `failing` in every exchange so far, so that the version before helps out; `replaced` by the version before until the next push; `held back` because its
 * instances keep dying; `failed` to load.
 */
export type PluginState = (typeof pluginStates)[number]

/** One version of a plugin as `/plugins` shows it. Its numbers are those of this version, over pushes that keep it. */
export interface PluginStatus {
  readonly name: string
  readonly version: string
  readonly language: PluginLanguage
  /** Whether it is the one that was pushed last, or the one before, which is kept for the policy of the other. */
  readonly role: 'newest' | 'previous'
  readonly chains: readonly ChainName[]
  readonly priority: number
  readonly mode: PluginMode
  readonly onError: ErrorPolicy
  /** Who gets it; empty for everybody. */
  readonly canary: string
  readonly state: PluginState
  /** Why it could not be loaded, or how it failed last; null when it never did. */
  readonly fault: string | null
  readonly calls: number
  readonly errors: number
  readonly restarts: number
  readonly heapBytes: number
  /** Exchanges that are in it. */
  readonly exchanges: number
}

/** What one worker knows of one version. */
export function statusOf(
  { spec, health, plugin }: LoadedVersion,
  role: PluginStatus['role'],
  chains: readonly ChainName[],
): PluginStatus {
  const { mode, onError } = spec.policy
  return {
    name: spec.name,
    version: spec.version,
    language: spec.language,
    role,
    chains,
    priority: spec.priority,
    mode,
    onError,
    canary: canaryText(spec),
    state: stateOf(),
    fault: health.lastFault,
    ...health.counts,
    ...(plugin?.usage() ?? { heapBytes: 0, exchanges: 0 }),
  }

  function stateOf(): PluginState {
    if (mode === 'off') return 'off'
    if (!plugin) return 'failed'
    if (health.isReplaced) return 'replaced'
    if (health.isHeldBack) return 'held back'
    return health.isFailing ? 'failing' : 'running'
  }
}

/** One row for each version, what workers say of it added up. */
export function sumOfStatuses(statuses: readonly PluginStatus[]): readonly PluginStatus[] {
  const rows = new Map<string, PluginStatus>()
  for (const status of statuses) {
    const key = JSON.stringify([status.name, status.version, status.role])
    const row = rows.get(key)
    rows.set(key, row ? added(row, status) : status)
  }
  return [...rows.values()]
}

function added(one: PluginStatus, other: PluginStatus): PluginStatus {
  const isWorse = pluginStates.indexOf(other.state) > pluginStates.indexOf(one.state)
  return {
    ...one,
    state: isWorse ? other.state : one.state,
    fault: (isWorse ? other.fault : null) ?? one.fault ?? other.fault,
    calls: one.calls + other.calls,
    errors: one.errors + other.errors,
    restarts: one.restarts + other.restarts,
    heapBytes: one.heapBytes + other.heapBytes,
    exchanges: one.exchanges + other.exchanges,
  }
}

function canaryText({ policy: { canary } }: PluginSpec): string {
  const parts: string[] = []
  if (canary?.header) parts.push(`${canary.header.name}: ${canary.header.value}`)
  if (canary?.percent != null) parts.push(`${canary.percent} %`)
  return parts.join(' or ')
}
