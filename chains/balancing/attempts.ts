import type { Context } from '../context.ts'
import { asProxyError, type FailureCode } from '../failures.ts'
import type { Balancer } from './balancer.ts'
import type { Balancers } from './balancers.ts'
import type { Candidate } from './candidate.ts'

/** Failures after which an endpoint is passed over: nobody was there to take anything. */
const connectFailures: ReadonlySet<FailureCode> = new Set([
  'CONNECT_REFUSED',
  'CONNECT_TIMEOUT',
  'UNRESOLVED',
])

/** What trying one endpoint after the other needs to know. */
export interface Attempts<T> {
  readonly cx: Context
  readonly balancer: Balancer
  readonly balancers: Balancers
  /** Sends it to an endpoint. Rejects with a `ProxyError`. */
  send(candidate: Candidate): Promise<T>
  /** Whether an answer is as bad as none, so that a retry should go elsewhere. */
  isBad(answer: T): boolean
  /** The endpoint to try when all these were in vain, or null. */
  following(tried: ReadonlySet<Candidate>): Candidate | null
}

/**
 * Tries `first`, and the next endpoint as long as connections fail, each once.
 * Rejects with the last failure when there is no other.
 */
export async function tryInTurn<T>(attempts: Attempts<T>, first: Candidate): Promise<T> {
  const { cx, balancer, balancers } = attempts
  let candidate = first
  let tried: Set<Candidate> | null = null
  for (;;) {
    cx.vars.target = candidate.target
    if (balancer.countsOutstanding) balancers.borrow(cx, candidate)
    try {
      const answer = await attempts.send(candidate)
      candidate.welcome()
      if (attempts.isBad(answer)) balancers.noteFailure(cx, candidate)
      return answer
    } catch (thrown) {
      const failure = asProxyError(thrown)
      if (balancer.countsOutstanding) balancers.giveBack(cx)
      balancers.noteFailure(cx, candidate)
      if (!connectFailures.has(failure.code) || cx.abortReason) throw failure
      candidate.eject()
      tried ??= new Set()
      tried.add(candidate)
      const following = attempts.following(tried)
      if (!following) throw failure
      candidate = following
    }
  }
}
