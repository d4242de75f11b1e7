import type { Context, Log } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { ChainName, Direction } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { Counter, Histogram, Meter } from '../../chains/telemetry.ts'
import type { Clock } from '../../chains/tools.ts'
import { PluginError, type PluginErrorKind, type PluginMeter } from './contract.ts'

/** What one version of a plugin has done in one worker, over pushes that keep it. */
export interface PluginCounts {
  calls: number
  errors: number
  restarts: number
}

/** What became of an exchange in which a plugin failed. */
export type FailureOutcome = 'closed' | 'open' | 'previous'

/** What {@link PluginHealth} is made with. */
export interface HealthOptions {
  readonly spec: PluginSpec
  /** Where it is mounted. */
  readonly chains: readonly ChainName[]
  readonly counts: PluginCounts
  readonly meter: Meter
  readonly clock: Clock
  readonly log: Log
}

/**
 * When a plugin whose instances keep dying is held back: the first four deaths in a row are replaced at once, after
 * each further one nothing is let in for 100 ms, then 200 ms, and so on up to 5 s. Ten seconds without a death
 * end the row.
 */
export const holdBack = { freeDeaths: 4, firstMs: 100, maxMs: 5_000, calmMs: 10_000 } as const

/** With `onError: previous`, after so many exchanges in a row that failed, the version before takes over until the next push. */
export const failuresUntilReplaced = 5

/** Counts what one version of a plugin does in one worker, and decides whether exchanges are let into it. */
export class PluginHealth implements PluginMeter, Disposable {
  /** Whether exchanges end by `onError` at once, because its instances keep dying. */
  isHeldBack = false
  /** Whether the version before has taken over until the next push. */
  isReplaced = false
  /** The last failure, in one line; null when there was none. */
  lastFault: string | null = null
  readonly counts: PluginCounts
  readonly #options: HealthOptions
  readonly #byChain = new Map<string, ChainInstruments>()
  readonly #chainOf: Readonly<Record<Direction, readonly [http: string, tcp: string]>>
  readonly #restarts: Counter
  #deaths = 0
  #lastDeathAt = Number.NEGATIVE_INFINITY
  #failuresInRow = 0
  #hasServed = false
  #stopTimer: (() => void) | null = null

