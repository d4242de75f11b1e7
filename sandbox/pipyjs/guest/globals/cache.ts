/** How many entries a cache has at most when its script sets no size: keys often come from clients. */
const defaultSize = 10_000

interface Entry {
  readonly value: unknown
  readonly madeAt: number
}

/**
 * Values by key, made when they are first asked for. Keys are compared as they are: objects by
 * identity. What was not used for longest goes when there are too many.
 */
export class Cache {
  readonly #allocate: ((key: unknown) => unknown) | undefined
  readonly #free: ((key: unknown, value: unknown) => unknown) | undefined
  readonly #size: number
  readonly #ttlMs: number
  readonly #entries = new Map<unknown, Entry>()

  constructor(...given: unknown[]) {
    const [allocate, free] = given
    if (typeof allocate === 'function') this.#allocate = allocate as (key: unknown) => unknown
    if (typeof free === 'function') this.#free = free as (key: unknown, value: unknown) => unknown
    const options = given.find((one) => typeof one === 'object' && one !== null) as
      | { size?: unknown; ttl?: unknown }
      | undefined
    const size = Math.floor(Number(options?.size ?? 0))
    this.#size = size > 0 ? size : defaultSize
    const ttl = Number(options?.ttl ?? 0)
    this.#ttlMs = ttl > 0 ? ttl * 1_000 : 0
  }

  /** The value of a key; made if there is none. */
  get(key: unknown): unknown {
    const entry = this.#fresh(key)
    if (entry !== undefined) return entry.value
    const value = this.#allocate?.(key)
    this.#put(key, value)
    return value
  }

  /** The value of a key, or undefined. */
  find(key: unknown): unknown {
    return this.#fresh(key)?.value
  }

  /** Sets the value of a key. */
  set(key: unknown, value: unknown): void {
    this.#put(key, value)
  }

  /** Whether there is a value for a key. */
  has(key: unknown): boolean {
    return this.#fresh(key) !== undefined
  }

  /** Removes a key; whether it was there. */
  remove(key: unknown): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#free?.(key, entry.value)
    return true
  }

  /** Removes all keys. */
  clear(): void {
    const entries = [...this.#entries]
    this.#entries.clear()
    if (this.#free) for (const [key, { value }] of entries) this.#free(key, value)
  }

  #fresh(key: unknown): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (this.#ttlMs > 0 && Date.now() - entry.madeAt >= this.#ttlMs) {
      this.remove(key)
      return undefined
    }
    // The order matters only when there may soon be too many, and keeping it costs.
    if (this.#entries.size * 2 > this.#size) {
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
    return entry
  }

  #put(key: unknown, value: unknown): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, madeAt: this.#ttlMs > 0 ? Date.now() : 0 })
    if (this.#entries.size <= this.#size) return
    for (const oldest of this.#entries.keys()) {
      this.remove(oldest)
      break
    }
  }
}
