import { type FailureCode, ProxyError } from '../failures.ts'
import type { HttpResponse } from '../http.ts'
import type { RetryPolicy } from '../model.ts'
import { idempotentMethods } from '../syntax.ts'

/** Upstream failures that would only come again, or for which no time is left. */
const hopelessFailures: ReadonlySet<FailureCode> = new Set(['NO_ENDPOINT', 'CIRCUIT_OPEN', 'REQUEST_TIMEOUT'])

/**
 * Statuses that say that nothing was done: the request came too slowly (408),
 * to the wrong server (421), too early (425; RFC 8470), or too often (429).
 */
const undoneStatuses: ReadonlySet<number> = new Set([408, 421, 425, 429])

/** What one cluster tries again. */
export interface Repeatable {
  /** Whether this answer is to be dropped, and its request sent again. */
  isAnswer(response: HttpResponse, method: string): boolean
  /** Whether what was thrown is a failure after which the request may be sent again. */
  isFailure(thrown: unknown, method: string): boolean
}

/**
 * Decides what is safe to send again.
 *
 * Idempotent methods: every upstream failure, and every status that the policy
 * lists. The others: failures that left nothing sent; of the listed statuses
 * only those that say that nothing was done, which are 408, 421, 425, 429, and
 * 503 with `Retry-After`. (A bare 503 says nothing: gateways answer so too when
 * they lost an upstream half-way.) `retryNonIdempotent` lifts the difference.
 */
export function repeatable(policy: RetryPolicy): Repeatable {
  const statuses = new Set(policy.statuses)
  const isFree = (method: string) => policy.retryNonIdempotent || idempotentMethods.has(method)
  return {
    isAnswer: (response, method) =>
      statuses.has(response.status) && (isFree(method) || saysNothingDone(response)),
    isFailure: (thrown, method) =>
      thrown instanceof ProxyError &&
      thrown.traits.blame === 'upstream' &&
      !hopelessFailures.has(thrown.code) &&
      (thrown.traits.unsent || isFree(method)),
  }
}

function saysNothingDone({ status, headers }: HttpResponse): boolean {
  return undoneStatuses.has(status) || (status === 503 && headers.has('retry-after'))
}