  constructor(options: HealthOptions) {
    const { spec, chains, meter } = options
    this.#options = options
    this.counts = options.counts
    this.#restarts = meter.counter('pillion_plugin_restarts_total', labelsOf(spec))
    const all = chains.join('+')
    const nameOf = (chain: ChainName): string => (chains.includes(chain) ? chain : all)
    this.#chainOf = {
      inbound: [nameOf('inbound-http'), nameOf('inbound-tcp')],
      outbound: [nameOf('outbound-http'), nameOf('outbound-tcp')],
    }
    for (const chain of chains) this.#instruments(chain)
  }

  called(ms: number, cx?: Context): void {
    const { calls, durations, cpu } = this.#instruments(this.#labelOf(cx))
    this.counts.calls += 1
    calls.add()
    durations.observe(ms / 1_000)
    cpu.add(ms / 1_000)
  }

  failed(kind: PluginErrorKind, error: PluginError, cx?: Context): void {
    const chain = this.#labelOf(cx)
    const { name, version } = this.#options.spec
    this.counts.errors += 1
    this.lastFault = error.message
    this.#instruments(chain).error(kind).add()
    this.#options.log.warn(`plugin ${name} failed`, { version, chain, kind, error, ...(cx && { id: cx.id }) })
  }

  restarted(): void {
    const { clock, log, spec } = this.#options
    this.counts.restarts += 1
    this.#restarts.add()
    const now = clock.now()
    if (now - this.#lastDeathAt > holdBack.calmMs) this.#deaths = 0
    this.#lastDeathAt = now
    this.#deaths += 1
    const held = this.#deaths - holdBack.freeDeaths
    if (held <= 0 || this.isHeldBack) return
    const waitMs = Math.min(holdBack.maxMs, holdBack.firstMs * 2 ** Math.min(held - 1, 20))
    this.isHeldBack = true
    log.warn(`plugin ${spec.name} is held back: its instances keep dying`, { version: spec.version, waitMs })
    this.#stopTimer = clock.after(waitMs, () => {
      this.isHeldBack = false
    })
  }

  /** Whether every exchange so far has failed, and the version before has helped out. */
  get isFailing(): boolean {
    return this.#failuresInRow > 0 && !this.#hasServed
  }

  /** An exchange went through it well. */
  exchangeWell(): void {
    this.#failuresInRow = 0
    this.#hasServed = true
  }

  /** It failed in an exchange, or was not let in, and this became of it. */
  exchangeFailed(cx: Context, outcome: FailureOutcome): void {
    this.#instruments(this.#labelOf(cx)).outcome(outcome).add()
    const { spec, log } = this.#options
    if (spec.policy.onError !== 'previous' || !spec.previous || this.isHeldBack || this.isReplaced) return
    this.#failuresInRow += 1
    if (this.#failuresInRow < failuresUntilReplaced) return
    this.isReplaced = true
    log.error(
      `plugin ${spec.name} failed ${failuresUntilReplaced} times in a row: the version before takes over`,
      {
        version: spec.version,
        previous: spec.previous.version,
      },
    )
  }

  /** It could not be loaded, and this became of an exchange without it. */
  notLoaded(cx: Context, outcome: FailureOutcome): void {
    this.counts.errors += 1
    this.#instruments(this.#labelOf(cx)).outcome(outcome).add()
  }

  /** What an exchange in shadow mode came to. */
  verdict(cx: Context, verdict: string): void {
    this.#instruments(this.#labelOf(cx)).verdict(verdict).add()
  }

  /** What an exchange fails with that is not let in. */
  refusal(): ProxyError {
    const { name, version } = this.#options.spec
    return new ProxyError(
      'PLUGIN_THREW',
      `plugin ${name} (${version}) is held back: its instances keep dying`,
    )
  }

  [Symbol.dispose](): void {
    this.#stopTimer?.()
  }

  /** By the direction and kind of the exchange; all of them together when nobody said which. */
  #labelOf(cx: Context | undefined): string {
    const { chains } = this.#options
    if (chains.length === 1) return chains[0] as string
    if (!cx) return chains.join('+')
    return this.#chainOf[cx.peer.direction][cx.vars.protocol === 'http' ? 0 : 1]
  }

  #instruments(chain: string): ChainInstruments {
    let made = this.#byChain.get(chain)
    if (!made) {
      made = new ChainInstruments({ ...labelsOf(this.#options.spec), chain }, this.#options.meter)
      this.#byChain.set(chain, made)
    }
    return made
  }
}

/** The labels of everything that is counted of a version of a plugin. */
export const labelsOf = ({ name, version }: PluginSpec) => ({ plugin: name, version })

/** Whether a failure is that of a plugin, and not of what is behind it in the chain. */
export function isFailureOf({ name, version }: PluginSpec, thrown: unknown): thrown is ProxyError {
  if (!(thrown instanceof ProxyError) || !(thrown.cause instanceof PluginError)) return false
  return thrown.cause.plugin === name && thrown.cause.version === version
}

/** The instruments of one plugin on one chain; the rarer ones are made when first needed. */
class ChainInstruments {
  readonly calls: Counter
  readonly durations: Histogram
  readonly cpu: Counter
  readonly #labels: Readonly<Record<'plugin' | 'version' | 'chain', string>>
  readonly #meter: Meter

  constructor(labels: Readonly<Record<'plugin' | 'version' | 'chain', string>>, meter: Meter) {
    this.#labels = labels
    this.#meter = meter
    this.calls = meter.counter('pillion_plugin_calls_total', labels)
    this.durations = meter.histogram('pillion_plugin_call_duration_seconds', labels)
    this.cpu = meter.counter('pillion_plugin_cpu_seconds_total', labels)
  }

  error(kind: PluginErrorKind): Counter {
    return this.#meter.counter('pillion_plugin_errors_total', { ...this.#labels, kind })
  }

  outcome(outcome: FailureOutcome): Counter {
    return this.#meter.counter('pillion_plugin_exchanges_failed_total', { ...this.#labels, outcome })
  }

  verdict(verdict: string): Counter {
    return this.#meter.counter('pillion_plugin_shadow_verdicts_total', { ...this.#labels, verdict })
  }
}
