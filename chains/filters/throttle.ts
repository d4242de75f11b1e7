import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { HttpFilter } from '../filter.ts'
import { HeaderList } from '../headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../http.ts'
import type { Direction, HttpRateLimit, PortRule, RouteRule, Service } from '../model.ts'
import { type TokenBucket, tokenBucket } from '../policy/token-bucket.ts'
import type { Counter } from '../telemetry.ts'
import type { Tools } from '../tools.ts'

/** A rate limit at work. */
interface Limit {
  readonly bucket: TokenBucket
  readonly headers: readonly string[]
  /** Ours, and FSM's. */
  readonly refused: readonly Counter[]
}

/**
 * Answers requests that are over the rate limit of their service, or of their
 * route, with the limit's status and headers, and no body.
 *
 * Each worker has its own bucket for each port, service and route; it outlives
 * pushes that leave the limit as it was. What has no limit passes at no cost.
 */
export function throttle(scope: 'service' | 'route', direction: Direction, tools: Tools): HttpFilter {
  const limitsByPort = new Map<PortRule | null, WeakMap<Service | RouteRule, Limit>>()

  const limitOf = (cx: Context, owner: Service | RouteRule, rate: HttpRateLimit): Limit => {
    const { port } = cx.vars
    let limits = limitsByPort.get(port)
    if (!limits) {
      limits = new WeakMap()
      limitsByPort.set(port, limits)
    }
    let limit = limits.get(owner)
    if (!limit) {
      limit = newLimit(scope, direction, tools, cx, rate)
      limits.set(owner, limit)
    }
    return limit
  }

  return (request, cx, next) => {
    const owner = scope === 'service' ? cx.vars.service : cx.vars.route
    const rate = owner?.rateLimit
    if (!owner || !rate) return next(request, cx)
    const limit = limitOf(cx, owner, rate)
    return limit.bucket.take() ? next(request, cx) : Promise.resolve(refuse(request, cx, rate, limit))
  }
}

function newLimit(
  scope: 'service' | 'route',
  direction: Direction,
  tools: Tools,
  cx: Context,
  rate: HttpRateLimit,
): Limit {
  const { port } = cx.vars
  const service = cx.vars.service?.name ?? ''
  const route = scope === 'route' ? cx.vars.route?.name : null
  const { requests, windowMs, burst } = rate
  const key = JSON.stringify([
    'throttle',
    direction,
    port?.name,
    service,
    scope,
    route,
    requests,
    windowMs,
    burst,
  ])
  return {
    bucket: tools.shared.get(key, () => tokenBucket({ amount: requests, windowMs, burst }, tools.clock)),
    headers: rate.headers.flat(),
    refused: [
      tools.meter.counter('pillion_throttled_total', { direction, service, scope }),
      tools.meter.counter('http_local_rate_limiter', { http_local_rate_limit: `throttle_${scope}` }),
    ],
  }
}

function refuse(request: HttpRequest, cx: Context, rate: HttpRateLimit, limit: Limit): HttpResponse {
  cx.refusal = 'THROTTLED'
  for (const counter of limit.refused) counter.add()
  request.body?.cancel(new ProxyError('THROTTLED', 'the request is over the rate limit'))
  return localResponse(rate.status, new HeaderList([...limit.headers]), null)
}
