import type { Context } from '../context.ts'
import type { Cluster, Direction, DirectionRules } from '../model.ts'
import type { Tools } from '../tools.ts'
import { type Balancer, privateBalancer, sharedBalancer } from './balancer.ts'
import type { Candidate } from './candidate.ts'

/** The balancers of all clusters of one direction that one kind of chain can reach. */
export class Balancers {
  readonly #tools: Tools
  readonly #direction: Direction
  readonly #known: ReadonlySet<Cluster>
  readonly #made = new WeakMap<Cluster, Balancer>()
  /** What an exchange has borrowed, for `least-requests`. */
  readonly #loans = new WeakMap<Context, { candidate: Candidate | null }>()
  /** Where the last attempt of an exchange failed, so that a retry goes elsewhere. */
  readonly #failed = new WeakMap<Context, Candidate>()

  /** Makes those at once whose state must be taken over from the generation before. */
  constructor(direction: Direction, tools: Tools, rules: DirectionRules, kind: 'http' | 'tcp') {
    this.#tools = tools
    this.#direction = direction
    this.#known = new Set(Object.values(rules.clusters))
    for (const name of clustersUsed(rules, kind)) {
      const cluster = Object.hasOwn(rules.clusters, name) ? rules.clusters[name] : undefined
      if (cluster) this.of(cluster)
    }
  }

  /** The balancer of a cluster. One that is not in the config gets one of its own, forgotten with it. */
  of(cluster: Cluster): Balancer {
    let balancer = this.#made.get(cluster)
    if (!balancer) {
      balancer = this.#known.has(cluster)
        ? sharedBalancer(cluster, this.#direction, this.#tools)
        : privateBalancer(cluster, this.#tools)
      this.#made.set(cluster, balancer)
    }
    return balancer
  }

  /** Counts an exchange in at an endpoint, and out where it was before. It is counted out by itself when it ends. */
  borrow(cx: Context, candidate: Candidate): void {
    const loan = this.#loans.get(cx)
    if (loan) {
      giveBack(loan)
      loan.candidate = candidate
    } else {
      const fresh: { candidate: Candidate | null } = { candidate }
      this.#loans.set(cx, fresh)
      cx.onEnd(() => giveBack(fresh))
    }
    candidate.health.outstanding += 1
  }

  /** Remembers that an attempt of an exchange came to nothing there. */
  noteFailure(cx: Context, candidate: Candidate): void {
    this.#failed.set(cx, candidate)
  }

  /** Where the last attempt of an exchange failed: one, or nobody. */
  failedFor(cx: Context): ReadonlySet<Candidate> {
    const last = this.#failed.get(cx)
    return new Set(last ? [last] : [])
  }

  /** Counts an exchange out before its end, because an attempt failed. */
  giveBack(cx: Context): void {
    const loan = this.#loans.get(cx)
    if (loan) giveBack(loan)
  }
}

function giveBack(loan: { candidate: Candidate | null }): void {
  if (loan.candidate) loan.candidate.health.outstanding -= 1
  loan.candidate = null
}

/** The names of the clusters that the rules can send to. */
function clustersUsed(rules: DirectionRules, kind: 'http' | 'tcp'): Set<string> {
  const names = new Set<string>()
  for (const { http, tcp } of rules.ports) {
    if (kind === 'tcp') for (const { cluster } of tcp?.targets ?? []) names.add(cluster)
    if (kind !== 'http' || !http) continue
    const entries = [...Object.values(http.hosts), ...(http.defaultHost ? [http.defaultHost] : [])]
    for (const service of new Set(entries.map((entry) => entry.service))) {
      for (const { targets } of service.routes) for (const { cluster } of targets) names.add(cluster)
    }
  }
  return names
}
