import { type Acceptance, acceptance } from '../chains/accept.ts'
import { type BuiltChains, buildChains } from '../chains/assemble.ts'
import type { Direction, Model } from '../chains/model.ts'
import type { SharedScope } from '../chains/shared-state.ts'
import type { Tools } from '../chains/tools.ts'
import type { UpstreamShared } from './upstream/shared.ts'
import { UpstreamDirectory } from './upstream/upstream.ts'

/** What a generation is built from, beside its model. */
export interface GenerationOptions {
  readonly id: number
  readonly model: Model
  /** This generation's own view of the state that outlives it; disposed of when it is gone. */
  readonly scope: SharedScope
  readonly tools: Omit<Tools, 'upstream' | 'shared'>
  readonly upstreamShared: UpstreamShared
}

/**
 * One accepted config, ready to serve. It never changes.
 *
 * A push makes a new one beside the old. New exchanges enter the new one; the
 * old one lets go of everything when the last exchange has left it, which for a
 * long download or a WebSocket may be long after.
 */
export class Generation {
  readonly id: number
  readonly model: Model
  readonly chains: BuiltChains
  readonly accept: Readonly<Record<Direction, Acceptance>>
  readonly upstream: UpstreamDirectory
  readonly #scope: SharedScope
  #exchanges = 0
  #isRetired = false
  #onGone: (() => void) | null = null

  /** Builds everything that can fail. Throws an `Error` with one clear line, and then holds nothing. */
  constructor(options: GenerationOptions) {
    const { model, scope, upstreamShared: shared } = options
    this.id = options.id
    this.model = model
    this.#scope = scope
    this.upstream = new UpstreamDirectory({ model, scope, meter: options.tools.meter, shared })
    const tools: Tools = { ...options.tools, shared: scope, upstream: this.upstream }
    this.chains = buildChains(model, { inbound: tools, outbound: tools })
    this.accept = {
      inbound: acceptance(model, 'inbound', tools),
      outbound: acceptance(model, 'outbound', tools),
    }
  }

  /** Exchanges that are in it. */
  get exchanges(): number {
    return this.#exchanges
  }

  /** It serves from now on. Cannot fail. */
  activate(): void {
    this.upstream.activate()
  }

  /** Counts an exchange in. Each is to be counted out once, with {@link leave}. */
  enter(): void {
    this.#exchanges += 1
  }

  /** Counts an exchange out. */
  leave(): void {
    this.#exchanges -= 1
    this.#letGo()
  }

  /** Nothing new will enter. Calls `onGone` when the last exchange has left, which may be at once. */
  retire(onGone: () => void): void {
    this.#isRetired = true
    this.#onGone = onGone
    this.#letGo()
  }

  #letGo(): void {
    if (!this.#isRetired || this.#exchanges > 0) return
    const onGone = this.#onGone
    this.#onGone = null
    if (!onGone) return
    this.#scope[Symbol.dispose]()
    onGone()
  }
}
