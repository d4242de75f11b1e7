import { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'

/**
 * A context of its own for what a plugin does beside an exchange: what it sends
 * ends with the exchange, but tells its client nothing, and is no part of its
 * outcome. The variables are the same, or a copy. {@link finishDerived} ends it.
 */
export function deriveContext(cx: Context, hasOwnVariables: boolean): Context {
  const derived = new Context({
    id: { nextId: () => cx.id },
    peer: cx.peer,
    vars: hasOwnVariables ? { ...cx.vars } : cx.vars,
    log: cx.log,
    startedAt: cx.startedAt,
  })
  const forget = cx.onAbort((reason) => derived.abort(reason))
  derived.onEnd(() => forget())
  return derived
}

/** Tells those who registered with a derived context that it is over. */
export function finishDerived(derived: Context, error: ProxyError | null, now: number): void {
  if (error) derived.abort(error)
  derived.finish({
    status: 0,
    error,
    response: null,
    receivedBytes: 0,
    sentBytes: 0,
    durationMs: now - derived.startedAt,
  })
}
