/**
 * What is to be done one after the other, as much of it in each turn of the event loop as fits into a
 * time: the first at once, what is left when the time is used up in the turns that follow.
 */
export class Turns implements Disposable {
  readonly #budgetMs: number
  readonly #waiting: (() => void)[] = []
  /** How many of those that wait have been done; they are taken off together. */
  #done = 0
  #usedMs = 0
  #next: NodeJS.Immediate | null = null

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs
  }

  /** Does something, now or later. It must not throw. */
  add(task: () => void): void {
    this.#waiting.push(task)
    if (this.#waiting.length - this.#done === 1) this.#drain()
  }

  [Symbol.dispose](): void {
    if (this.#next) clearImmediate(this.#next)
    this.#next = null
    this.#waiting.length = 0
    this.#done = 0
  }

  #drain(): void {
    while (this.#done < this.#waiting.length && this.#usedMs < this.#budgetMs) {
      const startedAt = performance.now()
      const task = this.#waiting[this.#done] as () => void
      task()
      this.#done += 1
      this.#usedMs += performance.now() - startedAt
    }
    if (this.#done >= this.#waiting.length) {
      this.#waiting.length = 0
      this.#done = 0
    }
    this.#next ??= setImmediate(() => this.#turn())
  }

  /** A turn begins: others have had theirs. What is done in it counts until the next one. */
  #turn(): void {
    this.#next = null
    const isIdle = this.#usedMs === 0
    this.#usedMs = 0
    if (!isIdle || this.#waiting.length > 0) this.#drain()
  }
}
