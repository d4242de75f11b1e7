/** How long to wait before modules that could not be had are asked for again. */
export interface RetryWaits {
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * Has the config loaded again while plugins that serve are without their modules: a registry that was away when a
 * pod started must not leave it without them. Waits longer each time, and keeps no process alive.
 */
export class ModuleRetry implements Disposable {
  readonly #reload: () => void
  readonly #waits: RetryWaits
  #timer: NodeJS.Timeout | null = null
  #failures = 0

  constructor(reload: () => void, waits: RetryWaits = { firstMs: 5_000, maxMs: 300_000 }) {
    this.#reload = reload
    this.#waits = waits
  }

  /** Told of each config that is accepted. */
  note(isModuleMissing: boolean): void {
    this[Symbol.dispose]()
    if (!isModuleMissing) {
      this.#failures = 0
      return
    }
    const waitMs = Math.min(this.#waits.maxMs, this.#waits.firstMs * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    this.#timer = setTimeout(this.#reload, waitMs).unref()
  }

  [Symbol.dispose](): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }
}
