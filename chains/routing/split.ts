import { remember } from '../balancing/choices.ts'
import { type Cursor, Rotation } from '../balancing/rotation.ts'
import type { Context } from '../context.ts'
import type { Cluster, WeightedCluster } from '../model.ts'

/** Shares traffic out among clusters by weight. */
export class Split {
  readonly #regular: readonly Cluster[]
  readonly #rotation: Rotation
  readonly #standby: readonly Cluster[]
  readonly #standbyRotation: Rotation
  readonly #choiceKey: string | null

  /**
   * `targets` that are not in `clusters` do not count. With a `choiceKey`, a
   * connection keeps its cluster; null lets each exchange choose.
   */
  constructor(
    targets: readonly WeightedCluster[],
    clusters: ReadonlyMap<string, Cluster>,
    choiceKey: string | null,
    cursor: Cursor,
  ) {
    const known = targets.flatMap(({ cluster: name, weight }) => {
      const cluster = clusters.get(name)
      return cluster ? [{ cluster, weight }] : []
    })
    const regular = known.filter(({ weight }) => weight > 0)
    this.#regular = regular.map(({ cluster }) => cluster)
    this.#rotation = new Rotation(
      regular.map(({ weight }) => weight),
      cursor,
    )
    this.#standby = known.filter(({ weight }) => weight <= 0).map(({ cluster }) => cluster)
    this.#standbyRotation = new Rotation(
      this.#standby.map(() => 1),
      { at: 0 },
    )
    this.#choiceKey = this.#regular.length > 1 ? choiceKey : null
  }

  /** The cluster for an exchange. One of weight 0 only if there is no other; null if there is none at all. */
  pick(cx: Context): Cluster | null {
    if (this.#choiceKey === null) return this.#inTurn()
    const { choices } = cx.peer
    const earlier = choices.get(this.#choiceKey)
    const kept = earlier === undefined ? undefined : this.#regular.find(({ name }) => name === earlier)
    if (kept) return kept
    const chosen = this.#inTurn()
    if (chosen) remember(choices, this.#choiceKey, chosen.name)
    return chosen
  }

  /** Whether there is a cluster to turn to when that of an exchange failed. */
  get canFailOver(): boolean {
    return this.#regular.length > 0 && this.#standby.length > 0
  }

  /** The cluster to turn to: one of weight 0, in turn. */
  pickStandby(): Cluster | null {
    return this.#standby[this.#standbyRotation.next()] ?? null
  }

  #inTurn(): Cluster | null {
    const only = this.#regular.length === 1 ? this.#regular[0] : this.#regular[this.#rotation.next()]
    return only ?? this.pickStandby()
  }
}
