/** A place in a rotation. Kept apart, so that it can outlive the rotation itself. */
export interface Cursor {
  at: number
}

/** Longest sequence that is worked out in advance. */
const maxSequence = 4_096

/**
 * Smooth weighted round robin: indexes in turn, each as often as its weight
 * says, the heavy ones spread out among the light.
 *
 * Exact for any weights. Where the weights repeat within a few thousand turns
 * (nearly always) a turn costs one array read; else it looks at every weight.
 */
export class Rotation {
  readonly #weights: readonly number[]
  readonly #total: number
  readonly #cursor: Cursor
  /** One whole period, or null when it is too long to keep. */
  readonly #sequence: readonly number[] | null
  readonly #credit: number[]

  /** `weights` must be above 0. Starts wherever `cursor` stands, which may be anywhere. */
  constructor(weights: readonly number[], cursor: Cursor) {
    this.#weights = reduce(weights)
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0)
    this.#cursor = cursor
    this.#credit = weights.map(() => 0)
    this.#sequence = this.#workOut()
  }

  /** How many turns it takes until everything has come up. */
  get period(): number {
    return this.#sequence?.length ?? this.#weights.length
  }

  /** The index whose turn it is; -1 when there is none. */
  next(): number {
    const sequence = this.#sequence
    if (!sequence) return this.#turn()
    const cursor = this.#cursor
    if (cursor.at >= sequence.length) cursor.at %= Math.max(1, sequence.length)
    return sequence[cursor.at++] ?? -1
  }

  #workOut(): readonly number[] | null {
    if (this.#weights.every((weight) => weight === 1)) return this.#weights.map((_, index) => index)
    if (!this.#weights.every(Number.isInteger) || this.#total > maxSequence) return null
    return Array.from({ length: this.#total }, () => this.#turn())
  }

  /** Everyone earns its weight; the richest is next, and pays for all. */
  #turn(): number {
    const credit = this.#credit
    let richest = -1
    for (let index = 0; index < credit.length; index++) {
      const earned = (credit[index] as number) + (this.#weights[index] as number)
      credit[index] = earned
      if (richest < 0 || earned > (credit[richest] as number)) richest = index
    }
    if (richest >= 0) credit[richest] = (credit[richest] as number) - this.#total
    return richest
  }
}

/** Divides whole weights by what they have in common, so that 90 and 10 repeat after ten turns. */
function reduce(weights: readonly number[]): readonly number[] {
  if (weights.every((weight) => weight === weights[0])) return weights.map(() => 1)
  if (!weights.every(Number.isInteger)) return weights
  const common = weights.reduce(greatestCommonDivisor, 0)
  return common > 1 ? weights.map((weight) => weight / common) : weights
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
