/** What {@link RepeatLimit} is made with. */
export interface RepeatLimitOptions {
  /** Lines with the same text that pass in one window. */
  readonly perWindow: number
  readonly windowMs: number
  /** Different texts that are remembered; the oldest is forgotten first. */
  readonly maxTexts: number
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** Told how many were held back, once for each text, when its window is over or it is forgotten. */
  readonly onHeldBack: (level: string, text: string, count: number) => void
}

interface Window {
  readonly level: string
  readonly text: string
  readonly startedAt: number
  passed: number
  heldBack: number
}

const maxKeyLength = 256

/** Lets a text pass so many times in a window and counts the rest. */
export class RepeatLimit {
  readonly #options: RepeatLimitOptions
  /** Oldest window first. Texts that agree in their first {@link maxKeyLength} characters count as one. */
  readonly #windows = new Map<string, Window>()
  #timer: NodeJS.Timeout | null = null

  constructor(options: RepeatLimitOptions) {
    this.#options = options
  }

  /** Whether this text may be written now; counts it if not. */
  passes(level: string, text: string): boolean {
    const { now, windowMs, maxTexts, perWindow } = this.#options
    const key = `${level} ${text.length > maxKeyLength ? text.slice(0, maxKeyLength) : text}`
    const at = now()
    let window = this.#windows.get(key)
    if (window && at - window.startedAt >= windowMs) {
      this.#forget(key, window)
      window = undefined
    }
    if (!window) {
      for (const [oldestKey, oldest] of this.#windows) {
        if (this.#windows.size < maxTexts) break
        this.#forget(oldestKey, oldest)
      }
      window = { level, text, startedAt: at, passed: 0, heldBack: 0 }
      this.#windows.set(key, window)
    }
    if (window.passed < perWindow) {
      window.passed += 1
      return true
    }
    window.heldBack += 1
    // Somebody must say the count even if the text never comes again.
    this.#timer ??= setTimeout(() => this.#sweep(), windowMs).unref()
    return false
  }

  #sweep(): void {
    this.#timer = null
    const { now, windowMs } = this.#options
    const at = now()
    let isWaiting = false
    for (const [key, window] of this.#windows) {
      if (at - window.startedAt >= windowMs) this.#forget(key, window)
      else if (window.heldBack > 0) isWaiting = true
    }
    if (isWaiting) this.#timer ??= setTimeout(() => this.#sweep(), windowMs).unref()
  }

  #forget(key: string, window: Window): void {
    this.#windows.delete(key)
    if (window.heldBack > 0) this.#options.onHeldBack(window.level, window.text, window.heldBack)
  }
}
