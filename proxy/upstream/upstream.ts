import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { Cluster, Direction, Endpoint, Model } from '../../chains/model.ts'
import type { SharedScope } from '../../chains/shared-state.ts'
import type { ByteStream } from '../../chains/stream.ts'
import type { Gauge, Meter } from '../../chains/telemetry.ts'
import type { Upstream } from '../../chains/tools.ts'
import { dial } from './dial.ts'
import { UpstreamExchange } from './exchange.ts'
import { type PoolSettings, UpstreamPool } from './pool.ts'
import type { PoolCounters, UpstreamShared } from './shared.ts'

/** Endpoints that are not in the config (made by plugins while traffic flows) and may have pools. */
const maxDynamicPools = 1_024

/** What the upstream side of one generation is made of. */
export interface UpstreamOptions {
  readonly model: Model
  readonly scope: SharedScope
  readonly meter: Meter
  readonly shared: UpstreamShared
}

/** The upstream side of one generation. Its pools are shared with other generations. */
export class UpstreamDirectory implements Upstream {
  readonly #options: UpstreamOptions
  readonly #pools = new Map<Endpoint, UpstreamPool>()
  readonly #settings = new Map<UpstreamPool, PoolSettings>()
  readonly #counters = new Map<string, PoolCounters>()
  #dynamicPools = 0

  constructor(options: UpstreamOptions) {
    this.#options = options
    for (const direction of ['inbound', 'outbound'] as const) {
      for (const cluster of Object.values(options.model[direction].clusters)) {
        for (const endpoint of cluster.endpoints) this.#addPool(cluster, endpoint, direction)
      }
    }
  }

  request(request: HttpRequest, cx: Context, cluster: Cluster, endpoint: Endpoint): Promise<HttpResponse> {
    const pool = this.#pools.get(endpoint) ?? this.#addDynamicPool(cluster, endpoint)
    const exchange = new UpstreamExchange(request, cx)
    pool.request(exchange)
    return exchange.answer
  }

  connect(cx: Context, cluster: Cluster, endpoint: Endpoint): Promise<ByteStream> {
    return dial(cx, {
      target: targetOf(endpoint),
      connectMs: this.#connectMs(cluster),
      shared: this.#options.shared,
      counters: this.#countersOf(cluster),
    })
  }

  /** The generation serves from now on: what it says of pools that it shares with earlier ones holds. */
  activate(): void {
    for (const [pool, settings] of this.#settings) pool.configure(settings)
  }

  /** The pool of an endpoint of this generation's config, if it has one yet. */
  poolOf(endpoint: Endpoint): UpstreamPool | undefined {
    return this.#pools.get(endpoint)
  }

  #addDynamicPool(cluster: Cluster, endpoint: Endpoint): UpstreamPool {
    if (this.#dynamicPools >= maxDynamicPools) {
      throw new ProxyError(
        'UPSTREAM_OVERFLOW',
        `more than ${maxDynamicPools} endpoints that are not in the config`,
      )
    }
    this.#dynamicPools += 1
    return this.#addPool(cluster, endpoint, 'dynamic')
  }

  #addPool(cluster: Cluster, endpoint: Endpoint, group: Direction | 'dynamic'): UpstreamPool {
    const settings = this.#settingsOf(cluster)
    const { host, port } = targetOf(endpoint)
    const key = `pool ${group} ${cluster.name} ${host}:${port}`
    const pool = this.#options.scope.get(key, () => new UpstreamPool({ host, port }, settings))
    this.#pools.set(endpoint, pool)
    this.#settings.set(pool, settings)
    return pool
  }

  #settingsOf(cluster: Cluster): PoolSettings {
    return {
      limits: cluster.connections,
      connectMs: this.#connectMs(cluster),
      counters: this.#countersOf(cluster),
      shared: this.#options.shared,
    }
  }

  #connectMs(cluster: Cluster): number {
    return cluster.connectTimeoutMs ?? this.#options.model.timeouts.connectMs
  }

  #countersOf(cluster: Cluster): PoolCounters {
    const { inbound, outbound } = this.#options.model
    const known = inbound.clusters[cluster.name] ?? outbound.clusters[cluster.name]
    const label = known ? cluster.name : 'other'
    const kept = this.#counters.get(label)
    if (kept) return kept
    const { meter, model } = this.#options
    const labels = { cluster: label }
    const active = meter.gauge('pillion_upstream_connections_active', labels)
    const fsm = model.fsmMetrics ? { sidecar_cluster_name: label } : null
    const made: PoolCounters = {
      opened: meter.counter('pillion_upstream_connections_total', labels),
      active: fsm ? both(active, meter.gauge('sidecar_cluster_upstream_cx_active', fsm)) : active,
      traffic: fsm && {
        sent: meter.counter('sidecar_cluster_upstream_cx_tx_bytes_total', fsm),
        received: meter.counter('sidecar_cluster_upstream_cx_rx_bytes_total', fsm),
      },
      overflow: meter.counter('pillion_upstream_overflow_total', labels),
      connectFailure: (code) => meter.counter('pillion_upstream_connect_failures_total', { ...labels, code }),
    }
    this.#counters.set(label, made)
    return made
  }
}

/** One gauge that is two. */
function both(one: Gauge, other: Gauge): Gauge {
  return {
    add(amount) {
      one.add(amount)
      other.add(amount)
    },
  }
}

/** A gateway stands in for the endpoint behind it. */
function targetOf(endpoint: Endpoint): { readonly host: string; readonly port: number } {
  if (endpoint.viaGateway === null) return endpoint
  const colon = endpoint.viaGateway.lastIndexOf(':')
  const host = endpoint.viaGateway.slice(0, colon)
  const isBracketed = host.startsWith('[') && host.endsWith(']')
  return { host: isBracketed ? host.slice(1, -1) : host, port: Number(endpoint.viaGateway.slice(colon + 1)) }
}
