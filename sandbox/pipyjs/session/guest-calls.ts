import type { PluginMeter } from '../../plugin/contract.ts'
import { EngineError, type GuestEntry, type GuestValue, type ScriptEngine } from '../../quickjs/contract.ts'
import type { SessionContext } from './context.ts'
import type { HostSide } from './host-side.ts'
import type { Positions } from './positions.ts'
import type { Slots } from './slots.ts'

/**
 * Calls into the guest, one at a time. What a call writes takes effect when it
 * has ended well, with all the jobs that it left; otherwise there is nothing of it.
 */
export class GuestCalls {
  /** Called soon after a call that failed and has ended the instance, or has left something to be done. */
  afterFailure: () => void = () => {}
  readonly #engine: ScriptEngine
  readonly #side: HostSide
  readonly #slots: Slots
  readonly #positions: Positions
  readonly #meter: Pick<PluginMeter, 'called' | 'failed'>
  readonly #finish: GuestEntry
  #startedAt = 0
  /** The context that the guest forgets in this call. */
  #forgotten: SessionContext | null = null

  constructor(
    engine: ScriptEngine,
    side: HostSide,
    slots: Slots,
    positions: Positions,
    meter: Pick<PluginMeter, 'called' | 'failed'>,
  ) {
    this.#engine = engine
    this.#side = side
    this.#slots = slots
    this.#positions = positions
    this.#meter = meter
    this.#finish = engine.entry('finish')
  }

  /** Calls an entry with numbers, for a context; throws a `PluginError`. */
  numbers(entry: GuestEntry, context: SessionContext | null, a: number, b: number, c: number): number {
    this.#begin(context)
    try {
      const result = this.#engine.callNumbers(entry, a, b, c)
      if (this.#side.wantsFinish) this.#look()
      this.#end(context)
      return result
    } catch (thrown) {
      throw this.#failed(thrown, context)
    }
  }

  /** Calls an entry with anything, for a context; throws a `PluginError`. */
  values(entry: GuestEntry, context: SessionContext | null, args: readonly GuestValue[]): number {
    this.#begin(context)
    try {
      const result = this.#engine.call(entry, args)
      if (this.#side.wantsFinish) this.#look()
      this.#end(context)
      return Number(result)
    } catch (thrown) {
      throw this.#failed(thrown, context)
    }
  }

  /** Calls an entry that runs nothing of the script's: such calls are not counted. */
  uncounted(entry: GuestEntry, context: SessionContext, a: number, b: number): void {
    this.#enter(context)
    try {
      this.#engine.callNumbers(entry, a, b, 0)
    } catch (thrown) {
      throw thrown instanceof EngineError ? this.#positions.error(thrown) : thrown
    } finally {
      this.#side.rollback()
      this.#forget()
    }
  }

  #begin(context: SessionContext | null): void {
    if (context) this.#enter(context)
    else this.#side.calling.current = null
    this.#startedAt = performance.now()
  }

  #enter(context: SessionContext): void {
    this.#side.calling.current = context
    if (context.isEntered) return
    context.isEntered = true
    this.#forgotten = this.#slots.enter(context)
  }

  /** What the guest has let go of can be let go of here. */
  #forget(): void {
    if (this.#forgotten) this.#side.heads.release(this.#forgotten)
    this.#forgotten = null
  }

  /** What the script has changed without our seeing it is looked at, with all its jobs done. */
  #look(): void {
    this.#side.wantsFinish = false
    this.#engine.callNumbers(this.#finish, 0, 0, 0)
  }

  #end(context: SessionContext | null): void {
    this.#side.commit()
    if (this.#forgotten) this.#forget()
    this.#meter.called(performance.now() - this.#startedAt, context?.cx)
    context?.relatives.stir()
  }

  #failed(thrown: unknown, context: SessionContext | null): unknown {
    this.#side.rollback()
    this.#forget()
    // What is no failure of the guest's is ours, and must not be taken for one of the plugin's.
    if (!(thrown instanceof EngineError)) return thrown
    this.#meter.called(performance.now() - this.#startedAt, context?.cx)
    context?.relatives.stir()
    if (thrown.isFatal || this.#side.deferred.length > 0) queueMicrotask(this.afterFailure)
    const error = this.#positions.error(thrown)
    this.#meter.failed(error.kind, error, context?.cx)
    return error
  }
}
