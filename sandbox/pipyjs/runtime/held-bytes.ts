/**
 * Counts the bytes that are held for one exchange. Pieces held in several
 * places at once (a fork, and a stage behind it) are counted once.
 */
export class HeldBytes {
  readonly limit: number
  #used = 0
  #holders: Map<Uint8Array, number> | null = null

  constructor(limit: number) {
    this.limit = limit
  }

  /** How many are held. */
  get used(): number {
    return this.#used
  }

  /** Counts a piece. False when that is more than may be held; it is counted all the same. */
  hold(bytes: Uint8Array): boolean {
    this.#holders ??= new Map()
    const holders = this.#holders.get(bytes) ?? 0
    this.#holders.set(bytes, holders + 1)
    if (holders === 0) this.#used += bytes.length
    return this.#used <= this.limit
  }

  /** Takes one {@link hold} back. */
  release(bytes: Uint8Array): void {
    const holders = this.#holders?.get(bytes) ?? 0
    if (holders === 0) return
    if (holders > 1) {
      this.#holders?.set(bytes, holders - 1)
      return
    }
    this.#holders?.delete(bytes)
    this.#used -= bytes.length
  }
}
