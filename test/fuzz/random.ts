/** A small seeded generator (mulberry32): the same seed gives the same numbers everywhere. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 1, 1 not included. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number below `limit`, which is at least 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True in this share of cases. */
  chance(share: number): boolean {
    return this.next() < share
  }

  /** One of `choices`, which are not none. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  /** One character of `alphabet`, `length` times. */
  text(alphabet: string, length: number): string {
    let text = ''
    for (let at = 0; at < length; at += 1) text += alphabet[this.below(alphabet.length)]
    return text
  }
}
