import type { Clock } from '../../chains/tools.ts'

/** After a slow restart there is none for so many times as long as it took. */
const rest = 10

/**
 * How fresh instances take the place of dead ones in the worker that carries traffic: an evaluation may take what
 * it has taken before, twice over, and one that takes longer than a call is not repeated at once. So a plugin
 * that dies again and again costs its worker a tenth of its time at most.
 */
export class Restarts {
  readonly #clock: Clock
  readonly #callMs: number
  readonly #mostMs: number
  /** What the first evaluation took. */
  #firstMs: number | null = null
  #notBefore = Number.NEGATIVE_INFINITY

  /** `mostMs` is what the first evaluation may take. */
  constructor(clock: Clock, callMs: number, mostMs: number) {
    this.#clock = clock
    this.#callMs = callMs
    this.#mostMs = mostMs
  }

  /** Whether the last one took so long that there is none yet. */
  get isHeldBack(): boolean {
    return this.#clock.now() < this.#notBefore
  }

  /** Calls `start` with the time that it may take, in milliseconds. */
  run<T>(start: (loadMs: number) => T): T {
    const loadMs =
      this.#firstMs === null
        ? this.#mostMs
        : Math.min(this.#mostMs, Math.max(this.#callMs, 2 * this.#firstMs))
    const begun = performance.now()
    try {
      return start(loadMs)
    } finally {
      const tookMs = performance.now() - begun
      if (this.#firstMs === null) this.#firstMs = tookMs
      else if (tookMs > this.#callMs) this.#notBefore = this.#clock.now() + rest * tookMs
    }
  }
}
