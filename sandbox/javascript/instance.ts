import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { PluginGrants, PluginSpec } from '../../chains/plugins.ts'
import { PluginError, PluginFault, type PluginHost, pluginFailure } from '../plugin/contract.ts'
import { grantsOf } from '../plugin/grants.ts'
import type { EngineCode, GuestEntry, GuestValue, ScriptEngine } from '../quickjs/contract.ts'
import { EngineError } from '../quickjs/contract.ts'
import { createEngine } from '../quickjs/engine.ts'
import { parseStack } from '../quickjs/faults.ts'
import { Callouts } from './callouts.ts'
import { type Change, Draft, ScriptExchange } from './exchange.ts'
import { hostFunctions } from './functions.ts'
import type { GuestSources } from './guest-sources.ts'
import { type Positions, positionsOf } from './positions.ts'
import type { Script } from './script.ts'
import { type Settlement, Settlements } from './settlements.ts'
import { ConfigNumbers } from './variables.ts'

/** Promises of the guest for which one exchange can wait at a time. */
const maxWaits = 256
/** What settlements take of a turn of the event loop before the last one, as a share of `callMs`. */
const turnShare = 0.5
const entryNames = [
  'received',
  'callbacks',
  'request',
  'response',
  'data',
  'settle',
  'settleFetch',
  'close',
] as const
type EntryName = (typeof entryNames)[number]

const over = 'the exchange is over'

/** Which callbacks a plugin has, as bits; the guest's own numbers. */
export const callbackBits = { onRequest: 1, onResponse: 2, onData: 4 } as const

/** What an instance is made from. */
export interface InstanceOptions {
  readonly spec: PluginSpec
  readonly host: PluginHost
  readonly code: EngineCode
  readonly sources: GuestSources
  /** How long the evaluation of the plugin may take, in milliseconds. */
  readonly loadMs: number
}

/** What a call wants done when it is over. */
interface Wanted {
  readonly exchange: ScriptExchange | null
  readonly make: Change
  /** The promise of the guest that waits for it; 0 is none. */
  readonly promise: number
}

/**
 * One instance of a JavaScript plugin: an engine, and the exchanges in it.
 * When the engine dies, all of them end. Throws a {@link PluginFault} when the plugin cannot be loaded.
 */
export class ScriptInstance implements Script, Disposable {
  readonly spec: PluginSpec
  readonly host: PluginHost
  /** What it may reach, by its policy or because its config names it. */
  readonly grants: PluginGrants
  readonly exchanges = new Map<number, ScriptExchange>()
  readonly configs = new ConfigNumbers()
  readonly callouts = new Callouts()
  /** Which callbacks there are. */
  readonly callbacks: number
  readonly #engine: ScriptEngine
  readonly #entries: Readonly<Record<EntryName, GuestEntry>>
  readonly #positions: Positions
  readonly #settlements: Settlements
  /** What the call that runs wants done when it is over. */
  #wanted: Wanted[] = []
  readonly #drafts: { readonly exchange: ScriptExchange; readonly way: 0 | 1 }[] = []
  #current: ScriptExchange | null = null
  #lastId = 0

