interface Entry {
  value: unknown
  holders: number
}

/**
 * State that must outlive a push (buckets, breakers, balancers), by stable key.
 *
 * Every generation holds what it uses through a {@link SharedScope} of its own;
 * what no generation holds any more is forgotten, and disposed of if it has a
 * `Symbol.dispose`.
 */
export class SharedState {
  readonly #entries = new Map<string, Entry>()

  /** How many values are held; for tests and `/config_dump`. */
  get size(): number {
    return this.#entries.size
  }

  /** Opens the view of one generation. */
  scope(): SharedScope {
    return new SharedScope(this.#entries)
  }
}

/** What one generation holds of the {@link SharedState}. Dispose of it when the generation is gone. */
export class SharedScope implements Disposable {
  readonly #entries: Map<string, Entry>
  readonly #held = new Set<string>()

  constructor(entries: Map<string, Entry>) {
    this.#entries = entries
  }

  /**
   * The value under `key`, made by `make` if no generation holds one. The key
   * must contain everything that makes old state useless when it changes, such
   * as the limit of a bucket.
   */
  get<T>(key: string, make: () => T): T {
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = { value: make(), holders: 0 }
      this.#entries.set(key, entry)
    }
    if (!this.#held.has(key)) {
      this.#held.add(key)
      entry.holders += 1
    }
    return entry.value as T
  }

  [Symbol.dispose](): void {
    for (const key of this.#held) {
      const entry = this.#entries.get(key)
      if (!entry) continue
      entry.holders -= 1
      if (entry.holders > 0) continue
      this.#entries.delete(key)
      if (isDisposable(entry.value)) entry.value[Symbol.dispose]()
    }
    this.#held.clear()
  }
}

function isDisposable(value: unknown): value is Disposable {
  return typeof value === 'object' && value !== null && Symbol.dispose in value
}
