/**
 * What plugins remember beside the traffic: one map for each plugin name, the same in all workers, kept over
 * pushes and restarts of workers, forgotten with the process. Everything rejects with an `Error` of one clear line.
 */
export interface KeyValue {
  /** The value, or null when there is none (any more). */
  get(key: string): Promise<string | null>
  /** `ttlMs` 0 is for ever, as long as there is room. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Whether there was one. */
  delete(key: string): Promise<boolean>
  /** Sets `value` (null deletes) if the present value is `expected` (null is none), at once for all workers. */
  compareAndSet(key: string, expected: string | null, value: string | null, ttlMs: number): Promise<boolean>
  /**
   * Adds to a number and resolves with the sum; what is not there is 0. `ttlMs` counts from the first addition, so
   * that a counter in a window of time is one call.
   */
  add(key: string, amount: number, ttlMs: number): Promise<number>
}

/** What one plugin may keep. When it is passed, what was not used for longest goes. */
export interface KeyValueLimits {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxKeyLength: number
  readonly maxValueLength: number
}

/** What holds unless somebody says otherwise. */
export const keyValueLimits: KeyValueLimits = {
  maxEntries: 10_000,
  maxBytes: 16 * 1_048_576,
  maxKeyLength: 1_024,
  maxValueLength: 262_144,
}

interface Entry {
  readonly value: string
  readonly expiresAt: number
}

/** What an entry takes beside its characters, roughly. */
const entryBytes = 128

/** Throws an `Error` for a key that is too long. */
export function checkKey(key: string, { maxKeyLength }: KeyValueLimits): void {
  if (key.length > maxKeyLength) throw new Error(`a key may have ${maxKeyLength} characters at most`)
}

/** Throws an `Error` for a value that is too long. */
export function checkValue(key: string, value: string, { maxValueLength }: KeyValueLimits): void {
  if (value.length > maxValueLength) {
    throw new Error(`the value of ${shown(key)} may have ${maxValueLength} characters at most`)
  }
}

/** The map of one plugin. It lives on one thread; `kv-port.ts` brings it to the others. */
export class KeyValueMap {
  readonly #limits: KeyValueLimits
  readonly #now: () => number
  /** The one not used for longest is first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  /** `now` is monotonic, in milliseconds. */
  constructor(limits: KeyValueLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): string | null {
    const entry = this.#entries.get(key)
    if (!entry) return null
    if (entry.expiresAt <= this.#now()) {
      this.delete(key)
      return null
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, value: string, ttlMs: number): void {
    this.#put(key, value, ttlMs > 0 ? this.#now() + ttlMs : Number.POSITIVE_INFINITY)
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#entries.delete(key)
    this.#bytes -= sizeOf(key, entry.value)
    return entry.expiresAt > this.#now()
  }

  compareAndSet(key: string, expected: string | null, value: string | null, ttlMs: number): boolean {
    if (this.get(key) !== expected) return false
    if (value === null) this.delete(key)
    else this.set(key, value, ttlMs)
    return true
  }

  add(key: string, amount: number, ttlMs: number): number {
    const present = this.get(key)
    const sum = (present === null ? 0 : Number(present)) + amount
    if (!Number.isFinite(sum)) throw new Error(`the value of ${shown(key)} and what is added are no number`)
    const expiresAt = present === null ? null : (this.#entries.get(key)?.expiresAt ?? null)
    if (expiresAt === null) this.set(key, String(sum), ttlMs)
    else this.#put(key, String(sum), expiresAt)
    return sum
  }

  #put(key: string, value: string, expiresAt: number): void {
    const { maxEntries, maxBytes } = this.#limits
    checkKey(key, this.#limits)
    checkValue(key, value, this.#limits)
    this.delete(key)
    this.#entries.set(key, { value, expiresAt })
    this.#bytes += sizeOf(key, value)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) return
      this.delete(oldest)
    }
  }
}

/** The maps of all plugins. */
export class KeyValueStore {
  readonly #limits: KeyValueLimits
  readonly #now: () => number
  readonly #maps = new Map<string, KeyValueMap>()

  constructor(limits: KeyValueLimits = keyValueLimits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  /** The map of a plugin; made when it is first asked for. */
  of(plugin: string): KeyValueMap {
    let map = this.#maps.get(plugin)
    if (!map) {
      map = new KeyValueMap(this.#limits, this.#now)
      this.#maps.set(plugin, map)
    }
    return map
  }

  /** Forgets what belongs to plugins that are no longer there. */
  keepOnly(plugins: ReadonlySet<string>): void {
    for (const name of this.#maps.keys()) if (!plugins.has(name)) this.#maps.delete(name)
  }
}

const sizeOf = (key: string, value: string): number => (key.length + value.length) * 2 + entryBytes

const shown = (key: string): string => JSON.stringify(key.slice(0, 64))
