import type { Balancing, BreakerPolicy, ConnectionPoolLimits, RetryPolicy } from '../../../chains/model.ts'
import type { ConnectionLimit, HttpRateLimit } from '../../../chains/rate-limits.ts'
import { defaults, unlimited } from '../defaults.ts'
import { orList } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type {
  BalancingSpec,
  BreakerSpec,
  ConnectionLimitSpec,
  ConnectionsSpec,
  RateLimitSpec,
  RetrySpec,
} from './policy-shapes.ts'

/** How endpoints are chosen. */
export function balancingOf(spec: BalancingSpec | null, faults: FaultList): Balancing {
  if (spec === null) return defaults.balancing
  if (typeof spec === 'string') return { ...defaults.balancing, policy: spec }
  const isOfNoUse = spec.hashHeader !== null && spec.policy !== 'ring-hash'
  if (isOfNoUse && !faults.isRefused(faults.pathOf(spec), 'policy')) {
    faults.add(faults.pathOf(spec, 'hashHeader'), 'has a meaning only with policy: ring-hash')
  }
  return { policy: spec.policy, hashHeader: spec.hashHeader, sticky: spec.sticky }
}

/** The limits of the connections to one endpoint. */
export function connectionsOf(spec: ConnectionsSpec | null): ConnectionPoolLimits {
  if (spec === null) return defaults.pool
  return {
    maxConnections: spec.max,
    maxRequestsPerConnection: spec.requestsPerConnection ?? unlimited,
    maxPendingRequests: spec.pending,
    idleMs: spec.idle,
  }
}

/** When requests are tried again; null is never. */
export function retryOf(spec: RetrySpec | null): RetryPolicy | null {
  if (spec === null) return null
  const statuses = spec.on.flatMap((status) => {
    if (typeof status === 'number') return [status]
    const first = status === '4xx' ? 400 : 500
    return Array.from({ length: 100 }, (_, i) => first + i)
  })
  return {
    statuses: [...new Set(statuses)].toSorted((a, b) => a - b),
    retries: spec.retries,
    perTryTimeoutMs: spec.perTryTimeout,
    backoffBaseMs: spec.backoffBase,
    backoffMaxMs: Math.max(spec.backoffBase, spec.backoffMax),
    budgetRatio: spec.budgetRatio,
    budgetMinimum: spec.budgetMinimum,
    retryNonIdempotent: spec.nonIdempotent,
  }
}

/** When a cluster is left alone for a while; null is never. */
export function breakerOf(spec: BreakerSpec | null, faults: FaultList): BreakerPolicy | null {
  if (spec === null) return null
  const { errorRatio, errorAmount, slowRatio, slowAmount } = spec
  const thresholds = { errorRatio, errorAmount, slowRatio, slowAmount }
  const names = Object.keys(thresholds)
  const neverOpens = Object.values(thresholds).every((threshold) => threshold === null)
  if (neverOpens && !faults.isRefused(faults.pathOf(spec), ...names)) {
    faults.add(faults.pathOf(spec), `never opens: expected ${orList(names)}`)
  }
  return {
    windowMs: spec.window,
    minRequests: spec.minRequests,
    openMs: spec.open,
    slowMs: spec.slow,
    slowAmount,
    slowRatio,
    errorAmount,
    errorRatio,
    status: spec.status,
    body: spec.body,
    halfOpenRequests: spec.halfOpenRequests,
  }
}

/** Requests per time. */
export function rateLimitOf(spec: RateLimitSpec | null, faults: FaultList): HttpRateLimit | null {
  if (spec === null) return null
  return {
    requests: spec.requests,
    windowMs: windowOf(spec, faults),
    burst: spec.burst ?? spec.requests,
    status: spec.status,
    headers: Object.entries(spec.headers),
    backlog: null,
  }
}

/** New connections per time. */
export function connectionLimitOf(
  spec: ConnectionLimitSpec | null,
  faults: FaultList,
): ConnectionLimit | null {
  if (spec === null) return null
  return {
    connections: spec.connections,
    windowMs: windowOf(spec, faults),
    burst: spec.burst ?? spec.connections,
  }
}

function windowOf(spec: { readonly per: number }, faults: FaultList): number {
  if (spec.per === 0) faults.add(faults.pathOf(spec, 'per'), 'is 0: expected a time window such as 1s')
  return spec.per
}
