import type { Context } from '../context.ts'
import type { HeaderList } from '../headers.ts'
import type { Cluster, Direction, Endpoint } from '../model.ts'
import type { Tools } from '../tools.ts'
import { Candidate, newHealth, sharedHealth } from './candidate.ts'
import { remember } from './choices.ts'
import { Ring } from './ring.ts'
import { type Cursor, Rotation } from './rotation.ts'

const nobody: ReadonlySet<Candidate> = new Set()

/** Chooses among the endpoints of one cluster, by its policy. Belongs to a generation; what it learns does not. */
export class Balancer {
  /** Those with a weight. */
  readonly #regular: readonly Candidate[]
  readonly #regularRotation: Rotation
  /** Those of weight 0, for when the others fail. */
  readonly #standby: readonly Candidate[]
  readonly #standbyRotation: Rotation
  readonly #byAddress: ReadonlyMap<string, Candidate>
  readonly #cluster: Cluster
  readonly #choiceKey: string
  readonly #isSticky: boolean
  /** Made when first needed: most clusters never are. */
  #ring: Ring | null = null

  /**
   * `cursor` is where the rotation stands, `healthOf` finds what is known of an
   * endpoint; see {@link sharedBalancer} and {@link privateBalancer}.
   */
  constructor(
    cluster: Cluster,
    tools: Tools,
    cursor: Cursor,
    healthOf: (endpoint: Endpoint) => Candidate['health'],
  ) {
    const candidates = cluster.endpoints.map(
      (endpoint) => new Candidate(endpoint, healthOf(endpoint), tools.clock),
    )
    this.#cluster = cluster
    this.#regular = candidates.filter(({ endpoint }) => endpoint.weight > 0)
    this.#standby = candidates.filter(({ endpoint }) => endpoint.weight <= 0)
    this.#regularRotation = new Rotation(
      this.#regular.map(({ endpoint }) => endpoint.weight),
      cursor,
    )
    this.#standbyRotation = new Rotation(
      this.#standby.map(() => 1),
      { at: 0 },
    )
    this.#byAddress = new Map(candidates.map((candidate) => [candidate.endpoint.address, candidate]))
    this.#choiceKey = `endpoint of ${cluster.name}`
    this.#isSticky = cluster.balancing.sticky === 'connection' && cluster.balancing.policy !== 'ring-hash'
  }

  /** Whether there is one endpoint and nothing to weigh: what happens to it then changes no choice. */
  get isAlone(): boolean {
    return this.#byAddress.size === 1 && !this.countsOutstanding
  }

  /** Whether there are endpoints that wait for the others to fail. */
  get hasStandby(): boolean {
    return this.#standby.length > 0
  }

  /** Whether exchanges must be counted in and out in {@link Candidate.health}. */
  get countsOutstanding(): boolean {
    return this.#cluster.balancing.policy === 'least-requests'
  }

  /**
   * The endpoint for an exchange, or for its next attempt when some were
   * `tried`. Those that failed lately come after all others, but they come:
   * null only when every endpoint was tried, or there is none.
   */
  pick(cx: Context, headers: HeaderList | null, tried: ReadonlySet<Candidate> = nobody): Candidate | null {
    if (!this.#isSticky) return this.#choose(cx, headers, tried)
    const { choices } = cx.peer
    const earlier = choices.get(this.#choiceKey)
    const kept = earlier === undefined ? undefined : this.#byAddress.get(earlier)
    const isKept = kept !== undefined && kept.endpoint.weight > 0 && !kept.isEjected
    if (isKept && !tried.has(kept)) return kept
    const chosen = this.#choose(cx, headers, tried)
    // a retry elsewhere does not move the connection, and nobody stays with a stand-in
    if (!isKept && chosen && chosen.endpoint.weight > 0) {
      remember(choices, this.#choiceKey, chosen.endpoint.address)
    }
    return chosen
  }

  /** One of those of weight 0 that was not tried yet, or null. Does not bind the connection. */
  pickStandby(tried: ReadonlySet<Candidate> = nobody): Candidate | null {
    return this.#inTurn(this.#standby, this.#standbyRotation, tried)
  }

  #choose(cx: Context, headers: HeaderList | null, tried: ReadonlySet<Candidate>): Candidate | null {
    return (
      this.#byPolicy(cx, headers, tried) ??
      this.#inTurn(this.#standby, this.#standbyRotation, tried) ??
      this.#inTurn(this.#regular, this.#regularRotation, tried, true) ??
      this.#inTurn(this.#standby, this.#standbyRotation, tried, true)
    )
  }

  #byPolicy(cx: Context, headers: HeaderList | null, tried: ReadonlySet<Candidate>): Candidate | null {
    switch (this.#cluster.balancing.policy) {
      case 'round-robin':
        return this.#inTurn(this.#regular, this.#regularRotation, tried)
      case 'least-requests':
        return this.#leastBusy(tried)
      case 'ring-hash':
        return this.#onRing(this.#hashKey(cx, headers), tried)
    }
  }

  #inTurn(
    candidates: readonly Candidate[],
    rotation: Rotation,
    tried: ReadonlySet<Candidate>,
    takesEjected = false,
  ): Candidate | null {
    for (let turns = rotation.period; turns > 0; turns--) {
      const candidate = candidates[rotation.next()]
      if (candidate && isFree(candidate, tried, takesEjected)) return candidate
    }
    return candidates.find((candidate) => isFree(candidate, tried, takesEjected)) ?? null
  }

  /** The fewest exchanges for its weight; where several are level, whose turn it is. */
  #leastBusy(tried: ReadonlySet<Candidate>): Candidate | null {
    let best = this.#inTurn(this.#regular, this.#regularRotation, tried)
    if (!best || best.health.outstanding === 0) return best
    for (const candidate of this.#regular) {
      if (loadOf(candidate) < loadOf(best) && isFree(candidate, tried)) best = candidate
    }
    return best
  }

  /** Without a key there is nothing to be consistent about: round robin then. */
  #onRing(key: string | undefined, tried: ReadonlySet<Candidate>): Candidate | null {
    if (this.#regular.length === 0) return null
    if (!key) return this.#inTurn(this.#regular, this.#regularRotation, tried)
    this.#ring ??= new Ring(
      this.#regular.map(({ endpoint }) => endpoint.address),
      this.#regular.map(({ endpoint }) => endpoint.weight),
    )
    const start = this.#ring.positionOf(key)
    for (let step = 0; step < this.#ring.size; step++) {
      const candidate = this.#regular[this.#ring.ownerAt(start + step)]
      if (candidate && isFree(candidate, tried)) return candidate
    }
    return null
  }

  #hashKey(cx: Context, headers: HeaderList | null): string | undefined {
    const { hashHeader } = this.#cluster.balancing
    return hashHeader === null || !headers ? cx.peer.remoteAddress : headers.get(hashHeader)
  }
}

/** A balancer whose state is that of every generation which knows the cluster by its name. */
export function sharedBalancer(cluster: Cluster, direction: Direction, tools: Tools): Balancer {
  const cursor = tools.shared.get(`rotation ${direction} ${cluster.name}`, () => randomCursor(tools))
  return new Balancer(cluster, tools, cursor, (endpoint) => sharedHealth(tools, direction, cluster, endpoint))
}

/** A balancer for a cluster that is not in the config, such as one that a plugin made up: forgotten with it. */
export function privateBalancer(cluster: Cluster, tools: Tools): Balancer {
  return new Balancer(cluster, tools, randomCursor(tools), newHealth)
}

/** Not all workers of all sidecars may begin with the same endpoint. */
function randomCursor(tools: Tools): Cursor {
  return { at: Math.floor(tools.random() * 2 ** 20) }
}

function isFree(candidate: Candidate, tried: ReadonlySet<Candidate>, takesEjected = false): boolean {
  return (takesEjected || !candidate.isEjected) && !tried.has(candidate)
}

function loadOf(candidate: Candidate): number {
  return candidate.health.outstanding / candidate.endpoint.weight
}
