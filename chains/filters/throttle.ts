import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { HttpFilter, Next } from '../filter.ts'
import { HeaderList } from '../headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../http.ts'
import type { Direction, Model, PortRule, RouteRule, Service } from '../model.ts'
import { tokenBucket } from '../policy/token-bucket.ts'
import { TokenQueue } from '../policy/token-queue.ts'
import type { HttpRateLimit } from '../rate-limits.ts'
import type { Counter } from '../telemetry.ts'
import type { Tools } from '../tools.ts'

/** A rate limit at work. */
interface Limit {
  readonly rate: HttpRateLimit
  readonly tokens: TokenQueue
  readonly headers: readonly string[]
  /** Ours, and FSM's. */
  readonly refused: readonly Counter[]
}

/**
 * Answers requests that are over the rate limit of their service, or of their
 * route, with the limit's status and headers, and no body. `Retry-After` says
 * when there is a token again, unless the limit has words of its own for that.
 * Where the limit has a backlog, as many as that says wait for a token instead.
 *
 * Each worker has its own bucket for each port, service and route; it outlives
 * pushes that leave the limit as it was. What has no limit passes at no cost.
 */
export function throttle(
  scope: 'service' | 'route',
  direction: Direction,
  tools: Tools,
  model: Model,
): HttpFilter {
  const limitsByPort = new Map<PortRule | null, WeakMap<Service | RouteRule, Limit>>()

  const limitOf = (
    port: PortRule | null,
    service: Service | null,
    owner: Service | RouteRule,
  ): Limit | null => {
    if (!owner.rateLimit) return null
    let limits = limitsByPort.get(port)
    if (!limits) {
      limits = new WeakMap()
      limitsByPort.set(port, limits)
    }
    let limit = limits.get(owner)
    if (!limit) {
      const route = scope === 'route' ? owner.name : null
      const place = { direction, port: port?.name, service: service?.name ?? '', scope, route }
      limit = newLimit(place, tools, owner.rateLimit)
      limits.set(owner, limit)
    }
    return limit
  }

  // before the first request: an old generation that ends meanwhile would take the buckets with it
  for (const port of model[direction].ports) {
    for (const service of servicesOf(port)) {
      for (const owner of scope === 'service' ? [service] : service.routes) limitOf(port, service, owner)
    }
  }

  return (request, cx, next) => {
    const { port, service, route } = cx.vars
    const owner = scope === 'service' ? service : route
    const limit = owner?.rateLimit ? limitOf(port, service, owner) : null
    if (!limit || limit.tokens.take()) return next(request, cx)
    return mayWait(limit) ? sendInTurn(request, cx, next, limit) : Promise.resolve(refuse(request, cx, limit))
  }
}

function servicesOf({ http }: PortRule): ReadonlySet<Service> {
  const entries = http ? Object.values(http.hosts) : []
  if (http?.defaultHost) entries.push(http.defaultHost)
  return new Set(entries.map(({ service }) => service))
}

/** What a limit is for. */
interface Place {
  readonly direction: Direction
  readonly port: string | undefined
  readonly service: string
  readonly scope: 'service' | 'route'
  readonly route: string | null
}

function newLimit(place: Place, tools: Tools, rate: HttpRateLimit): Limit {
  const { direction, port, service, scope, route } = place
  const { requests, windowMs, burst } = rate
  const key = JSON.stringify(['throttle', direction, port, service, scope, route, requests, windowMs, burst])
  return {
    rate,
    tokens: tools.shared.get(
      key,
      () => new TokenQueue(tokenBucket({ amount: requests, windowMs, burst }, tools.clock), tools.clock),
    ),
    headers: rate.headers.flat(),
    refused: [
      tools.meter.counter('pillion_throttled_total', { direction, service, scope }),
      tools.meter.counter('http_local_rate_limiter', { http_local_rate_limit: `throttle_${scope}` }),
    ],
  }
}

function mayWait({ rate: { backlog }, tokens }: Limit): boolean {
  return backlog !== null && tokens.waiting < backlog.requests && tokens.nextMs() <= backlog.waitMs
}

async function sendInTurn(
  request: HttpRequest,
  cx: Context,
  next: Next<HttpRequest, HttpResponse>,
  limit: Limit,
): Promise<HttpResponse> {
  await limit.tokens.join(cx)
  return next(request, cx)
}

function refuse(request: HttpRequest, cx: Context, limit: Limit): HttpResponse {
  cx.refusal = 'THROTTLED'
  for (const counter of limit.refused) counter.add()
  request.body?.cancel(new ProxyError('THROTTLED', 'the request is over the rate limit'))
  const headers = new HeaderList([...limit.headers])
  const waitMs = limit.tokens.nextMs()
  if (Number.isFinite(waitMs) && !headers.has('retry-after')) {
    headers.append('Retry-After', String(Math.max(1, Math.ceil(waitMs / 1_000))))
  }
  return localResponse(limit.rate.status, headers, null)
}
