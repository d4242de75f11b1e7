import type { PluginMeter } from '../../plugin/contract.ts'
import { EngineError, type GuestEntry, type GuestValue, type ScriptEngine } from '../../quickjs/contract.ts'
import type { SessionContext } from './context.ts'
import type { HostSide } from './host-side.ts'
import type { Positions } from './positions.ts'
import type { Slots } from './slots.ts'

/** What the words are that are shared with the guest: which context it is called in, and which one it has made in this call. */
const words = { called: 0, made: 1 } as const

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
  readonly #resultOf: GuestEntry
  #startedAt = 0

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
    this.#resultOf = engine.entry('resultOf')
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

  /**
   * Calls a callback itself, for a context; throws a `PluginError`. A result that is neither undefined nor a
   * boolean is handed over, and its code is what comes back.
   */
  kept(
    callback: GuestEntry,
    context: SessionContext,
    argument: GuestEntry | null,
    purpose: number,
  ): undefined | boolean | number {
    this.#begin(context)
    try {
      const result = this.#engine.callKept(callback, argument, this.#resultOf, purpose)
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
    this.#side.calling.current = context
    this.#engine.setWord(words.called, 0)
    try {
      this.#engine.callNumbers(entry, a, b, 0)
    } catch (thrown) {
      throw thrown instanceof EngineError ? this.#positions.error(thrown) : thrown
    } finally {
      this.#side.rollback()
      this.#note(context)
    }
  }

  #begin(context: SessionContext | null): void {
    this.#side.calling.current = context
    this.#engine.setWord(words.called, context === null ? 0 : context.id)
    this.#startedAt = performance.now()
  }

  /** Looks whether the guest has made the context, in place of one that it has let go of: that can be let go of here, too. */
  #note(context: SessionContext | null): void {
    if (this.#engine.word(words.made) === 0) return
    this.#engine.setWord(words.made, 0)
    if (!context || context.isEntered) return
    context.isEntered = true
    const forgotten = this.#slots.enter(context)
    if (forgotten) this.#side.heads.release(forgotten)
  }

  /** What the script has changed without our seeing it is looked at, with all its jobs done. */
  #look(): void {
    this.#side.wantsFinish = false
    this.#engine.callNumbers(this.#finish, 0, 0, 0)
  }

  #end(context: SessionContext | null): void {
    this.#side.commit()
    this.#note(context)
    this.#meter.called(performance.now() - this.#startedAt, context?.cx)
    context?.relatives.stir()
  }

  #failed(thrown: unknown, context: SessionContext | null): unknown {
    this.#side.rollback()
    this.#note(context)
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
