import { hash } from './hash.ts'
import { isHealthyIn, type Resource, Resources } from './resources.ts'
import { readTargets, type Weighted } from './targets.ts'

/** Chooses a target by a key: always the same one for as long as the targets are the same. */
export class HashingLoadBalancer {
  #targets: string[] = []
  readonly #unhealthy: unknown
  readonly #resources: Resources

  constructor(targets?: unknown, unhealthy?: unknown) {
    this.#unhealthy = unhealthy
    this.#resources = new Resources({
      select: (key, others) => this.#select(key, others),
      deselect: () => {},
      isHealthy: (id, others) => isHealthyIn(id, this.#unhealthy, others),
    })
    this.set(targets)
  }

  /** Sets all targets; weights do not count. */
  set(targets: unknown): void {
    const given = readTargets(targets)
    const ids: string[] = []
    for (let at = 0; at < given.length; at += 1) ids[at] = (given[at] as Weighted).id
    this.#targets = ids
  }

  /** Adds a target at the end. */
  add(target: unknown): void {
    this.#targets[this.#targets.length] = String(target)
  }

  /** The target of a key; undefined when that is unhealthy. */
  select(key?: unknown, unhealthy?: unknown): string | undefined {
    return this.#select(key, unhealthy) ?? undefined
  }

  /** Changes nothing: what counts is the key. */
  deselect(): void {}

  /** A place at a target, the same for the same borrower; that is the client's connection when none is given. */
  borrow(borrower?: unknown, key?: unknown, unhealthy?: unknown): Resource | null {
    return this.#resources.borrow(borrower, key, unhealthy)
  }

  /** The same as `borrow()`. */
  next(borrower?: unknown, key?: unknown, unhealthy?: unknown): Resource | null {
    return this.#resources.borrow(borrower, key, unhealthy)
  }

  #select(key: unknown, others: unknown): string | null {
    const target = this.#targets[hash(key) % this.#targets.length]
    if (target === undefined || !isHealthyIn(target, this.#unhealthy, others)) return null
    return target
  }
}
