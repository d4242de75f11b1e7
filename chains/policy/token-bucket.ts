import type { Clock } from '../tools.ts'

/** How fast tokens come, and how many can wait. */
export interface TokenBucketOptions {
  /** Whole tokens that come in each window, evenly spread over it. */
  readonly amount: number
  /** Above 0. */
  readonly windowMs: number
  /** Tokens that the bucket holds at most; 0 or less takes `amount`. */
  readonly burst: number
}

/** A store of permits that refills by itself. */
export interface TokenBucket {
  /** Takes one token; false when there is none. */
  take(): boolean
  /** How long until the `count`th token from now is there, if those before it are taken; infinite when it never is. */
  nextMs(count: number): number
}

/**
 * A full bucket of tokens.
 *
 * It counts from an anchor in time, and moves that by whole windows only, so
 * that no rounding adds up however long it is never full. A clock that jumps
 * forward fills it and no more; one that jumps back neither gives nor takes.
 */
export function tokenBucket(options: TokenBucketOptions, clock: Clock): TokenBucket {
  const { amount, windowMs } = options
  const capacity = options.burst > 0 ? options.burst : amount
  /** When `missing` tokens were missing. */
  let anchor = clock.now()
  let missing = 0
  let seenAt = anchor

  const settle = (now: number): number => {
    if (now < seenAt) anchor -= seenAt - now
    seenAt = now
    const windows = Math.floor((now - anchor) / windowMs)
    if (windows > 0) {
      anchor += windows * windowMs
      missing -= windows * amount
    }
    const come = Math.floor(((now - anchor) * amount) / windowMs)
    if (come < missing) return missing - come
    // full: a part of a token that was on its way is not kept
    anchor = now
    missing = 0
    return 0
  }

  return {
    take() {
      const left = capacity - settle(clock.now())
      if (left < 1) return false
      missing += 1
      return true
    },
    nextMs(count) {
      const now = clock.now()
      settle(now)
      // counted, like the time, from the anchor
      const wanted = missing + count - capacity
      if (wanted <= 0) return 0
      return amount > 0 && capacity >= 1
        ? Math.max(0, anchor + (Math.ceil(wanted) * windowMs) / amount - now)
        : Number.POSITIVE_INFINITY
    },
  }
}
