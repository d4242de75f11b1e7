/** Contexts that come from one: those of an exchange, and of its forks. */
export class Family {
  readonly id: number
  readonly #listeners = new Set<() => void>()
  #isDue = false

  constructor(id: number) {
    this.id = id
  }

  /** Calls `listener` each time that something has run in the family; the result ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Something has run. Listeners are called soon, but not within what has run. */
  stir(): void {
    if (this.#isDue || this.#listeners.size === 0) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener()
    })
  }
}
