import type { Context, Peer } from '../context.ts'
import type { HttpFilter, Next } from '../filter.ts'
import type { HttpRequest, HttpResponse } from '../http.ts'
import type { Direction, Model } from '../model.ts'
import { sendOrFailOver } from '../routing/failover.ts'
import { type PortRoutes, portRoutes } from '../routing/port-routes.ts'
import type { CompiledRoute, ServiceRoutes } from '../routing/service-routes.ts'
import type { Tools } from '../tools.ts'

/** The header in which sidecars say on whose behalf they call: `account.namespace`. */
const identityHeader = 'serviceidentity'

/**
 * Finds the service, the rule and the cluster of a request (FSM's
 * `*-http-routing`), and sends it to a cluster of weight 0 if the first failed.
 *
 * A request that nothing fits goes on without them, so that a plugin, or at
 * the end `fallback`, answers it.
 */
export function httpRouting(direction: Direction, tools: Tools, model: Model): HttpFilter {
  const ports = portRoutes(direction, tools, model)
  const identity = direction === 'outbound' ? model.identity.serviceIdentity : ''
  const { maxReplayBytes } = model.limits
  const isIngress = ingressTest()

  return (request, cx, next) => {
    const { vars } = cx
    const port = vars.port === null ? undefined : ports.get(vars.port.name)
    if (!port) return next(request, cx)
    if (port.ingress) vars.isIngress = isIngress(port, cx.peer)

    const routes = findService(port, request, vars.isIngress)
    const caller = request.headers.get(identityHeader) ?? ''
    const route = routes?.find(request, caller) ?? null
    if (!routes || !route) {
      vars.isDenied = port.unmatched === 'denied' || (routes?.isForOthers(request) ?? false)
      return next(request, cx)
    }
    vars.service = routes.service
    vars.route = route.rule
    vars.cluster = route.split.pick(cx)
    if (identity !== '') request.headers.set(identityHeader, identity)
    return route.split.canFailOver
      ? withFailover(request, cx, next, route, maxReplayBytes)
      : next(request, cx)
  }
}

/** The service that the Host header names. One that is reached as the default host is called by its own name. */
function findService(port: PortRoutes, request: HttpRequest, isIngress: boolean): ServiceRoutes | undefined {
  const found = port.hosts.find(request.headers.get('host') ?? '')
  if (found) return found
  if (isIngress && port.hosts.any) return port.hosts.any
  const { defaultHost } = port
  if (!defaultHost) return undefined
  if (defaultHost.rewriteHost !== '') request.headers.set('host', defaultHost.rewriteHost)
  return defaultHost.routes
}

function withFailover(
  request: HttpRequest,
  cx: Context,
  next: Next<HttpRequest, HttpResponse>,
  route: CompiledRoute,
  maxReplayBytes: number,
): Promise<HttpResponse> {
  return sendOrFailOver(
    request,
    cx,
    maxReplayBytes,
    (first) => next(first, cx),
    () => (second) => {
      cx.vars.cluster = route.split.pickStandby()
      cx.vars.target = null
      return next(second, cx)
    },
  )
}

/** Whether a connection comes from an ingress, found out once for each. */
function ingressTest(): (port: PortRoutes, peer: Peer) => boolean {
  const known = new WeakMap<Peer, boolean>()
  return (port, peer) => {
    const answer = known.get(peer) ?? port.ingress?.has(peer.remoteAddress) ?? false
    known.set(peer, answer)
    return answer
  }
}
