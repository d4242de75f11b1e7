import { createHash } from 'node:crypto'
import type { ScriptMetric, ScriptMetricKind, ScriptMetrics } from '../../plugin/script-metrics.ts'
import { type MetricsPort, type SharedNumber, type SharedState, type Status, status } from '../contract.ts'

/** By the numbers that guests use. */
const kinds = ['counter', 'gauge', 'histogram'] as const satisfies readonly ScriptMetricKind[]
/** Guests count in whole numbers, most often milliseconds or bytes. */
const buckets = [
  1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
] as const
/** Different names of a guest can be one name of Prometheus', so the bound on those is not enough. */
const maxMetrics = 1_000
const maxNameLength = 120
const digestLength = 8

interface Metric {
  readonly kind: ScriptMetricKind
  readonly exposed: ScriptMetric
  /** What `get` gives; histograms have none. */
  readonly number: SharedNumber | null
}

/**
 * The metrics of one plugin in one VM. The number that a guest gets back is one for all workers; for Prometheus each
 * worker has a share of it in `exposed`, and the shares add up. Release it when the VM ends.
 */
export class WasmMetrics implements MetricsPort, Disposable {
  readonly #owner: string
  readonly #exposed: ScriptMetrics
  readonly #shared: SharedState
  readonly #hold: Disposable
  readonly #ids = new Map<string, number>()
  readonly #metrics: Metric[] = []

  /** Throws a `RangeError` when the shared state has no room for the plugin. */
  constructor(plugin: string, exposed: ScriptMetrics, shared: SharedState) {
    this.#owner = `metrics of ${plugin}`
    this.#exposed = exposed
    this.#shared = shared
    this.#hold = shared.acquire(this.#owner)
  }

  define(type: number, name: string): number | null {
    const kind = kinds[type]
    if (!kind) return null
    const known = this.#ids.get(name)
    if (known !== undefined) return this.#metrics[known]?.kind === kind ? known : null
    if (this.#metrics.length >= maxMetrics) return null
    const exposed = this.#expose(kind, name)
    if (!exposed) return null
    const number = kind === 'histogram' ? null : this.#shared.number(this.#owner, `${kind} ${name}`)
    if (number === 'full') return null
    // Until something is counted there is no series; a guest that has defined a counter expects to see it at 0.
    if (kind !== 'histogram') exposed.add([], 0)
    this.#ids.set(name, this.#metrics.length)
    return this.#metrics.push({ kind, exposed, number }) - 1
  }

  increment(id: number, offset: bigint): Status {
    const metric = this.#metrics[id]
    if (!metric) return status.notFound
    if (!metric.number) return status.badArgument
    if (metric.kind === 'counter' && offset <= 0n) return status.badArgument
    metric.number.add(offset)
    metric.exposed.add([], Number(offset))
    return status.ok
  }

  record(id: number, value: bigint): Status {
    const metric = this.#metrics[id]
    if (!metric) return status.notFound
    if (metric.kind === 'histogram') {
      metric.exposed.observe([], Number(value))
    } else if (metric.kind === 'counter') {
      metric.number?.add(value)
      metric.exposed.add([], Number(value))
    } else if (metric.number) {
      const next = BigInt.asIntN(64, value)
      metric.exposed.add([], Number(next - metric.number.set(next)))
    }
    return status.ok
  }

  get(id: number): { readonly value: bigint } | Status {
    const metric = this.#metrics[id]
    if (!metric) return status.notFound
    return metric.number ? { value: BigInt.asUintN(64, metric.number.get()) } : status.badArgument
  }

  [Symbol.dispose](): void {
    this.#hold[Symbol.dispose]()
  }

  /** Null when there are too many, or the name is that of a metric of another kind. */
  #expose(kind: ScriptMetricKind, name: string): ScriptMetric | null {
    const cleaned = prometheusName(name)
    // A name that is one of the proxy's own is no fault of the guest: its author cannot know them.
    for (const candidate of [cleaned, `wasm_${cleaned}`]) {
      try {
        return this.#exposed.metric(kind, candidate, [], kind === 'histogram' ? buckets : null)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
      }
    }
    return null
  }
}

/** A name that Prometheus takes: as the reference has it, other characters become `_`; a long one keeps its beginning. */
export function prometheusName(name: string): string {
  const cleaned = name.replaceAll(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=[0-9]|$)/, '_')
  if (cleaned.length <= maxNameLength) return cleaned
  const digest = createHash('sha256').update(name).digest('hex').slice(0, digestLength)
  return `${cleaned.slice(0, maxNameLength - digestLength - 1)}_${digest}`
}
