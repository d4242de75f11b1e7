import { Cache } from '../globals/cache.ts'
import { nameOf } from './bytes.ts'
import { isArray, isFiniteNumber } from './natives.ts'

const { apply } = Reflect
const { find } = Cache.prototype

/** How many targets can be scheduled at once. */
const maxSchedule = 10_000

type PerTarget = (target: unknown) => unknown

interface LoadBalancerOptions {
  readonly algorithm?: unknown
  readonly key?: PerTarget
  readonly weight?: PerTarget
  readonly capacity?: number | PerTarget
}

/** A target, and what is known of it. */
class Pool {
  readonly key: unknown
  readonly target: unknown
  readonly resources: Allocation[] = []
  capacity = 0
  /** What one more costs: less for a greater weight. */
  step = 1
  load = 0

  constructor(key: unknown, target: unknown) {
    this.key = key
    this.target = target
  }

  allocate(isGivenBack: boolean): Allocation {
    let best: Allocation | null = null
    for (let at = 0; at < this.resources.length; at += 1) {
      const resource = this.resources[at] as Allocation
      if (best === null || resource.load < best.load) best = resource
    }
    const hasRoom = this.capacity <= 0 || this.resources.length < this.capacity
    if (best === null || (best.load > 0 && hasRoom)) {
      best = new Allocation(this, isGivenBack)
      this.resources[this.resources.length] = best
    }
    best.load += 1
    return best
  }
}

/** A place at a target, to be freed when it is not needed any more. */
class Allocation {
  load = 0
  readonly #pool: Pool
  readonly #isGivenBack: boolean

  constructor(pool: Pool, isGivenBack: boolean) {
    this.#pool = pool
    this.#isGivenBack = isGivenBack
  }

  get target(): unknown {
    return this.#pool.target
  }

  free(): void {
    if (this.load === 0) return
    this.load -= 1
    if (this.#isGivenBack) this.#pool.load -= this.#pool.step
  }
}

/** Chooses among targets of any kind (`round-robin`, `least-load`), with places at them that can be used again. */
export class LoadBalancer {
  readonly #options: LoadBalancerOptions
  readonly #isLeastLoad: boolean
  #pools: Pool[] = []

  constructor(targets?: unknown, options?: LoadBalancerOptions | null) {
    this.#options = options ?? {}
    const algorithm = String(this.#options.algorithm ?? 'round-robin')
    if (algorithm !== 'round-robin' && algorithm !== 'least-load') {
      throw new TypeError(`the algorithm is round-robin or least-load, and not ${algorithm}`)
    }
    this.#isLeastLoad = algorithm === 'least-load'
    this.provision(targets)
  }

  /** Sets all targets; those of the same key keep what they have. */
  provision(targets: unknown): void {
    if (targets !== undefined && targets !== null && !isArray(targets)) {
      throw new TypeError(`targets are an array, and not ${nameOf(targets)}`)
    }
    const { key, weight, capacity } = this.#options
    const given = targets ?? []
    const pools: Pool[] = []
    const weights: number[] = []
    let total = 0
    for (let at = 0; at < given.length; at += 1) {
      const target: unknown = given[at]
      const name = typeof key === 'function' ? key(target) : target
      const pool = this.#of(name) ?? new Pool(name, target)
      const share = typeof weight === 'function' ? Number(weight(target)) : 1
      pool.capacity = Number((typeof capacity === 'function' ? capacity(target) : capacity) ?? 0)
      pools[at] = pool
      weights[at] = share > 0 ? share : 0
      total += weights[at] as number
    }
    this.#pools = pools
    for (let at = 0; at < pools.length; at += 1) {
      const pool = pools[at] as Pool
      pool.step = total / (weights[at] as number)
      if (!this.#isLeastLoad) pool.load = pool.step
    }
  }

  /** The next targets, so many. */
  schedule(size: unknown, excluded?: unknown): unknown[] {
    const length = Number(size)
    if (!(length >= 0 && length <= maxSchedule)) throw new RangeError(`the size is 0 to ${maxSchedule}`)
    const targets: unknown[] = []
    for (let at = 0; at < length; at += 1) targets[at] = this.#next(excluded)?.target
    return targets
  }

  /** A place at the next target; without those in a cache, or those that a function is not true for. */
  allocate(_tag?: unknown, excluded?: unknown): Allocation | null {
    return this.#next(excluded)?.allocate(this.#isLeastLoad) ?? null
  }

  #of(key: unknown): Pool | undefined {
    for (let at = 0; at < this.#pools.length; at += 1) {
      if ((this.#pools[at] as Pool).key === key) return this.#pools[at]
    }
    return undefined
  }

  #next(excluded: unknown): Pool | null {
    let best: Pool | null = null
    for (let at = 0; at < this.#pools.length; at += 1) {
      const pool = this.#pools[at] as Pool
      if (!isFiniteNumber(pool.step) || !isAllowed(pool, excluded)) continue
      if (best === null || pool.load < best.load) best = pool
    }
    if (best !== null) best.load += best.step
    return best
  }
}

function isAllowed(pool: Pool, excluded: unknown): boolean {
  if (typeof excluded === 'function') return Boolean(excluded(pool.target))
  return !(excluded instanceof Cache) || apply(find, excluded, [pool.key]) === undefined
}
