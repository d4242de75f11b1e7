/** Contexts that come from one: those of an exchange, and of its forks. */
export class Family {
  readonly id: number
  /** Few families have any. */
  #listeners: Set<() => void> | null = null
  #isDue = false

  constructor(id: number) {
    this.id = id
  }

  /** Calls `listener` each time that something has run in the family; the result ends it. */
  listen(listener: () => void): () => void {
    const listeners = this.#listeners ?? new Set()
    this.#listeners = listeners
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Something has run. Listeners are called soon, but not within what has run. */
  stir(): void {
    const listeners = this.#listeners
    if (listeners === null || listeners.size === 0 || this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      for (const listener of [...listeners]) if (listeners.has(listener)) listener()
    })
  }
}
