import { isHealthyIn, type Resource, Resources } from './resources.ts'
import { readTargets, TargetsByKey, type Weighted, weightOf } from './targets.ts'

interface Target {
  readonly id: string
  weight: number
  /** How many use it now. */
  hits: number
}

/** Chooses the target that has least to do for its weight. What was selected has to be deselected; what was borrowed is given back by itself. */
export class LeastWorkLoadBalancer {
  #targets: Target[] = []
  readonly #unhealthy: unknown
  readonly #byKey = new TargetsByKey()
  readonly #resources: Resources

  constructor(targets?: unknown, unhealthy?: unknown) {
    this.#unhealthy = unhealthy
    this.#resources = new Resources({
      select: (key, others) => this.#select(key, others),
      deselect: (id) => this.deselect(id),
      isHealthy: (id, others) => isHealthyIn(id, this.#unhealthy, others),
    })
    this.set(targets)
  }

  /** Sets all targets, or the weight of one. What a target has to do stays. */
  set(targets: unknown, weight?: unknown): void {
    if (typeof targets === 'string') {
      this.#set(targets, weightOf(weight))
      return
    }
    const given = readTargets(targets)
    const kept: Target[] = []
    for (let at = 0; at < given.length; at += 1) {
      const { id, weight: share } = given[at] as Weighted
      this.#set(id, share)
      kept[at] = this.#of(id) as Target
    }
    this.#targets = kept
  }

  /** A target; the same for the same key, for as long as it is there. */
  select(key?: unknown, unhealthy?: unknown): string | undefined {
    return this.#select(key, unhealthy) ?? undefined
  }

  /** A target has one thing less to do. */
  deselect(target?: unknown): void {
    const found = this.#of(String(target))
    if (found !== undefined && found.hits > 0) found.hits -= 1
  }

  /** A place at a target, the same for the same borrower; that is the client's connection when none is given. */
  borrow(borrower?: unknown, key?: unknown, unhealthy?: unknown): Resource | null {
    return this.#resources.borrow(borrower, key, unhealthy)
  }

  /** The same as `borrow()`. */
  next(borrower?: unknown, key?: unknown, unhealthy?: unknown): Resource | null {
    return this.#resources.borrow(borrower, key, unhealthy)
  }

  #of(id: string): Target | undefined {
    const targets = this.#targets
    for (let at = 0; at < targets.length; at += 1) {
      if ((targets[at] as Target).id === id) return targets[at]
    }
    return undefined
  }

  #set(id: string, weight: number): void {
    const target = this.#of(id)
    if (target === undefined) this.#targets[this.#targets.length] = { id, weight, hits: 0 }
    else target.weight = weight
  }

  #select(key: unknown, others: unknown): string | null {
    const known = this.#byKey.get(key)
    const isUsable = known !== undefined && isHealthyIn(known, this.#unhealthy, others)
    const target = (isUsable ? this.#of(known) : undefined) ?? this.#choose(others)
    if (target === null) return null
    target.hits += 1
    this.#byKey.set(key, target.id)
    return target.id
  }

  #choose(others: unknown): Target | null {
    let best: Target | null = null
    const targets = this.#targets
    for (let at = 0; at < targets.length; at += 1) {
      const target = targets[at] as Target
      if (target.weight <= 0 || !isHealthyIn(target.id, this.#unhealthy, others)) continue
      if (best === null || target.hits / target.weight < best.hits / best.weight) best = target
    }
    return best
  }
}
