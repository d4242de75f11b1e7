import { tryInTurn } from '../balancing/attempts.ts'
import { Balancers } from '../balancing/balancers.ts'
import type { Context } from '../context.ts'
import type { TcpFilter } from '../filter.ts'
import { parseAddress } from '../ip-ranges.ts'
import type { Cluster, Direction, Model } from '../model.ts'
import type { Tools } from '../tools.ts'

/**
 * Chooses an endpoint of the cluster and connects to it (FSM's
 * `*-tcp-load-balancing`), or to the next if that fails. A connection from the
 * application for which there is none goes where it was going, if it may.
 */
export function tcpLoadBalancing(direction: Direction, tools: Tools, model: Model): TcpFilter {
  const balancers = new Balancers(direction, tools, model[direction], 'tcp')
  const { allowEgress } = model[direction]

  return (stream, cx, next) => {
    const { cluster, port } = cx.vars
    const balancer = cluster && balancers.of(cluster)
    const first = balancer?.pick(cx, null) ?? null
    if (cluster && balancer && first) {
      return tryInTurn(
        {
          cx,
          balancer,
          balancers,
          send: (candidate) => tools.upstream.connect(cx, cluster, candidate.endpoint),
          isBad: () => false,
          following: (tried) => balancer.pick(cx, null, tried),
        },
        first,
      )
    }
    const mayLeave = direction === 'outbound' && (port?.tcp?.allowEgress || allowEgress)
    const outside = mayLeave ? originalDestination(cx) : null
    if (!outside) return next(stream, cx)
    const [endpoint] = outside.endpoints
    if (!endpoint) return next(stream, cx)
    cx.vars.isEgress = true
    cx.vars.cluster = outside
    cx.vars.target = endpoint.address
    return tools.upstream.connect(cx, outside, endpoint)
  }
}

/** Where the connection was going, as a cluster; null when nobody said, or when it was going to this very listener. */
function originalDestination({ peer }: Context): Cluster | null {
  const { destinationAddress: host, destinationPort: port } = peer
  const words = parseAddress(host)
  if (port === 0 || !words) return null
  const own = parseAddress(peer.localAddress)
  if (port === peer.localPort && String(words) === String(own)) return null
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return {
    // as scripts know it; metrics must not, or callers would choose how many labels there are
    name: address,
    endpoints: [{ address, host, port, weight: 1, pathPrefix: null, viaGateway: null }],
    balancing: { policy: 'round-robin', hashHeader: null, sticky: 'request' },
    connections: { maxConnections: 1, maxRequestsPerConnection: 0, maxPendingRequests: 0, idleMs: 0 },
    connectTimeoutMs: null,
    retry: null,
    breaker: null,
    script: { name: address },
  }
}
