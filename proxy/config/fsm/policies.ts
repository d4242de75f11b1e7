import type { BreakerPolicy, RetryPolicy } from '../../../chains/model.ts'
import type { ConnectionLimit, HttpRateLimit } from '../../../chains/rate-limits.ts'
import { defaults, fsmDefaults } from '../defaults.ts'
import type { FsmBreaker, FsmConnectionLimit, FsmHttpLimit, FsmOutboundCluster } from './shapes.ts'

/** Seconds as FSM has them, which may be fractions, in milliseconds. */
export const milliseconds = (seconds: number): number => Math.round(seconds * 1_000)

/** FSM's request limits; null when there are none. */
export function httpLimit(limit: FsmHttpLimit | null): HttpRateLimit | null {
  const local = limit?.Local
  if (!local) return null
  return {
    requests: local.Requests,
    windowMs: milliseconds(local.StatTimeWindow),
    burst: local.Burst || local.Requests,
    status: local.ResponseStatusCode || defaults.rateLimitStatus,
    headers: (local.ResponseHeadersToAdd ?? []).map(({ Name, Value }) => [Name, Value] as const),
    backlog: local.Backlog ? { requests: local.Backlog, waitMs: fsmDefaults.backlogWaitMs } : null,
  }
}

/** FSM's limit of new connections; null when there is none. */
export function connectionLimit(limit: FsmConnectionLimit | null): ConnectionLimit | null {
  const local = limit?.Local
  if (!local) return null
  return {
    connections: local.Connections,
    windowMs: milliseconds(local.StatTimeWindow),
    burst: local.Burst || local.Connections,
  }
}

/**
 * FSM's retry policy; null without `NumRetries`. Its delay is `min(base, 1)`
 * seconds, doubled each time up to ten times that.
 */
export function retryPolicy(cluster: FsmOutboundCluster): RetryPolicy | null {
  const given = cluster.RetryPolicy
  if (!given?.NumRetries) return null
  const base = Math.min(given.RetryBackoffBaseInterval ?? fsmDefaults.retryBackoffSeconds, 1)
  const maxRetries = cluster.ConnectionSettings?.http?.MaxRetries
  return {
    statuses: statusesOf(given.RetryOn || fsmDefaults.retryOn),
    retries: given.NumRetries,
    perTryTimeoutMs: given.PerTryTimeout ? milliseconds(given.PerTryTimeout) : null,
    backoffBaseMs: milliseconds(base),
    backoffMaxMs: milliseconds(base * fsmDefaults.retryBackoffSteps),
    // FSM's MaxRetries is an absolute bound on retries in flight.
    budgetRatio: maxRetries ? 0 : defaults.retry.budgetRatio,
    budgetMinimum: maxRetries || defaults.retry.budgetMinimum,
    retryNonIdempotent: true,
  }
}

/** `503,5xx`: codes and classes; words that are neither (Envoy has some) are passed over, as FSM does. */
export function statusesOf(retryOn: string): readonly number[] {
  const statuses = new Set<number>()
  for (const word of retryOn.split(',').map((part) => part.trim())) {
    if (/^[1-5]xx$/.test(word)) {
      const first = Number(word[0]) * 100
      for (let status = first; status < first + 100; status += 1) statuses.add(status)
    } else if (/^[1-5][0-9]{2}$/.test(word)) statuses.add(Number(word))
  }
  return [...statuses].toSorted((a, b) => a - b)
}

/** FSM's circuit breaker with its defaults; 0 is as good as missing, as in its scripts. */
export function breakerPolicy(given: FsmBreaker | null): BreakerPolicy | null {
  if (!given) return null
  const usual = defaults.breaker
  const ms = (seconds: number | null, otherwise: number) => (seconds ? milliseconds(seconds) : otherwise)
  return {
    windowMs: ms(given.StatTimeWindow, usual.windowMs),
    minRequests: given.MinRequestAmount || usual.minRequests,
    openMs: ms(given.DegradedTimeWindow, usual.openMs),
    slowMs: ms(given.SlowTimeThreshold, usual.slowMs),
    slowAmount: given.SlowAmountThreshold || null,
    slowRatio: given.SlowRatioThreshold || null,
    errorAmount: given.ErrorAmountThreshold || null,
    errorRatio: given.ErrorRatioThreshold || null,
    status: given.DegradedStatusCode || fsmDefaults.breakerStatus,
    body: given.DegradedResponseContent || fsmDefaults.breakerBody,
    halfOpenRequests: usual.halfOpenRequests,
  }
}
