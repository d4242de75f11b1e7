import type { SharedScope } from '../../../chains/shared-state.ts'
import type { Clock } from '../../../chains/tools.ts'

/** What a script says of a quota (`new algo.Quota(initial, { max, per, produce, key })`). */
export interface QuotaOptions {
  readonly initial: number
  /** The most that {@link Quota.produce} fills it to; null is no limit. */
  readonly max: number | null
  /** Between one refill and the next, in milliseconds; null is never. */
  readonly perMs: number | null
  /** What a refill adds; null fills it up. */
  readonly produce: number | null
  /** Quotas of one plugin with the same key are one. */
  readonly key: string | null
}

/** Somebody who waits for tokens. */
export interface QuotaConsumer {
  /** Takes of what there is. True when it has all it wants. */
  consume(quota: Quota): boolean
}

/**
 * Tokens that are used up, and come back with time (`algo.Quota`). Who waits
 * is served in the order of coming. It has a timer only while somebody waits.
 */
export class Quota {
  readonly initial: number
  readonly #options: QuotaOptions
  readonly #clock: Clock
  readonly #consumers = new Set<QuotaConsumer>()
  #current: number
  /** When the next refill is due; null while nothing is to be refilled. */
  #refillAt: number | null = null
  #stopTimer: (() => void) | null = null

  constructor(options: QuotaOptions, clock: Clock) {
    this.initial = options.initial
    this.#current = options.initial
    this.#options = options
    this.#clock = clock
  }

  /** Tokens there are now. */
  get current(): number {
    this.#refill()
    return this.#current
  }

  /** Whether it is as it was made, so that nothing is lost with it. */
  get isUntouched(): boolean {
    return this.current === this.initial && this.#consumers.size === 0
  }

  /** Takes up to `amount` tokens, and says how many it got. */
  consume(amount: number): number {
    this.#refill()
    const granted = Math.max(0, Math.min(amount, this.#current))
    this.#current -= granted
    const { perMs } = this.#options
    if (perMs !== null && this.#current < this.initial) this.#refillAt ??= this.#clock.now() + perMs
    return granted
  }

  /** Adds tokens, for those who wait and those who come. */
  produce(amount: number): void {
    this.#refill()
    this.#add(amount)
    this.#serve()
  }

  /** Makes it as full as it was in the beginning. */
  reset(): void {
    this.#current = this.initial
    this.#refillAt = null
    this.#serve()
  }

  /** Changes it from within the guest: who waits is served when that call is over, because it may enter the guest. */
  change(change: 'reset' | { readonly produce: number }): void {
    this.#refill()
    if (change === 'reset') {
      this.#current = this.initial
      this.#refillAt = null
    } else this.#add(change.produce)
    queueMicrotask(() => this.#serve())
  }

  /** Serves the consumer when it is its turn: at once if it can be. It stays until it has all, or {@link leave}s. */
  join(consumer: QuotaConsumer): void {
    this.#consumers.add(consumer)
    this.#refill()
    this.#serve()
  }

  /** The consumer wants no more. Harmless when it does not wait. */
  leave(consumer: QuotaConsumer): void {
    this.#consumers.delete(consumer)
    if (this.#consumers.size === 0) this.#disarm()
  }

  #refill(): void {
    const { perMs, produce } = this.#options
    const now = this.#clock.now()
    if (this.#refillAt === null || perMs === null || now < this.#refillAt) return
    const missing = this.initial - this.#current
    const ticks = perMs > 0 ? 1 + Math.floor((now - this.#refillAt) / perMs) : Number.POSITIVE_INFINITY
    const added = produce === null || produce <= 0 ? missing : Math.min(missing, produce * ticks)
    this.#add(Math.max(0, added))
    this.#refillAt = this.#current < this.initial ? this.#refillAt + ticks * perMs : null
  }

  #add(amount: number): void {
    const { max } = this.#options
    const filled = this.#current + amount
    this.#current = max === null ? filled : Math.max(this.#current, Math.min(filled, max))
  }

  #serve(): void {
    for (const consumer of this.#consumers) {
      if (this.#current <= 0) break
      if (consumer.consume(this)) this.#consumers.delete(consumer)
      else if (this.#current > 0) break
    }
    if (this.#consumers.size === 0) this.#disarm()
    else this.#arm()
  }

  #arm(): void {
    if (this.#stopTimer || this.#refillAt === null) return
    const ms = Math.max(1, Math.ceil(this.#refillAt - this.#clock.now()))
    this.#stopTimer = this.#clock.after(ms, () => {
      this.#stopTimer = null
      this.#refill()
      this.#serve()
    })
  }

  #disarm(): void {
    this.#stopTimer?.()
    this.#stopTimer = null
  }
}

/** Quotas that one plugin may have at a time in one worker. */
const maxQuotas = 65_536
/** Keys under which one plugin may keep quotas over pushes. */
const maxKeys = 1_024

/** The quotas of one plugin, by the numbers under which its guest knows them. */
export class Quotas {
  readonly #plugin: string
  readonly #clock: Clock
  readonly #shared: SharedScope
  /** In the order of their last use. */
  readonly #quotas = new Map<number, Quota>()
  readonly #keys = new Set<string>()
  #opened = 0
  #isLoading = true

  constructor(plugin: string, clock: Clock, shared: SharedScope) {
    this.#plugin = plugin
    this.#clock = clock
    this.#shared = shared
  }

  /**
   * Makes a quota, and returns its number. One with a key, or made while the
   * script is loaded, goes on where the one of the version before stood, unless
   * its numbers have changed.
   */
  open(options: QuotaOptions): number {
    this.#opened += 1
    if (this.#quotas.size >= maxQuotas) this.#makeRoom()
    this.#quotas.set(this.#opened, this.#make(options))
    return this.#opened
  }

  /** The quota of that number; null when it was never made, or is forgotten. */
  get(id: number): Quota | null {
    const quota = this.#quotas.get(id)
    if (!quota) return null
    this.#quotas.delete(id)
    this.#quotas.set(id, quota)
    return quota
  }

  /** The script has been evaluated: what comes now is made for traffic. */
  loaded(): void {
    this.#isLoading = false
  }

  #make(options: QuotaOptions): Quota {
    const name = options.key !== null ? `key ${options.key}` : this.#isLoading ? `at ${this.#opened}` : null
    if (name === null || (this.#keys.size >= maxKeys && !this.#keys.has(name))) {
      return new Quota(options, this.#clock)
    }
    this.#keys.add(name)
    const { initial, max, perMs, produce } = options
    const key = `quota ${this.#plugin} ${name} ${[initial, max, perMs, produce].join(' ')}`
    return this.#shared.get(key, () => new Quota(options, this.#clock))
  }

  /** Forgets the one that was not used for longest; one that loses nothing by it, if there is one near. */
  #makeRoom(): void {
    let victim: number | null = null
    let looked = 0
    for (const [id, quota] of this.#quotas) {
      victim ??= id
      looked += 1
      if (!quota.isUntouched && looked < 16) continue
      if (quota.isUntouched) victim = id
      break
    }
    if (victim !== null) this.#quotas.delete(victim)
  }
}
