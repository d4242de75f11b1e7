import type { Context } from '../context.ts'
import type { Clock } from '../tools.ts'
import type { TokenBucket } from './token-bucket.ts'

/**
 * A token bucket, and a queue of exchanges that wait for its tokens, first come
 * first served. It has no bound of its own: ask before letting somebody
 * {@link join}. One timer serves all who wait, and there is none when nobody does.
 */
export class TokenQueue {
  readonly #bucket: TokenBucket
  readonly #clock: Clock
  /** In the order of coming. */
  readonly #waiters = new Set<() => void>()
  #stopTimer: (() => void) | null = null

  constructor(bucket: TokenBucket, clock: Clock) {
    this.#bucket = bucket
    this.#clock = clock
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size
  }

  /** Takes a token at once; false when there is none, or others have waited for it. */
  take(): boolean {
    return this.#waiters.size === 0 && this.#bucket.take()
  }

  /** How long who came now would wait for a token; infinite when none will ever come. */
  nextMs(): number {
    return this.#bucket.nextMs(this.#waiters.size + 1)
  }

  /** Resolves when the exchange has been given its token, or rejects with the reason when it is given up before. */
  join(cx: Context): Promise<void> {
    return new Promise((resolve, reject) => {
      if (cx.abortReason) {
        reject(cx.abortReason)
        return
      }
      const serve = () => {
        forget()
        resolve()
      }
      const forget = cx.onAbort((reason) => {
        this.#waiters.delete(serve)
        if (this.#waiters.size === 0) this.#disarm()
        reject(reason)
      })
      this.#waiters.add(serve)
      this.#arm()
    })
  }

  #arm(): void {
    if (this.#stopTimer || this.#waiters.size === 0) return
    // Timers drop parts of a millisecond: what is rounded down would come too early, and in vain.
    const ms = Math.max(1, Math.ceil(this.#bucket.nextMs(1)))
    this.#stopTimer = this.#clock.after(ms, () => {
      this.#stopTimer = null
      this.#serveAll()
      this.#arm()
    })
  }

  #disarm(): void {
    this.#stopTimer?.()
    this.#stopTimer = null
  }

  #serveAll(): void {
    for (const serve of this.#waiters) {
      if (!this.#bucket.take()) return
      this.#waiters.delete(serve)
      serve()
    }
  }
}
