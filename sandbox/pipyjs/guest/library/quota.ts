import { libraryHost } from './host.ts'

interface QuotaOptions {
  readonly key?: unknown
  readonly max?: unknown
  readonly per?: unknown
  readonly produce?: unknown
}

/**
 * Tokens that are used up and come back with time. They are kept by the host,
 * which has those of a `key`, and those made while the script is loaded, over pushes too.
 */
export class Quota {
  readonly initial: number
  readonly #options: QuotaOptions
  #id: number

  constructor(initial?: unknown, options?: QuotaOptions | null) {
    this.initial = Number(initial ?? 0)
    this.#options = options ?? {}
    this.#id = this.#open()
  }

  /** How many there are now. */
  get current(): number {
    return this.#ask((host, id) => host.currentQuota(id)) ?? 0
  }

  /** Takes so many, or as many as there are; says how many it got. */
  consume(amount: unknown): number {
    return this.#ask((host, id) => host.consumeQuota(id, Number(amount))) ?? 0
  }

  /** Adds so many. */
  produce(amount: unknown): void {
    this.#ask((host, id) => host.produceQuota(id, Number(amount)) || null)
  }

  /** Makes it as full as it was in the beginning. */
  reset(): void {
    this.#ask((host, id) => host.resetQuota(id) || null)
  }

  /** How the host knows it in what a script gives to filters. */
  toJSON(): object {
    return { $quota: this.#id }
  }

  #open(): number {
    const { max, per, produce, key } = this.#options
    const name = key === undefined || key === null ? undefined : String(key)
    const time = typeof per === 'string' ? per : numberOf(per)
    return libraryHost().openQuota(this.initial, numberOf(max), time, numberOf(produce), name)
  }

  /** The host forgets those that were not used for longest when there are too many; then it begins anew. */
  #ask<T>(ask: (host: ReturnType<typeof libraryHost>, id: number) => T | null): T | null {
    const host = libraryHost()
    const answer = ask(host, this.#id)
    if (answer !== null) return answer
    this.#id = this.#open()
    return ask(host, this.#id)
  }
}

function numberOf(value: unknown): number {
  return value === undefined || value === null ? Number.NaN : Number(value)
}
