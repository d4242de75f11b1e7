import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { ScriptExchange } from './exchange.ts'

/** Call-outs of one instance that go on though their exchange is over; those beyond are given up. */
const maxLeft = 256

/**
 * The call-outs of one instance. What an exchange has begun goes on when it is over, because others of the
 * plugin may wait for the same answer. Each ends by its time limit; and clients who come and go
 * cannot have more of them than {@link maxLeft}, with what they hold in the guest.
 */
export class Callouts {
  /** Those whose exchange is over. */
  readonly #left = new Set<Context>()

  /** A call-out begins, which is given up by aborting it. Disposing of the result says that it is over. */
  begin(exchange: ScriptExchange, callout: Context): Disposable {
    if (exchange.endedAt === null) exchange.callouts.add(callout)
    else this.#leave(callout)
    return {
      [Symbol.dispose]: () => {
        exchange.callouts.delete(callout)
        this.#left.delete(callout)
      },
    }
  }

  /** Its exchange is over. */
  leave(exchange: ScriptExchange): void {
    if (!exchange.hasCallouts) return
    for (const callout of exchange.callouts) this.#leave(callout)
    exchange.callouts.clear()
  }

  /** The instance is dead: nobody waits for what these exchanges, and those before them, have begun. */
  end(exchanges: readonly ScriptExchange[], reason: ProxyError): void {
    for (const exchange of exchanges) {
      if (exchange.hasCallouts) for (const callout of [...exchange.callouts]) callout.abort(reason)
    }
    for (const callout of [...this.#left]) callout.abort(reason)
  }

  #leave(callout: Context): void {
    if (this.#left.size < maxLeft) this.#left.add(callout)
    else callout.abort(new ProxyError('CLIENT_GONE', 'the exchange is over'))
  }
}
