import type { Context } from '../../../chains/context.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { PluginError } from '../../plugin/contract.ts'
import { type EngineCode, EngineError, type GuestEntry, type ScriptEngine } from '../../quickjs/contract.ts'
import { createEngine } from '../../quickjs/engine.ts'
import { parseStack } from '../../quickjs/faults.ts'
import type { StartEvent } from '../events.ts'
import type {
  CallbackArgument,
  CallbackResult,
  Expectation,
  GuestContext,
  GuestSession,
} from '../guest-session.ts'
import type { Plan } from '../plan.ts'
import { cross } from './callback-arguments.ts'
import { type Callback, callbacksOf } from './callbacks.ts'
import type { CallingContext } from './calling.ts'
import { type ContextCalls, SessionContext } from './context.ts'
import { codeOf, codes, type Settlement } from './deposits.ts'
import { Family } from './family.ts'
import { GuestCalls } from './guest-calls.ts'
import { type GuestModules, readGuestModules } from './guest-modules.ts'
import { type GuestHost, HostSide } from './host-side.ts'
import { neededModules } from './library/needed-modules.ts'
import { loadScript, positionsOf } from './load-script.ts'
import { loaded, loadMsOf } from './load-times.ts'
import type { Positions } from './positions.ts'
import { Slots } from './slots.ts'

export type { GuestHost } from './host-side.ts'

/** What a result is wanted for, as the guest knows it. */
const purposes = { nothing: 0, truth: 1, events: 2, value: 3 } as const satisfies Record<Expectation, number>

/** Read once for the code of the engine that they run on. */
const modulesOf = new WeakMap<EngineCode, GuestModules>()

/**
 * Starts a guest with the script of a plugin: some milliseconds. Throws a
 * `PluginFault` when the script cannot be run; then nothing is held.
 */
export function createGuestSession(spec: PluginSpec, code: EngineCode, host: GuestHost): GuestSession {
  let guest = modulesOf.get(code)
  if (!guest) {
    guest = readGuestModules()
    modulesOf.set(code, guest)
  }
  return new Session(spec, code, guest, host)
}

/** A promise of a callback that the runtime waits for. */
interface Waiting {
  readonly context: SessionContext
  readonly resolve: (result: CallbackResult) => void
  readonly reject: (error: PluginError) => void
}

class Session implements GuestSession, ContextCalls {
  readonly plan: Plan
  readonly #side: HostSide
  readonly #engine: ScriptEngine
  readonly #positions: Positions
  readonly #calls: GuestCalls
  readonly #callMs: number
  readonly #meter: GuestHost['meter']
  readonly #slots = new Slots()
  readonly #callbacks: readonly Callback[]
  /** The message that callbacks see which cannot keep it. */
  readonly #shown: GuestEntry
  readonly #waiting = new Map<number, Waiting>()
  readonly #entries: Readonly<Record<'start' | 'with' | 'clone' | 'close' | 'settle' | 'resume', GuestEntry>>
  #lastFamily = 0

  constructor(spec: PluginSpec, code: EngineCode, guest: GuestModules, host: GuestHost) {
    const { callMs, memoryMiB } = spec.policy.limits
    this.#callMs = callMs
    this.#positions = positionsOf(spec)
    this.#side = new HostSide(spec, host, (ticket, context) => this.#fire(ticket, context))
    const startedAt = performance.now()
    const limits = { callMs, loadMs: loadMsOf(spec), heapBytes: memoryMiB * 2 ** 20 }
    try {
      const needed = { ...guest, modules: neededModules(guest.modules, spec.source) }
      this.#engine = createEngine(code, { limits, functions: this.#side.functions, guest: needed })
      const entry = (name: string) => this.#engine.entry(name)
      this.#entries = {
        start: entry('callWithStart'),
        with: entry('callWith'),
        clone: entry('clone'),
        close: entry('close'),
        settle: entry('settle'),
        resume: entry('resume'),
      }
      this.#meter = host.meter
      this.#calls = new GuestCalls(this.#engine, this.#side, this.#slots, this.#positions, host.meter)
      this.#calls.afterFailure = () => this.#afterFailure()
      this.plan = loadScript(this.#engine, spec, this.#positions)
      this.#callbacks = callbacksOf(this.#engine)
      this.#shown = this.#engine.keep(entry('shown'), 0)
      this.#side.rollback()
      loaded(spec, performance.now() - startedAt)
    } catch (thrown) {
      this[Symbol.dispose]()
      throw this.#positions.fault(thrown)
    }
  }

  get isDead(): boolean {
    return this.#engine.isDead
  }

  get memoryBytes(): number {
    return this.#engine.memoryBytes
  }

