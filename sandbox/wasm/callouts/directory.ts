import type { ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { tryInTurn } from '../../../chains/balancing/attempts.ts'
import { Balancers } from '../../../chains/balancing/balancers.ts'
import { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { HttpFilter } from '../../../chains/filter.ts'
import { httpLoadBalancing } from '../../../chains/filters/load-balancing.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import type { Cluster, Direction } from '../../../chains/model.ts'
import type { PluginGrants, PluginSpec } from '../../../chains/plugins.ts'
import { newVariables } from '../../../chains/variables.ts'
import type { PluginHost } from '../../plugin/contract.ts'
import { grantsOf, mayConnect, readTarget, targetText } from '../../plugin/grants.ts'
import type { NetworkTarget } from '../../plugin/network.ts'
import { SessionPool } from './grpc/sessions.ts'

/** Something that call-outs can be sent to. */
export interface Destination {
  /** Sends a request, and resolves with the head of its answer. Rejects with a `ProxyError`. */
  request(request: HttpRequest, cx: Context): Promise<HttpResponse>
  /** Opens an HTTP/2 stream on a pooled session. Without `:authority` in `headers` it is that of the endpoint. Rejects with a `ProxyError`. */
  stream(headers: OutgoingHttpHeaders, cx: Context): Promise<ClientHttp2Stream>
}

/** How clusters of one direction are reached. */
interface Route {
  readonly send: HttpFilter
  readonly balancers: Balancers
}

const pool = 'proxy-wasm'
/** The time limits are those of the sidecar: a pool is shared by calls with whatever time limit of their own. */
const usualTimeouts = { connectMs: 0, idleMs: 0 }
const directions = ['outbound', 'inbound'] as const

/** Finds what the names mean by which a plugin calls out. Holds the HTTP/2 sessions; disposing of it cuts them. */
export class Directory implements Disposable {
  readonly #spec: PluginSpec
  readonly #host: PluginHost
  readonly #sessions: SessionPool
  /** Made when first needed: most plugins call nobody. */
  readonly #routes = new Map<Direction, Route>()
  #grants: PluginGrants | null = null
  #contexts = 0

  constructor(spec: PluginSpec, host: PluginHost) {
    this.#spec = spec
    this.#host = host
    this.#sessions = new SessionPool(host.tools.clock, () => this.newContext())
  }

  /** A cluster of that name, outbound before inbound; else `host[:port]` if the plugin may connect there; else null. */
  find(name: string): Destination | null {
    const { model } = this.#host
    for (const direction of directions) {
      const { clusters } = model[direction]
      const cluster = Object.hasOwn(clusters, name) ? clusters[name] : undefined
      if (cluster) return this.#clusterDestination(direction, cluster)
    }
    const target = readTarget(name) ?? readTarget(`${name}:80`)
    this.#grants ??= grantsOf(this.#spec, model)
    return target && mayConnect(this.#grants, target) ? this.#targetDestination(target) : null
  }

  /** The context of one call-out: an exchange without a client, which ends by itself. */
  newContext(): Context {
    const { clock, log } = this.#host.tools
    this.#contexts += 1
    return new Context({
      id: `call-out-${this.#spec.name}-${this.#contexts}`,
      peer: {
        id: 0,
        direction: 'outbound',
        remoteAddress: '',
        remotePort: 0,
        localAddress: '',
        localPort: 0,
        destinationAddress: '',
        destinationPort: 0,
        choices: new Map(),
      },
      vars: newVariables(null, false),
      log,
      startedAt: clock.now(),
    })
  }

  [Symbol.dispose](): void {
    this.#sessions[Symbol.dispose]()
  }

  #clusterDestination(direction: Direction, cluster: Cluster): Destination {
    const { send, balancers } = this.#routeOf(direction)
    const { upstream } = this.#host.tools
    const nobody = (): ProxyError => new ProxyError('NO_ENDPOINT', `cluster ${cluster.name} has no endpoint`)
    return {
      request(request, cx) {
        cx.vars.cluster = cluster
        return send(request, cx, () => Promise.reject(nobody()))
      },
      stream: async (headers, cx) => {
        const balancer = balancers.of(cluster)
        const first = balancer.pick(cx, null)
        if (!first) throw nobody()
        return tryInTurn(
          {
            cx,
            balancer,
            balancers,
            send: ({ endpoint }) => {
              const key = `${direction} ${cluster.name} ${endpoint.address} ${endpoint.viaGateway}`
              const addressed = { ':authority': endpoint.address, ...headers }
              const dial = (own: Context) => upstream.connect(own, cluster, endpoint)
              return this.#sessions.stream(key, dial, addressed, cx)
            },
            isBad: () => false,
            following: (tried) => balancer.pick(cx, null, tried),
          },
          first,
        )
      },
    }
  }

  #targetDestination(target: NetworkTarget): Destination {
    const { network } = this.#host
    const address = targetText(target)
    const dial = (own: Context) => network.connect(own, target, usualTimeouts)
    return {
      request: (request, cx) => network.request(request, cx, target, pool, usualTimeouts),
      stream: (headers, cx) =>
        this.#sessions.stream(`target ${address}`, dial, { ':authority': address, ...headers }, cx),
    }
  }

  #routeOf(direction: Direction): Route {
    const known = this.#routes.get(direction)
    if (known) return known
    const { tools, model } = this.#host
    const made = {
      send: httpLoadBalancing(direction, tools, model),
      balancers: new Balancers(direction, tools, model[direction], 'http'),
    }
    this.#routes.set(direction, made)
    return made
  }
}
