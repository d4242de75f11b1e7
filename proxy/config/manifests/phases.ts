import { type ChainName, chainNames } from '../../../chains/model.ts'

/** Istio's phases, in the order in which a message meets them. */
export const phases = ['AUTHN', 'AUTHZ', 'STATS', 'UNSPECIFIED_PHASE'] as const
/** One of {@link phases}. */
export type Phase = (typeof phases)[number]

/** Where in a phase a plugin stands. */
export interface PhasePlace {
  readonly phase: Phase
  /** Higher ones come first; those without one last. */
  readonly priority: number | null
  /** When its resource was made, for those of one priority: older ones come first. */
  readonly created: string
}

type ByChain<T> = Readonly<Record<ChainName, T>>

const tcp = { AUTHN: 118, AUTHZ: 117, STATS: 116, UNSPECIFIED_PHASE: 115 } as const

/**
 * The priority of the first plugin of a phase; the others follow within less than 1. All are behind routing, metrics
 * and access logs, which see what plugins answer, and before throttling (of services, when inbound), circuit breakers
 * and load balancing; those without a phase are before retries.
 */
export const phasePriorities: ByChain<Readonly<Record<Phase, number>>> = {
  'inbound-http': { AUTHN: 138, AUTHZ: 136, STATS: 134, UNSPECIFIED_PHASE: 115 },
  'inbound-tcp': tcp,
  'outbound-http': { AUTHN: 128, AUTHZ: 126, STATS: 124, UNSPECIFIED_PHASE: 115 },
  'outbound-tcp': tcp,
}

/** What a chain's place is made of, for {@link placesInPhases}. */
export interface Placed {
  readonly name: string
  readonly place: PhasePlace
}

const maxStep = 0.05

/** The priority of each plugin in each chain: by phase, priority, age and name. */
export function placesInPhases(plugins: readonly Placed[]): ReadonlyMap<string, ByChain<number>> {
  const places = new Map<string, ByChain<number>>()
  for (const phase of phases) {
    const ordered = plugins.filter(({ place }) => place.phase === phase).toSorted(byPriority)
    const step = Math.min(maxStep, 1 / (ordered.length + 1))
    for (const [rank, { name }] of ordered.entries()) {
      const ofChain = (chain: ChainName) => [chain, phasePriorities[chain][phase] - rank * step] as const
      places.set(name, Object.fromEntries(chainNames.map(ofChain)) as ByChain<number>)
    }
  }
  return places
}

function byPriority(a: Placed, b: Placed): number {
  const [first, second] = [a, b].map(({ place }) => place.priority ?? Number.NEGATIVE_INFINITY) as [
    number,
    number,
  ]
  if (first !== second) return first > second ? -1 : 1
  if (a.place.created !== b.place.created) return a.place.created < b.place.created ? -1 : 1
  return a.name < b.name ? -1 : 1
}
