import { nameOf } from './bytes.ts'
import { ceil, isArray } from './natives.ts'

/** Counts values in buckets, and says below which of them a share lies. */
export class Percentile {
  readonly #limits: number[] = []
  #counts: number[] = []
  #total = 0

  constructor(buckets: unknown) {
    if (!isArray(buckets))
      throw new TypeError(`a Percentile takes an array of limits, and not ${nameOf(buckets)}`)
    for (let at = 0; at < buckets.length; at += 1) {
      const limit = Number(buckets[at])
      if (at > 0 && !(limit > (this.#limits[at - 1] as number))) {
        throw new RangeError(`the limits of buckets are ascending numbers, and ${String(buckets[at])} is not`)
      }
      this.#limits[at] = limit
    }
    this.reset()
  }

  /** Forgets all values. */
  reset(): void {
    for (let at = 0; at < this.#limits.length; at += 1) this.#counts[at] = 0
    this.#total = 0
  }

  /** Counts a value. One above all limits is not counted. */
  observe(sample: unknown): void {
    const value = Number(sample)
    for (let at = 0; at < this.#limits.length; at += 1) {
      if (!(value <= (this.#limits[at] as number))) continue
      this.#counts[at] = (this.#counts[at] as number) + 1
      this.#total += 1
      return
    }
  }

  /** The limit that so many per cent of the values are not above. */
  calculate(percentage: unknown): number {
    const share = Number(percentage)
    if (!(share > 0)) return 0
    const wanted = ceil((this.#total * share) / 100)
    let count = 0
    for (let at = 0; at < this.#limits.length; at += 1) {
      count += this.#counts[at] as number
      if (count >= wanted) return this.#limits[at] as number
    }
    return Number.POSITIVE_INFINITY
  }

  /** Calls with each limit, and how many values are not above it. */
  dump(callback: (limit: number, count: number) => void): void {
    let count = 0
    for (let at = 0; at < this.#limits.length; at += 1) {
      count += this.#counts[at] as number
      callback(this.#limits[at] as number, count)
    }
  }
}
