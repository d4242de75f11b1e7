/** How often deadlines are looked at; a timeout may come this much late. */
const sweepMs = 100

/** A sweep that comes later than this was held up, with all that it looks after. */
const lateMs = 2 * sweepMs

/** Something that has deadlines. */
export interface Swept {
  /** Looks whether a deadline has passed. `now` is {@link Sweeper.now}. */
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
  /** When it last swept, by the clock. */
  #sweptAt = 0
  readonly #swept = new Set<Swept>()
  #timer: NodeJS.Timeout | null = null

  /**
   * Milliseconds that went by up to the last sweep, for comparing with each
   * other alone. Time in which the process did not run (a container that is
   * throttled, a suspended machine) is left out: what came meanwhile still waits
   * in the kernel, and would seem never to have come.
   */
  get now(): number {
    return this.#now
  }

  /** Begins to look after `swept`, until {@link remove}. */
  add(swept: Swept): void {
    this.#swept.add(swept)
    if (this.#timer) return
    this.#sweptAt = performance.now()
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
    const sweptAt = performance.now()
    this.#now += Math.min(sweptAt - this.#sweptAt, lateMs)
    this.#sweptAt = sweptAt
    for (const swept of this.#swept) swept.sweep(this.#now)
  }
}
