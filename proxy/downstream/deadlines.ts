import { ProxyError } from '../../chains/failures.ts'
import type { Timeouts } from '../../chains/settings.ts'
import type { HttpExchange } from './http-exchange.ts'

/** What a client connection waits for while an exchange is on it. */
export interface Waits {
  /** How long nothing came or went, in milliseconds. */
  readonly waited: number
  /** How long the client has not taken what it was sent, in milliseconds; 0 when nothing waits. */
  readonly untaken: number
  /** Whether the rest of the body is what all wait for. */
  readonly awaitsBody: boolean
  /** Whether the client has sent its FIN. */
  readonly hasEnded: boolean
}

/** Why an exchange has to be given up now, or null. `now` is the clock by which it was started. */
export function overdue(
  exchange: HttpExchange,
  { waited, untaken, awaitsBody, hasEnded }: Waits,
  { idleMs, requestMs: usualMs }: Timeouts,
  now: number,
): ProxyError | null {
  const requestMs = exchange.cx.vars.route?.requestTimeoutMs ?? usualMs
  if (requestMs > 0 && now - exchange.startedAt > requestMs) {
    return new ProxyError('REQUEST_TIMEOUT', `no whole answer within ${requestMs} ms`)
  }
  if (idleMs === 0) return null
  if (untaken > idleMs) return new ProxyError('CLIENT_GONE', `the client took nothing for ${idleMs} ms`)
  if (waited <= idleMs || untaken > 0) return null
  if (hasEnded && !exchange.isAnswering) {
    // a client that gave up looks like one that only has no more to say; silence tells them apart
    return new ProxyError('CLIENT_GONE', `the client has closed its side for ${idleMs} ms`)
  }
  if (!awaitsBody) return null
  return new ProxyError('REQUEST_BODY_TIMEOUT', `nothing of the body came for ${idleMs} ms`)
}
