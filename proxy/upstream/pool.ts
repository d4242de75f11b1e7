import { ProxyError } from '../../chains/failures.ts'
import type { ConnectionPoolLimits } from '../../chains/model.ts'
import { type ConnectionOwner, UpstreamConnection } from './connection.ts'
import type { ExchangeHolder, UpstreamExchange } from './exchange.ts'
import type { PoolCounters, UpstreamShared } from './shared.ts'
import type { TrafficCounters } from './traffic.ts'

/** What one pool may use, and where it counts. Changes when a push changes the cluster. */
export interface PoolSettings {
  readonly limits: ConnectionPoolLimits
  readonly connectMs: number
  readonly counters: PoolCounters
  readonly shared: UpstreamShared
}

/**
 * The HTTP connections to one endpoint, within the cluster's limits.
 *
 * Idle ones are taken last in, first out, so that those not needed grow old and
 * close. Requests beyond the limit wait in line, in order; those beyond the line
 * are refused. It outlives pushes that keep its endpoint.
 */
export class UpstreamPool implements ConnectionOwner, ExchangeHolder, Disposable {
  readonly target: { readonly host: string; readonly port: number }
  #settings: PoolSettings
  readonly #all = new Set<UpstreamConnection>()
  readonly #idle: UpstreamConnection[] = []
  #pending: UpstreamExchange[] = []
  #isDisposed = false

  constructor(target: { readonly host: string; readonly port: number }, settings: PoolSettings) {
    this.target = target
    this.#settings = settings
  }

  /** Connections that stand or are being opened. */
  get open(): number {
    return this.#all.size
  }

  /** Connections that wait for a request. */
  get idle(): number {
    return this.#idle.length
  }

  /** Requests that wait for a connection. */
  get pending(): number {
    return this.#pending.length
  }

  get shared(): UpstreamShared {
    return this.#settings.shared
  }

  get traffic(): TrafficCounters | null {
    return this.#settings.counters.traffic
  }

  get connectMs(): number {
    return this.#settings.connectMs
  }

  get idleMs(): number {
    return this.#settings.limits.idleMs
  }

  /** Takes over what a new generation says of it. */
  configure(settings: PoolSettings): void {
    this.#settings = settings
  }

  /** Sends `exchange` on an idle connection, a new one, or as soon as one is free. */
  request(exchange: UpstreamExchange): void {
    if (exchange.isSettled) return
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.isQuiet) {
        idle.send(exchange)
        return
      }
      idle.fail(new ProxyError('UPSTREAM_INVALID', 'the upstream sent something unasked'))
    }
    this.requestFresh(exchange)
  }

  /** Like {@link request}, but never on a connection that was used before. */
  requestFresh(exchange: UpstreamExchange): void {
    const { limits, counters } = this.#settings
    if (exchange.isSettled) return
    if (this.#all.size < limits.maxConnections) {
      counters.opened.add()
      counters.active.add(1)
      this.#all.add(new UpstreamConnection(this, exchange))
      return
    }
    if (this.#pending.length >= limits.maxPendingRequests) {
      counters.overflow.add()
      exchange.reject(
        new ProxyError(
          'UPSTREAM_OVERFLOW',
          `all ${limits.maxConnections} connections and the queue are taken`,
        ),
      )
      return
    }
    this.#pending.push(exchange)
    exchange.holder = this
  }

  /** An exchange that waits in line is given up. */
  cancel(exchange: UpstreamExchange, reason: ProxyError): void {
    this.#pending = this.#pending.filter((waiting) => waiting !== exchange)
    exchange.reject(reason)
  }

  /** For connections: the exchange is over and the connection is well. */
  release(connection: UpstreamConnection): void {
    const isWorn = connection.requests >= this.#settings.limits.maxRequestsPerConnection
    if (isWorn || this.#isDisposed) {
      connection.fail(new ProxyError('UPSTREAM_RESET', 'the connection has served its time'))
      return
    }
    const next = this.#pending.shift()
    if (next) {
      connection.send(next)
      return
    }
    connection.idleSince = this.shared.sweeper.now
    this.#idle.push(connection)
  }

  /**
   * For connections: this one is gone. Answers whether that was known already.
   * `failure` is set if it never stood.
   */
  gone(connection: UpstreamConnection, failure: ProxyError | null): boolean {
    if (!this.#all.delete(connection)) return true
    const { counters } = this.#settings
    counters.active.add(-1)
    if (failure) counters.connectFailure(failure.code).add()
    const index = this.#idle.indexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
    const next = this.#pending.shift()
    if (next) this.requestFresh(next)
    return false
  }

  /** Closes what is idle; what is busy closes when its exchange is over. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    for (const connection of [...this.#idle]) {
      connection.fail(new ProxyError('UPSTREAM_RESET', 'the endpoint is no longer configured'))
    }
  }
}
