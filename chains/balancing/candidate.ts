import type { Cluster, Direction, Endpoint } from '../model.ts'
import type { Clock, Tools } from '../tools.ts'

/** How long an endpoint is passed over after its connection failed for the first time; doubles each time. */
const firstEjectionMs = 5_000
const longestEjectionMs = 60_000

/** What is known of an endpoint by using it. One for all generations, so that a push forgets nothing. */
export interface Health {
  /** Exchanges that it is busy with; counted for `least-requests` only. */
  outstanding: number
  /** Connections that failed, one after the other. */
  failures: number
  /** Until when it is passed over, on the clock of the worker; 0 when it is not. */
  ejectedUntil: number
}

/** One endpoint of a cluster, as the balancer sees it. */
export class Candidate {
  readonly endpoint: Endpoint
  /** What is connected to: the endpoint's address, or that of the gateway before it. */
  readonly target: string
  /** Whether traffic to it leaves the mesh: through a gateway, or under a path of its own. */
  readonly isOutside: boolean
  readonly health: Health
  readonly #clock: Clock

  constructor(endpoint: Endpoint, health: Health, clock: Clock) {
    this.endpoint = endpoint
    this.target = endpoint.viaGateway ?? endpoint.address
    this.isOutside = endpoint.viaGateway !== null || endpoint.pathPrefix !== null
    this.health = health
    this.#clock = clock
  }

  /** Whether it is passed over for now. */
  get isEjected(): boolean {
    const { health } = this
    if (health.ejectedUntil === 0) return false
    if (health.ejectedUntil > this.#clock.now()) return true
    health.ejectedUntil = 0
    return false
  }

  /** Its connection failed: it is passed over for a while, while others live. */
  eject(): void {
    const { health } = this
    // those who were on their way when it was ejected say nothing new
    if (this.isEjected) return
    const ms = Math.min(longestEjectionMs, firstEjectionMs * 2 ** Math.min(health.failures, 10))
    health.failures += 1
    health.ejectedUntil = this.#clock.now() + ms
  }

  /** It answered: whatever was held against it is forgotten. */
  welcome(): void {
    const { health } = this
    if (health.failures === 0) return
    health.failures = 0
    health.ejectedUntil = 0
  }
}

/** Finds the health that other generations left of an endpoint, or starts afresh. */
export function sharedHealth(
  tools: Tools,
  direction: Direction,
  cluster: Cluster,
  endpoint: Endpoint,
): Health {
  return tools.shared.get(`endpoint ${direction} ${cluster.name} ${endpoint.address}`, newHealth)
}

/** The health of an endpoint nothing is known of. */
export function newHealth(): Health {
  return { outstanding: 0, failures: 0, ejectedUntil: 0 }
}
