import { type Attempts, tryInTurn } from '../balancing/attempts.ts'
import type { Balancer } from '../balancing/balancer.ts'
import { Balancers } from '../balancing/balancers.ts'
import type { Candidate } from '../balancing/candidate.ts'
import type { Context } from '../context.ts'
import type { HttpFilter } from '../filter.ts'
import type { HttpRequest, HttpResponse } from '../http.ts'
import type { Cluster, Direction, Model } from '../model.ts'
import { sendOrFailOver } from '../routing/failover.ts'
import type { Tools } from '../tools.ts'

/**
 * Chooses an endpoint of the cluster and sends the request there (FSM's
 * `*-http-load-balancing`). Goes on in the chain only if there is no endpoint.
 *
 * An endpoint that cannot be connected to is followed by the next. Unless the
 * cluster has retries of its own, an answer that is missing or above 499 sends
 * the request once more, to an endpoint of weight 0.
 */
export function httpLoadBalancing(direction: Direction, tools: Tools, model: Model): HttpFilter {
  const balancers = new Balancers(direction, tools, model[direction], 'http')
  const { maxReplayBytes } = model.limits

  const toEndpoints = (
    request: HttpRequest,
    cx: Context,
    cluster: Cluster,
    balancer: Balancer,
    first: Candidate,
  ): Promise<HttpResponse> => {
    const { isEgress } = cx.vars
    if (balancer.isAlone) {
      cx.vars.target = first.target
      cx.vars.isEgress = isEgress || first.isOutside
      return tools.upstream.request(requestFor(first, request, cx), cx, cluster, first.endpoint)
    }
    const attempts: Attempts<HttpResponse> = {
      cx,
      balancer,
      balancers,
      send(candidate) {
        cx.vars.isEgress = isEgress || candidate.isOutside
        return tools.upstream.request(requestFor(candidate, request, cx), cx, cluster, candidate.endpoint)
      },
      isBad: ({ status }) => status > 499,
      following: (tried) => (request.body?.isTaken ? null : balancer.pick(cx, request.headers, tried)),
    }
    return tryInTurn(attempts, first)
  }

  return (request, cx, next) => {
    const { cluster } = cx.vars
    if (cluster === null) return next(request, cx)
    const balancer = balancers.of(cluster)
    const first = pickFresh(balancer, balancers, request, cx)
    if (first === null) return next(request, cx)
    if (!balancer.hasStandby || first.endpoint.weight <= 0 || (cluster.retry?.retries ?? 0) > 0) {
      return toEndpoints(request, cx, cluster, balancer, first)
    }
    return sendOrFailOver(
      request,
      cx,
      maxReplayBytes,
      (copy) => toEndpoints(copy, cx, cluster, balancer, first),
      () => {
        const standby = balancer.pickStandby(balancers.failedFor(cx))
        return standby && ((copy) => toEndpoints(copy, cx, cluster, balancer, standby))
      },
    )
  }
}

/** The endpoint to begin with. Not the one where this exchange has failed before, if there is another. */
function pickFresh(
  balancer: Balancer,
  balancers: Balancers,
  request: HttpRequest,
  cx: Context,
): Candidate | null {
  // no target yet is no earlier attempt: the usual case costs no look-up
  if (cx.vars.target === null) return balancer.pick(cx, request.headers)
  return balancer.pick(cx, request.headers, balancers.failedFor(cx)) ?? balancer.pick(cx, request.headers)
}

/** The request as this endpoint must see it; the one that was given stays as it is, for the next endpoint. */
function requestFor({ endpoint }: Candidate, request: HttpRequest, cx: Context): HttpRequest {
  const { pathPrefix, viaGateway, address } = endpoint
  if (pathPrefix === null && viaGateway === null) return request
  const headers = request.headers.clone()
  if (viaGateway !== null) {
    const service = cx.vars.service?.name ?? ''
    headers.set('fgw-forwarded-host', headers.get('host') ?? '')
    headers.set('fgw-forwarded-target', address)
    headers.set('fgw-forwarded-service', service.split('.', 1)[0] ?? '')
  }
  return { ...request, headers, path: prefixed(pathPrefix ?? '', request.path) }
}

/** `*` and the authority of CONNECT are no paths, and stay as they are. */
function prefixed(prefix: string, path: string): string {
  if (!path.startsWith('/')) return path
  return (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix) + path
}
