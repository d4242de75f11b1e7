import { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { Model } from '../../chains/model.ts'
import type { ByteStream } from '../../chains/stream.ts'
import type { Meter } from '../../chains/telemetry.ts'
import { watchedBody } from '../../sandbox/plugin/lending/watched-body.ts'
import type { Network, NetworkTarget, NetworkTimeouts } from '../../sandbox/plugin/network.ts'
import { dial } from '../upstream/dial.ts'
import { UpstreamExchange } from '../upstream/exchange.ts'
import { UpstreamPool } from '../upstream/pool.ts'
import type { PoolCounters, UpstreamShared } from '../upstream/shared.ts'
import { exchangeOn } from './client-exchange.ts'
import { type RequestHandler, serveOn } from './stream-server.ts'

/** What the network of one plugin is made with. */
export interface PluginNetworkOptions {
  readonly plugin: string
  readonly model: Model
  readonly meter: Meter
  readonly shared: UpstreamShared
}

/** Pools of one plugin. Beyond that, one in which nothing is in flight is closed for each new one. */
const maxPools = 1_024

/** Limits of one pool; a plugin has no config of its own for them. */
const poolLimits = {
  maxConnections: 256,
  maxRequestsPerConnection: 100_000,
  maxPendingRequests: 1_024,
  idleMs: 30_000,
}

/** How one plugin reaches the network. Its connections are counted as those of the cluster `plugin NAME`. */
export class PluginNetwork implements Network, Disposable {
  readonly #options: PluginNetworkOptions
  /** Made when something is connected to: most plugins reach nothing. */
  #counters: PoolCounters | null = null
  /** The one not used for longest is first. */
  readonly #pools = new Map<string, UpstreamPool>()
  #isDisposed = false

  constructor(options: PluginNetworkOptions) {
    this.#options = options
  }

  async request(
    request: HttpRequest,
    cx: Context,
    target: NetworkTarget,
    pool: string,
    timeouts: NetworkTimeouts,
  ): Promise<HttpResponse> {
    if (cx.abortReason) throw cx.abortReason
    const sender = this.#poolOf(target, pool, timeouts)
    const callout = calloutOf(cx)
    callout.tryTimeoutMs = timeouts.idleMs || null
    const stop = cx.onAbort((reason) => callout.abort(reason))
    const exchange = new UpstreamExchange(request, callout)
    try {
      sender.request(exchange)
      const response = await exchange.answer
      if (response.body) return { ...response, body: watchedBody(response.body, stop) }
      if (!response.tunnel) stop()
      return response
    } catch (thrown) {
      stop()
      throw thrown
    }
  }

  connect(cx: Context, target: NetworkTarget, timeouts: NetworkTimeouts): Promise<ByteStream> {
    return dial(cx, {
      target,
      connectMs: this.#connectMs(timeouts),
      shared: this.#sharedFor(timeouts),
      counters: this.#poolCounters(),
    })
  }

  exchange(stream: ByteStream, request: HttpRequest): Promise<HttpResponse> {
    return exchangeOn(stream, request, this.#options.shared.readerLimits)
  }

  serve(stream: ByteStream, cx: Context, handle: RequestHandler): void {
    serveOn(stream, cx, handle, { ...this.#options.model.limits, kind: 'request' })
  }

  /** Closes what is idle; what is busy closes when its exchange is over. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    for (const pool of this.#pools.values()) pool[Symbol.dispose]()
    this.#pools.clear()
  }

  #poolOf(target: NetworkTarget, pool: string, timeouts: NetworkTimeouts): UpstreamPool {
    if (this.#isDisposed) throw new ProxyError('UPSTREAM_RESET', 'the plugin is no longer configured')
    const key = JSON.stringify([target.host, target.port, pool, timeouts.connectMs, timeouts.idleMs])
    const known = this.#pools.get(key)
    if (known) this.#pools.delete(key)
    else this.#makeRoom()
    const made =
      known ??
      new UpstreamPool(target, {
        limits: poolLimits,
        connectMs: this.#connectMs(timeouts),
        counters: this.#poolCounters(),
        shared: this.#sharedFor(timeouts),
      })
    this.#pools.set(key, made)
    return made
  }

  #makeRoom(): void {
    if (this.#pools.size < maxPools) return
    for (const [key, pool] of this.#pools) {
      if (pool.open > pool.idle || pool.pending > 0) continue
      this.#pools.delete(key)
      pool[Symbol.dispose]()
      return
    }
    throw new ProxyError('UPSTREAM_OVERFLOW', `a plugin has ${maxPools} pools, and all are in use`)
  }

  #poolCounters(): PoolCounters {
    this.#counters ??= countersOf(this.#options)
    return this.#counters
  }

  #connectMs(timeouts: NetworkTimeouts): number {
    return timeouts.connectMs || this.#options.model.timeouts.connectMs
  }

  #sharedFor({ idleMs }: NetworkTimeouts): UpstreamShared {
    const { shared } = this.#options
    return idleMs ? { ...shared, bodyIdleMs: idleMs, streamIdleMs: idleMs } : shared
  }
}

/** An exchange of its own for a call-out: interim answers and the time limits of retries are the client's affair. */
function calloutOf(cx: Context): Context {
  return new Context({
    id: cx.id,
    peer: cx.peer,
    vars: cx.vars,
    log: cx.log,
    startedAt: cx.startedAt,
  })
}

function countersOf({ plugin, meter }: PluginNetworkOptions): PoolCounters {
  const labels = { cluster: `plugin ${plugin}` }
  return {
    opened: meter.counter('pillion_upstream_connections_total', labels),
    active: meter.gauge('pillion_upstream_connections_active', labels),
    overflow: meter.counter('pillion_upstream_overflow_total', labels),
    connectFailure: (code) => meter.counter('pillion_upstream_connect_failures_total', { ...labels, code }),
    traffic: null,
  }
}
