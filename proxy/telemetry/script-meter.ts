import type { Log } from '../../chains/context.ts'
import { metrics } from '../../chains/telemetry.ts'
import type {
  ScriptMetric,
  ScriptMetricKind,
  ScriptMetrics,
  ScriptMetricsRegistry,
} from '../../sandbox/plugin/script-metrics.ts'
import { type ScriptFamily, type ScriptSnapshot, seriesKey } from './metric-snapshot.ts'

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

/** What one plugin takes up, however many versions of it are loaded. */
interface Usage {
  loads: number
  series: number
  isFull: boolean
}

/** A metric, and how many versions of its plugin in how many generations have made it. */
interface Shared {
  readonly family: Family
  loads: number
}

/** What plugins count in one worker. */
export class ScriptMeter implements ScriptMetricsRegistry {
  readonly #log: Log | null
  readonly #families = new Map<string, Shared>()
  readonly #usages = new Map<string, Usage>()

  constructor(log: Log | null = null) {
    this.#log = log
  }

  open(plugin: string): ScriptMetrics & Disposable {
    const usage = this.#usages.get(plugin) ?? { loads: 0, series: 0, isFull: false }
    this.#usages.set(plugin, usage)
    usage.loads += 1
    const own = new Map<string, { readonly key: string; readonly family: Family }>()
    return {
      metric: (kind, name, labels, buckets) => {
        checkNames(name, labels)
        const bounds = kind === 'histogram' ? checkedBuckets(name, buckets ?? usualBuckets) : []
        const key = JSON.stringify([plugin, name, kind, labels, bounds])
        const known = own.get(name)
        if (known?.key === key) return known.family
        if (known)
          throw new RangeError(`metric ${name} is ${known.family.form} already, and cannot be another`)
        if (own.size >= maxMetrics) throw new RangeError(`a plugin has at most ${maxMetrics} metrics`)
        const make = () => new Family(plugin, kind, name, labels, bounds, () => this.#mayAdd(plugin, usage))
        const family = this.#share(key, make)
        own.set(name, { key, family })
        return family
      },
      [Symbol.dispose]: () => {
        for (const { key } of own.values()) this.#release(key, usage)
        own.clear()
        usage.loads -= 1
        if (usage.loads === 0) this.#usages.delete(plugin)
      },
    }
  }

  /** A copy of all numbers as they are now. */
  snapshot(): ScriptSnapshot {
    return {
      plugins: [...this.#usages.keys()],
      families: [...this.#families.values()].map(({ family }) => family.snapshot()),
    }
  }

  #share(key: string, make: () => Family): Family {
    const shared = this.#families.get(key) ?? { family: make(), loads: 0 }
    this.#families.set(key, shared)
    shared.loads += 1
    return shared.family
  }

  #release(key: string, usage: Usage): void {
    const shared = this.#families.get(key)
    if (!shared) return
    shared.loads -= 1
    if (shared.loads > 0) return
    this.#families.delete(key)
    usage.series -= shared.family.size
    usage.isFull = false
  }

  #mayAdd(plugin: string, usage: Usage): boolean {
    if (usage.series < maxSeries) {
      usage.series += 1
      return true
    }
    if (!usage.isFull) {
      usage.isFull = true
      this.#log?.warn('a plugin has too many metric series: further ones are not counted', {
        plugin,
        maxSeries,
      })
    }
    return false
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

  /** How many series it has. */
  get size(): number {
    return this.#series.size
  }

  /** What it is, for messages. */
  get form(): string {
    const parts = [
      ...this.#labelNames.map((label) => `label ${label}`),
      ...this.#buckets.map((le) => `bucket ${le}`),
    ]
    return `a ${this.kind} with ${parts.length > 0 ? parts.join(', ') : 'no labels'}`
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
