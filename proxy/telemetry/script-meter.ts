import type { Log } from '../../chains/context.ts'
import { metrics } from '../../chains/telemetry.ts'
import type { ScriptMetric, ScriptMetricKind, ScriptMetrics } from '../../sandbox/plugin/script-metrics.ts'
import { type ScriptFamily, seriesKey } from './metric-snapshot.ts'

/** The buckets of a histogram that names none, those of prom-client. */
const usualBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
const maxMetrics = 100
const maxSeries = 1_000
const maxBuckets = 50
const maxLabels = 10
const maxNameLength = 128
const maxLabelLength = 256
const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/

/** What plugins count in one worker. */
export class ScriptMeter implements ScriptMetrics {
  readonly #log: Log | null
  readonly #families = new Map<string, Family>()
  /** By plugin: how many metrics and series it has. */
  readonly #uses = new Map<string, { metrics: number; series: number; isFull: boolean }>()

  constructor(log: Log | null = null) {
    this.#log = log
  }

  metric(
    plugin: string,
    kind: ScriptMetricKind,
    name: string,
    labels: readonly string[],
    buckets: readonly number[] | null,
  ): ScriptMetric {
    checkNames(name, labels)
    const bounds = kind === 'histogram' ? checkedBuckets(name, buckets ?? usualBuckets) : []
    const key = JSON.stringify([plugin, name, kind, labels, bounds])
    const found = this.#families.get(key)
    if (found) return found
    const uses = this.#uses.get(plugin) ?? { metrics: 0, series: 0, isFull: false }
    if (uses.metrics >= maxMetrics) throw new RangeError(`a plugin has at most ${maxMetrics} metrics`)
    for (const family of this.#families.values()) {
      if (family.name === name && family.kind !== kind) {
        throw new RangeError(`metric ${name} is a ${family.kind} already, and cannot be a ${kind}`)
      }
    }
    uses.metrics += 1
    this.#uses.set(plugin, uses)
    const mayAdd = (): boolean => {
      if (uses.series < maxSeries) {
        uses.series += 1
        return true
      }
      if (!uses.isFull) {
        uses.isFull = true
        this.#log?.warn('a plugin has too many metric series: further ones are not counted', {
          plugin,
          maxSeries,
        })
      }
      return false
    }
    const family = new Family(plugin, kind, name, labels, bounds, mayAdd)
    this.#families.set(key, family)
    return family
  }

  /** A copy of all numbers as they are now. */
  snapshot(): ScriptFamily[] {
    return [...this.#families.values()].map((family) => family.snapshot())
  }
}

class Family implements ScriptMetric {
  readonly name: string
  readonly kind: ScriptMetricKind
  readonly #plugin: string
  readonly #labelNames: readonly string[]
  readonly #buckets: readonly number[]
  readonly #mayAdd: () => boolean
  readonly #series = new Map<string, { readonly labels: readonly string[]; readonly values: Float64Array }>()

  constructor(
    plugin: string,
    kind: ScriptMetricKind,
    name: string,
    labelNames: readonly string[],
    buckets: readonly number[],
    mayAdd: () => boolean,
  ) {
    this.#plugin = plugin
    this.kind = kind
    this.name = name
    this.#labelNames = labelNames
    this.#buckets = buckets
    this.#mayAdd = mayAdd
  }

  add(values: readonly string[], amount: number): void {
    if (!Number.isFinite(amount) || (this.kind === 'counter' && amount < 0)) return
    const cell = this.#cell(values)
    if (cell) cell[0] = (cell[0] as number) + amount
  }

  set(values: readonly string[], value: number): void {
    if (!Number.isFinite(value) || (this.kind === 'counter' && value !== 0)) return
    const cell = this.#cell(values)
    if (cell) cell[0] = value
  }

  observe(values: readonly string[], value: number): void {
    if (!Number.isFinite(value) || this.kind !== 'histogram') return
    const cell = this.#cell(values)
    if (!cell) return
    const found = this.#buckets.findIndex((bound) => value <= bound)
    const index = found < 0 ? this.#buckets.length : found
    cell[index] = (cell[index] as number) + 1
    cell[cell.length - 1] = (cell[cell.length - 1] as number) + value
  }

  snapshot(): ScriptFamily {
    const series = [...this.#series.values()]
    const width = this.#width()
    const values = new Float64Array(series.length * width)
    for (const [index, one] of series.entries()) values.set(one.values, index * width)
    return {
      name: this.name,
      kind: this.kind,
      labelNames: ['plugin', ...this.#labelNames],
      buckets: this.#buckets,
      labels: series.flatMap(({ labels }) => [this.#plugin, ...labels]),
      values,
    }
  }

  #width(): number {
    return this.kind === 'histogram' ? this.#buckets.length + 2 : 1
  }

  #cell(given: readonly string[]): Float64Array | null {
    const labels = this.#labelNames.map((_, index) => (given[index] ?? '').slice(0, maxLabelLength))
    const key = seriesKey(labels)
    const found = this.#series.get(key)
    if (found) return found.values
    if (!this.#mayAdd()) return null
    const values = new Float64Array(this.#width())
    this.#series.set(key, { labels, values })
    return values
  }
}

function checkNames(name: string, labels: readonly string[]): void {
  if (!metricName.test(name) || name.length > maxNameLength) {
    throw new RangeError(`${JSON.stringify(name)} cannot be the name of a metric`)
  }
  if (Object.hasOwn(metrics, name) || /^(pillion|process|nodejs)_/.test(name)) {
    throw new RangeError(`metric ${name} is one of the proxy's own; a plugin needs another name`)
  }
  if (labels.length > maxLabels) throw new RangeError(`metric ${name} has more than ${maxLabels} labels`)
  for (const label of labels) {
    if (!labelName.test(label) || label === 'plugin' || label === 'le') {
      throw new RangeError(`${JSON.stringify(label)} cannot be a label of metric ${name}`)
    }
  }
}

function checkedBuckets(name: string, buckets: readonly number[]): number[] {
  const isAscending = buckets.every(
    (bound, index) => Number.isFinite(bound) && (index === 0 || bound > (buckets[index - 1] as number)),
  )
  if (!isAscending || buckets.length === 0 || buckets.length > maxBuckets) {
    throw new RangeError(`the buckets of ${name} must be 1 to ${maxBuckets} numbers that ascend`)
  }
  return [...buckets]
}
