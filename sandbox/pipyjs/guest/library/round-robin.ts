import { min, trunc } from './natives.ts'
import { isHealthyIn, type Resource, Resources } from './resources.ts'
import { readTargets, TargetsByKey, type Weighted, weightOf } from './targets.ts'

interface Target {
  readonly id: string
  weight: number
  hits: number
  usage: number
  isHealthy: boolean
}

/** Chooses targets in turn, as often as their weights say. */
export class RoundRobinLoadBalancer {
  #targets: Target[] = []
  readonly #unhealthy: unknown
  readonly #byKey = new TargetsByKey()
  readonly #resources: Resources

  constructor(targets?: unknown, unhealthy?: unknown) {
    this.#unhealthy = unhealthy
    this.#resources = new Resources({
      select: (key, others) => this.#select(key, others),
      deselect: () => {},
      isHealthy: (id, others) => this.#isHealthy(id, others),
    })
    const given = readTargets(targets)
    for (let at = 0; at < given.length; at += 1) {
      const target = given[at] as Weighted
      this.#set(target.id, target.weight)
    }
  }

  /** Sets all targets, or the weight of one. Those that stay as they are go on where they stood. */
  set(targets: unknown, weight?: unknown): void {
    if (typeof targets === 'string') {
      this.#set(targets, weightOf(weight))
      return
    }
    const given = readTargets(targets)
    const kept: Target[] = []
    for (let at = 0; at < given.length; at += 1) {
      const { id, weight: share } = given[at] as Weighted
      if (this.#of(id)?.weight !== share) this.#set(id, share)
      kept[kept.length] = this.#of(id) as Target
    }
    this.#targets = kept
  }

  /** A target; the same for the same key, for as long as it is there. */
  select(key?: unknown, unhealthy?: unknown): string | undefined {
    return this.#select(key, unhealthy) ?? undefined
  }

  /** Changes nothing: what counts is how often a target was chosen. */
  deselect(): void {}

  /** A place at a target, the same for the same borrower; that is the client's connection when none is given. */
  borrow(borrower?: unknown, key?: unknown, unhealthy?: unknown): Resource | null {
    return this.#resources.borrow(borrower, key, unhealthy)
  }

  /** The same as `borrow()`. */
  next(borrower?: unknown, key?: unknown, unhealthy?: unknown): Resource | null {
    return this.#resources.borrow(borrower, key, unhealthy)
  }

  #isHealthy(id: string, others: unknown): boolean {
    return isHealthyIn(id, this.#unhealthy, others)
  }

  #of(id: string): Target | undefined {
    return this.#targets[this.#placeOf(id)]
  }

  /** Where a target is, or would be. */
  #placeOf(id: string): number {
    const targets = this.#targets
    let at = 0
    while (at < targets.length && (targets[at] as Target).id !== id) at += 1
    return at
  }

  /** A new one begins where the least used stands, so that it does not get everything at first. */
  #set(id: string, weight: number): void {
    const targets = this.#targets
    let least = targets.length === 0 ? 0 : Number.POSITIVE_INFINITY
    for (let at = 0; at < targets.length; at += 1) least = min(least, (targets[at] as Target).usage)
    const place = this.#placeOf(id)
    const fresh = { id, weight, hits: trunc(weight * least), usage: least, isHealthy: weight > 0 }
    targets[place] = fresh
  }

  #select(key: unknown, others: unknown): string | null {
    const known = this.#byKey.get(key)
    if (known !== undefined && this.#of(known) && this.#isHealthy(known, others)) return known
    const target = this.#choose(others)
    if (target === null) return null
    target.hits += 1
    target.usage = target.hits / target.weight
    this.#beginAgainWhenAllHadTheirs()
    this.#byKey.set(key, target.id)
    return target.id
  }

  #choose(others: unknown): Target | null {
    let best: Target | null = null
    const recovered: Target[] = []
    const targets = this.#targets
    for (let at = 0; at < targets.length; at += 1) {
      const target = targets[at] as Target
      const isHealthy = this.#isHealthy(target.id, others)
      if (isHealthy && !target.isHealthy) recovered[recovered.length] = target
      target.isHealthy = isHealthy
      const isOld = isHealthy && recovered[recovered.length - 1] !== target
      if (isOld && target.weight > 0 && (best === null || target.usage < best.usage)) best = target
    }
    for (let at = 0; at < recovered.length; at += 1) {
      const target = recovered[at] as Target
      target.usage = best?.usage ?? 0
      target.hits = trunc(target.weight * target.usage)
      if (best === null && target.weight > 0) best = target
    }
    return best
  }

  #beginAgainWhenAllHadTheirs(): void {
    let weights = 0
    let hits = 0
    const targets = this.#targets
    for (let at = 0; at < targets.length; at += 1) {
      const target = targets[at] as Target
      if (!target.isHealthy || target.weight === 0) continue
      weights += target.weight
      hits += target.hits
    }
    if (hits < weights) return
    for (let at = 0; at < targets.length; at += 1) {
      const target = targets[at] as Target
      target.hits = 0
      target.usage = 0
    }
  }
}
