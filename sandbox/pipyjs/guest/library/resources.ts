import { Cache } from '../globals/cache.ts'
import { host } from '../host.ts'
import { nameOf } from './bytes.ts'
import { deleteKey, firstKey, getKey, now, pop, setKey } from './natives.ts'

const { apply } = Reflect
const { find } = Cache.prototype
const { get: getWeak, set: setWeak } = WeakMap.prototype
const { register } = FinalizationRegistry.prototype

/** How long a connection keeps what it borrowed after it last asked for it, in milliseconds. */
const idleMs = 60_000
/** How many connections can have borrowed something at a time; more, and the oldest gives its own back. */
const maxConnections = 10_000

/** What somebody borrowed: a place at a target, which nobody else has meanwhile. */
export class Resource {
  readonly id: string

  constructor(id: string) {
    this.id = id
  }
}

/** How a load balancer chooses. */
export interface Chooser {
  /** A target, or null when there is none. */
  select(key: unknown, unhealthy: unknown): string | null
  /** What was selected is not used any more. */
  deselect(target: string): void
  isHealthy(target: string, unhealthy: unknown): boolean
}

interface Loan {
  readonly resource: Resource
  usedAt: number
}

/** Whether neither cache has a target in it. */
export function isHealthyIn(target: string, always: unknown, now: unknown): boolean {
  return !isMarked(target, always) && !isMarked(target, now)
}

function isMarked(target: string, unhealthy: unknown): boolean {
  return unhealthy instanceof Cache && Boolean(apply(find, unhealthy, [target]))
}

const returned = new FinalizationRegistry<() => void>((giveBack) => giveBack())

/**
 * What has been borrowed from one load balancer. A borrower gets the same
 * each time; what it had goes to the next one when it is gone.
 */
export class Resources {
  readonly #chooser: Chooser
  readonly #loans = new WeakMap<object, { loan: Loan | null }>()
  readonly #byConnection = new Map<number, Loan>()
  readonly #free = new Map<string, Resource[]>()

  constructor(chooser: Chooser) {
    this.#chooser = chooser
  }

  /** What a borrower has; without one, the connection that the exchange came on. Null when no target can be had. */
  borrow(borrower: unknown, key: unknown, unhealthy: unknown): Resource | null {
    if (borrower === undefined || borrower === null) return this.#borrowForConnection(key, unhealthy)
    if (typeof borrower !== 'object') {
      throw new TypeError(`who borrows is an object, and not ${nameOf(borrower)}`)
    }
    let entry = apply(getWeak, this.#loans, [borrower]) as { loan: Loan | null } | undefined
    if (entry?.loan && this.#isUsable(entry.loan, unhealthy)) return entry.loan.resource
    const loan = this.#lend(key, unhealthy)
    if (entry === undefined) {
      const made: { loan: Loan | null } = { loan: null }
      entry = made
      apply(setWeak, this.#loans, [borrower, made])
      apply(register, returned, [borrower, () => this.#takeBack(made.loan)])
    }
    this.#takeBack(entry.loan)
    entry.loan = loan
    return loan?.resource ?? null
  }

  #borrowForConnection(key: unknown, unhealthy: unknown): Resource | null {
    const connection = host.inbound()
    if (connection === null) return this.#lend(key, unhealthy)?.resource ?? null
    const known = this.#byConnection
    const before = getKey(known, connection)
    deleteKey(known, connection)
    const isKept = before !== undefined && this.#isUsable(before, unhealthy)
    const loan = isKept ? before : this.#lend(key, unhealthy)
    if (!isKept) this.#takeBack(before ?? null)
    if (loan !== null) {
      loan.usedAt = now()
      setKey(known, connection, loan)
    }
    this.#forgetIdle()
    return loan?.resource ?? null
  }

  /** Nobody tells when a connection ends, so that its loan ends with time. */
  #forgetIdle(): void {
    const known = this.#byConnection
    for (;;) {
      const oldest = firstKey(known)
      const loan = oldest === undefined ? undefined : getKey(known, oldest)
      if (oldest === undefined || loan === undefined) return
      if (known.size <= maxConnections && now() - loan.usedAt < idleMs) return
      deleteKey(known, oldest)
      this.#takeBack(loan)
    }
  }

  #isUsable(loan: Loan, unhealthy: unknown): boolean {
    return this.#chooser.isHealthy(loan.resource.id, unhealthy)
  }

  #lend(key: unknown, unhealthy: unknown): Loan | null {
    const target = this.#chooser.select(key, unhealthy)
    if (target === null) return null
    const free = getKey(this.#free, target)
    const resource = (free === undefined ? undefined : pop(free)) ?? new Resource(target)
    return { resource, usedAt: 0 }
  }

  #takeBack(loan: Loan | null): void {
    if (loan === null) return
    const { resource } = loan
    this.#chooser.deselect(resource.id)
    const free = getKey(this.#free, resource.id)
    if (free === undefined) setKey(this.#free, resource.id, [resource])
    else free[free.length] = resource
  }
}