  constructor({ spec, host, code, sources, loadMs }: InstanceOptions) {
    this.spec = spec
    this.host = host
    this.grants = grantsOf(spec, host.model)
    this.#positions = positionsOf(spec)
    const { callMs, memoryMiB } = spec.policy.limits
    this.#settlements = new Settlements(callMs * turnShare, (settlement) => this.#settle(settlement))
    try {
      this.#engine = createEngine(code, {
        limits: { callMs, loadMs, heapBytes: memoryMiB * 1_048_576 },
        functions: hostFunctions(this),
        guest: sources,
      })
      const entries = entryNames.map((name) => [name, this.#engine.entry(name)] as const)
      this.#entries = Object.fromEntries(entries) as Record<EntryName, GuestEntry>
      this.#engine.evaluateModule(spec.source, this.#positions.file, this.#entries.received)
      this.callbacks = this.#engine.callNumbers(this.#entries.callbacks, 0, 0, 0)
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown
      throw new PluginFault(spec, this.#positions.of(thrown.frames), thrown.message)
    }
  }

  get isDead(): boolean {
    return this.#engine.isDead
  }

  get memoryBytes(): number {
    return this.#engine.memoryBytes
  }

  /** A new exchange in the guest. It is to be closed. */
  open(cx: Context): ScriptExchange {
    this.#lastId += 1
    const exchange = new ScriptExchange(this.#lastId, cx)
    this.exchanges.set(exchange.id, exchange)
    return exchange
  }

  /** Forgets an exchange, in the guest too. Harmless when it is forgotten already. */
  close(exchange: ScriptExchange): void {
    if (!this.exchanges.delete(exchange.id)) return
    exchange.endedAt = this.host.tools.clock.now()
    // a body is that of its exchange alone; what else was asked for may be waited for by others
    exchange.giveUpReading(new ProxyError('CLIENT_GONE', over))
    this.callouts.leave(exchange)
    if (this.isDead) return
    try {
      this.#engine.callNumbers(this.#entries.close, exchange.id, 0, 0)
    } catch (thrown) {
      this.failure(thrown, exchange.cx)
    }
  }

  /** Runs `onRequest` or `onResponse`. Throws a `PluginError`. */
  run(name: 'request' | 'response', exchange: ScriptExchange): number {
    return this.#timed(exchange, () => this.#engine.callNumbers(this.#entries[name], exchange.id, 0, 0))
  }

  /** Runs any other entry for an exchange. Throws a `PluginError`. */
  call(name: EntryName, exchange: ScriptExchange, args: readonly GuestValue[]): GuestValue {
    return this.#timed(exchange, () => this.#engine.call(this.#entries[name], args))
  }

  settle(exchange: ScriptExchange, promise: number, error: string, value: GuestValue): Promise<void> {
    return this.#settlements.add({ exchange, entry: 'settle', args: [promise, error, value] })
  }

  settleFetch(exchange: ScriptExchange, promise: number, head: string, body: Uint8Array): void {
    void this.#settlements.add({ exchange, entry: 'settleFetch', args: [promise, head, body] })
  }

  #settle({ exchange, entry, args }: Settlement): void {
    exchange.waits -= 1
    if (this.isDead) return
    try {
      this.call(entry, exchange, args)
    } catch (thrown) {
      if (!(thrown instanceof PluginError)) throw thrown
      exchange.fail(thrown)
    }
  }

  later(exchange: ScriptExchange | null, make: Change): void {
    this.#wanted.push({ exchange, make, promise: 0 })
  }

  ask(exchange: ScriptExchange, promise: number, begin: Change): void {
    if (exchange.waits >= maxWaits) {
      throw new RangeError(`an exchange can wait for ${maxWaits} things at a time, and no more`)
    }
    exchange.waits += 1
    this.#wanted.push({ exchange, make: begin, promise })
  }

  asker(id: number): ScriptExchange {
    const found = this.exchanges.get(id) ?? this.#current
    const { pauseMs } = this.spec.policy.limits
    if (!found || (found.endedAt !== null && this.host.tools.clock.now() - found.endedAt > pauseMs)) {
      throw new RangeError(over)
    }
    return found
  }

  draft(exchange: ScriptExchange, way: 0 | 1): Draft {
    const draft = new Draft(exchange.message(way))
    exchange.drafts[way] = draft
    this.#drafts.push({ exchange, way })
    return draft
  }

  exchange(id: number): ScriptExchange {
    const exchange = this.exchanges.get(id)
    if (!exchange) throw new RangeError(over)
    return exchange
  }

  /** Turns what an engine threw into a counted `PluginError`; all exchanges of a dead engine end with it. */
  failure(thrown: unknown, cx: Context | undefined): PluginError {
    const error = this.#positions.error(thrown)
    this.host.meter.failed(error.kind, error, cx)
    if (this.isDead) this.#endAll(error)
    return error
  }

  /** Counts a failure that is none of the engine's. */
  fail(kind: 'limit' | 'pause', reason: string, cx: Context): PluginError {
    const error = new PluginError(this.spec, kind, null, reason)
    this.host.meter.failed(kind, error, cx)
    return error
  }

  /** A promise of a callback was rejected: what with, counted. */
  rejection(
    { message, stack }: { readonly message: string; readonly stack: string },
    cx: Context,
  ): PluginError {
    return this.failure(new EngineError('exception', message, parseStack(stack), false), cx)
  }

  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]()
    this.#endAll(this.#positions.error(new EngineError('crash', 'it was unloaded', [], true)))
  }

  #endAll(error: PluginError): void {
    const ended = [...this.exchanges.values()]
    this.exchanges.clear()
    this.callouts.end(ended, pluginFailure(error))
    for (const exchange of ended) exchange.fail(error)
  }

  #timed<T>(exchange: ScriptExchange, enter: () => T): T {
    const begun = performance.now()
    this.#current = exchange
    let result: T
    try {
      result = enter()
    } catch (thrown) {
      const error = this.failure(thrown, exchange.cx)
      this.#undo(exchange, error)
      throw error
    } finally {
      this.#current = null
      this.host.meter.called(performance.now() - begun, exchange.cx)
    }
    if (this.#drafts.length > 0) this.#endDrafts(true)
    if (this.#wanted.length === 0) return result
    const wanted = this.#wanted
    this.#wanted = []
    for (const { make } of wanted) make()
    return result
  }

  /** A call failed. What it said is lost, also what it said of other exchanges, which were settled in it. */
  #undo(current: ScriptExchange, error: PluginError): void {
    const wanted = this.#wanted
    const others = new Set<ScriptExchange | null>(this.#drafts.map(({ exchange }) => exchange))
    this.#wanted = []
    this.#endDrafts(false)
    for (const { exchange, promise } of wanted) {
      others.add(exchange)
      if (exchange && promise > 0) void this.settle(exchange, promise, error.message, undefined)
    }
    others.delete(current)
    for (const exchange of others) exchange?.fail(error)
  }

  #endDrafts(isWell: boolean): void {
    for (const { exchange, way } of this.#drafts) {
      if (isWell) exchange.drafts[way]?.commit()
      exchange.drafts[way] = null
    }
    this.#drafts.length = 0
  }
}
