/** How often deadlines are looked at; a timeout may come this much late. */
const sweepMs = 100

/** Something that has deadlines. */
export interface Swept {
  /** Looks whether a deadline has passed. `now` is monotonic, in milliseconds. */
  sweep(now: number): void
}

/**
 * Looks after the deadlines of all connections of a worker with one timer.
 *
 * A connection notes what it waits for and since when, by {@link now}, which
 * costs a property read; a timer for each wait would cost more than parsing a
 * request. The timer runs only while something is swept.
 */
export class Sweeper {
  #now = 0
  readonly #swept = new Set<Swept>()
  #timer: NodeJS.Timeout | null = null

  /** Monotonic milliseconds, as of the last sweep: up to a tenth of a second old, never ahead. */
  get now(): number {
    // with nothing to sweep it stands still, and the next to come would seem to have waited all the while
    return this.#timer ? this.#now : performance.now()
  }

  /** Begins to look after `swept`, until {@link remove}. */
  add(swept: Swept): void {
    this.#swept.add(swept)
    if (this.#timer) return
    this.#now = performance.now()
    this.#timer = setInterval(() => this.#sweep(), sweepMs)
  }

  /** Stops looking after `swept`. */
  remove(swept: Swept): void {
    this.#swept.delete(swept)
    if (this.#swept.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #sweep(): void {
    this.#now = performance.now()
    for (const swept of this.#swept) swept.sweep(this.#now)
  }
}