  open(cx: Context, parent: GuestContext | null): GuestContext {
    const origin = parent instanceof SessionContext ? parent : null
    const context = new SessionContext(this, this.#slots.take(), cx, origin?.relatives ?? this.#newFamily())
    if (!origin) return context
    this.#side.exported.copy(origin.cx, cx)
    context.assigned = origin.assigned
    if (origin.isEntered) this.#calls.uncounted(this.#entries.clone, context, origin.id, context.id)
    return context
  }

  call(
    context: SessionContext,
    fn: number,
    expected: Expectation,
    args: readonly CallbackArgument[],
  ): CallbackResult {
    const purpose = purposes[expected]
    if (args.length === 0 && (expected === 'truth' || expected === 'nothing')) {
      const { callback } = this.#callbackOf(fn)
      const result = this.#calls.kept(callback, context, null, purpose)
      return this.#complete(context, codeOf(result, expected), expected)
    }
    const { heads, deposits } = this.#side
    const { values, bytes } = cross(args, heads, context, deposits.nextGiven)
    deposits.give(bytes)
    const code = this.#calls.values(this.#entries.with, context, [fn, purpose, ...values])
    return this.#complete(context, code, expected)
  }

  callWithStart(context: SessionContext, fn: number, start: StartEvent): Promise<CallbackResult> | null {
    const { heads } = this.#side
    const { callback, isShown } = this.#callbackOf(fn)
    let code: number
    if (isShown) {
      heads.show(start.head, context)
      const result = this.#calls.kept(callback, context, this.#shown, purposes.nothing)
      code = typeof result === 'number' ? result : codes.none
    } else {
      code = this.#calls.numbers(this.#entries.start, context, fn, heads.lift(start.head, context), 0)
    }
    if (code === codes.none) {
      this.#settleRest()
      return null
    }
    const result = this.#complete(context, code, 'nothing')
    return result.type === 'promise' ? result.result : null
  }

  close(context: SessionContext): void {
    if (this.#waiting.size > 0) this.#forgetWaiting(context)
    if (this.#slots.leave(context) && !this.isDead) {
      try {
        this.#calls.uncounted(this.#entries.close, context, context.id, 0)
      } catch {
        // It failed by running out of something: the exchange is over all the same.
      }
    } else if (context.isEntered) return
    this.#side.heads.release(context)
  }

  [Symbol.dispose](): void {
    this.#side[Symbol.dispose]()
    this.#engine?.[Symbol.dispose]()
    this.#rejectAll(new EngineError('crash', 'the plugin was taken out of service', [], true))
  }

  #callbackOf(fn: number): Callback {
    const callback = this.#callbacks[fn]
    if (!callback) throw new Error(`the plan names a callback ${fn} that there is not`)
    return callback
  }

  /** The result of a call that has ended well. */
  #complete(context: SessionContext, code: number, expected: Expectation): CallbackResult {
    if (code < codes.promise) {
      const result = this.#side.deposits.take(code)
      this.#settleRest()
      return result
    }
    const promise = code - codes.promise
    const result = new Promise<CallbackResult>((resolve, reject) => {
      this.#waiting.set(promise, { context, resolve, reject })
    })
    // Whoever waits for it hears of it; nobody need wait.
    result.catch(() => {})
    // A promise is true whatever comes of it: that it is one must be seen.
    const settled = this.#settleRest(expected === 'truth' ? 0 : promise)
    return settled ?? { type: 'promise', result }
  }

  /** Tells those who wait what has become of their promises, and does what was deferred. Gives the result of `wanted`, if there is one. */
  #settleRest(wanted = 0): CallbackResult | null {
    const { deposits, deferred } = this.#side
    let result: CallbackResult | null = null
    for (const settlement of deposits.takeSettled()) {
      if (settlement.promise === wanted && 'parcel' in settlement) {
        result = deposits.resultOf(settlement.parcel, settlement.code)
        this.#waiting.delete(wanted)
      } else this.#settle(settlement)
    }
    if (deferred.length > 0) this.#resumeAll()
    return result
  }

  #settle(settlement: Settlement): void {
    const waiting = this.#waiting.get(settlement.promise)
    this.#waiting.delete(settlement.promise)
    if (!waiting) return
    if ('parcel' in settlement) {
      waiting.resolve(this.#side.deposits.resultOf(settlement.parcel, settlement.code))
      return
    }
    const error = this.#positions.rejection(settlement.message, parseStack(settlement.stack))
    this.#meter.failed(error.kind, error, waiting.context.cx)
    waiting.reject(error)
  }

  /** Each in a call of its own; all of them together have the time of one. */
  #resumeAll(): void {
    const { deferred } = this.#side
    if (deferred.length === 0) return
    const until = performance.now() + this.#callMs
    for (let id = deferred.shift(); id !== undefined; id = deferred.shift()) {
      if (performance.now() > until) {
        this.#rejectAll(new EngineError('timeout', `ran for more than ${this.#callMs} ms`, [], true))
        this.#engine[Symbol.dispose]()
        return
      }
      const context = this.#slots.get(id)
      this.#enter(context, () => this.#calls.numbers(this.#entries.resume, context, 0, 0, 0))
    }
  }

  /** What others wait for is done, or will never be. */
  #afterFailure(): void {
    if (this.isDead) this.#rejectAll(new EngineError('crash', 'its instance died', [], true))
    else this.#resumeAll()
  }

  #fire(ticket: number, context: CallingContext | null): void {
    if (this.isDead) return
    const known = context instanceof SessionContext ? context : null
    this.#enter(known, () => this.#calls.values(this.#entries.settle, known, [ticket, true, true]))
    this.#resumeAll()
  }

  /** A call that nobody waits for: if it fails, those who wait for its context hear of it. */
  #enter(context: SessionContext | null, enter: () => void): void {
    try {
      enter()
    } catch (thrown) {
      if (this.isDead) this.#rejectAll(thrown)
      else if (context) this.#reject(thrown, context)
      return
    }
    for (const settlement of this.#side.deposits.takeSettled()) this.#settle(settlement)
  }

  #newFamily(): Family {
    this.#lastFamily += 1
    return new Family(this.#lastFamily)
  }

  #forgetWaiting(context: SessionContext): void {
    for (const [promise, waiting] of this.#waiting) {
      if (waiting.context === context) this.#waiting.delete(promise)
    }
  }

  #rejectAll(thrown: unknown): void {
    this.#reject(thrown, null)
  }

  /** Fails what waits for a context; for null, everything. */
  #reject(thrown: unknown, context: SessionContext | null): void {
    const error = this.#positions.error(thrown)
    for (const [promise, waiting] of [...this.#waiting]) {
      if (context !== null && waiting.context !== context) continue
      this.#waiting.delete(promise)
      waiting.reject(error)
    }
  }
}
