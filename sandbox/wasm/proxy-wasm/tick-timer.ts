import type { Clock } from '../../../chains/tools.ts'

/** Calls again and again after a period, until it is stopped. */
export class TickTimer implements Disposable {
  readonly #clock: Clock
  readonly #tick: () => void
  #cancel: (() => void) | null = null

  constructor(clock: Clock, tick: () => void) {
    this.#clock = clock
    this.#tick = tick
  }

  /** Takes the place of the period before; the first call comes one period from now. 0 stops. */
  set(ms: number): void {
    this[Symbol.dispose]()
    if (ms > 0) this.#after(Math.min(ms, mostMs))
  }

  [Symbol.dispose](): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #after(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      // Before the call, which may set another period.
      this.#after(ms)
      this.#tick()
    })
  }
}

/** What timers of the platform can wait for. */
const mostMs = 2 ** 31 - 1
