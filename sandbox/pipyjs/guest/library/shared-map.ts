import { deleteKey, getKey, hasKey, setKey } from './natives.ts'

const maps = new Map<string, Map<string, unknown>>()

/** Values by key that all maps of the same name have in common, in this instance of the plugin. Others have their own. */
export class SharedMap {
  readonly #name: string

  constructor(name: unknown) {
    this.#name = String(name)
    if (!hasKey(maps, this.#name)) setKey(maps, this.#name, new Map())
  }

  get size(): number {
    return this.#map.size
  }

  has(key: unknown): boolean {
    return hasKey(this.#map, String(key))
  }

  get(key: unknown): unknown {
    return getKey(this.#map, String(key))
  }

  set(key: unknown, value: unknown): void {
    setKey(this.#map, String(key), value)
  }

  delete(key: unknown): boolean {
    return deleteKey(this.#map, String(key))
  }

  clear(): void {
    setKey(maps, this.#name, new Map())
  }

  /** Adds to a number, which is 0 when it is not there; gives the sum. */
  add(key: unknown, amount: unknown): number {
    const before = Number(this.get(key) ?? 0)
    const sum = (Number.isNaN(before) ? 0 : before) + Number(amount)
    this.set(key, sum)
    return sum
  }

  /** Takes from a number; gives what is left. */
  sub(key: unknown, amount: unknown): number {
    return this.add(key, -Number(amount))
  }

  get #map(): Map<string, unknown> {
    return getKey(maps, this.#name) as Map<string, unknown>
  }
}
