import type { Context } from '../context.ts'
import type { Clock } from '../tools.ts'

/** The bounds between which waits grow, in milliseconds. */
export interface BackoffOptions {
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
}

/** Past this doubling every sensible base has met its maximum, and the power is still finite. */
const maxDoublings = 30

/**
 * How long to wait before retry number `retry` (1 is the first): anything from
 * 0 to the base doubled for each retry before it ("full jitter"), so that
 * callers who failed together do not come back together.
 */
export function backoffMs(options: BackoffOptions, retry: number, random: () => number): number {
  const ceiling = options.backoffBaseMs * 2 ** Math.min(retry - 1, maxDoublings)
  return random() * Math.min(ceiling, options.backoffMaxMs)
}

/** Waits, or rejects with the reason as soon as the exchange is given up. */
export function wait(ms: number, cx: Context, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    if (cx.abortReason) {
      reject(cx.abortReason)
      return
    }
    const forget = cx.onAbort((reason) => {
      stop()
      reject(reason)
    })
    const stop = clock.after(ms, () => {
      forget()
      resolve()
    })
  })
}
