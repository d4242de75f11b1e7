import collectDefaultMetrics from 'prom-client/lib/defaultMetrics.js'
import Gauge from 'prom-client/lib/gauge.js'
import Registry from 'prom-client/lib/registry.js'
import { type MetricName, metrics } from '../../chains/telemetry.ts'
import { type MetricSnapshot, overflowLabel, seriesKey, seriesWidth } from './metric-snapshot.ts'
import { ScriptTotals } from './script-totals.ts'

/** What {@link MetricTotals} is made with. */
export interface MetricTotalsOptions {
  /** Of the program, for `pillion_build_info`. */
  readonly version: string
  /** Label sets of departed workers that are remembered; those beyond are added up as `overflow`. */
  readonly maxDepartedSeries?: number
}

interface Series {
  readonly labels: readonly string[]
  readonly values: Float64Array
}

/** One number as prom-client's registry prints it. */
interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const defaultMaxDepartedSeries = 50_000

/** The series of many snapshots, added up. */
class Sums {
  readonly families = new Map<MetricName, Map<string, Series>>()
  #count = 0

  /** Adds a snapshot; label sets beyond `maxSeries` go to the overflow series of their metric. */
  add(snapshot: MetricSnapshot, isWanted: (name: MetricName) => boolean, maxSeries: number): void {
    for (const { name, labels, values } of snapshot.families) {
      if (!isWanted(name)) continue
      const width = seriesWidth(name)
      const labelCount = metrics[name].labels.length
      for (let index = 0; index * width < values.length; index += 1) {
        const own = labels.slice(index * labelCount, (index + 1) * labelCount)
        this.#addSeries(name, own, values.subarray(index * width, (index + 1) * width), maxSeries)
      }
    }
  }

  /** Adds other sums to these; the others stay as they are. */
  addSums(other: Sums): void {
    for (const [name, family] of other.families) {
      for (const { labels, values } of family.values()) {
        this.#addSeries(name, labels, values, Number.POSITIVE_INFINITY)
      }
    }
  }

  #addSeries(name: MetricName, labels: readonly string[], values: Float64Array, maxSeries: number): void {
    let family = this.families.get(name)
    if (!family) {
      family = new Map()
      this.families.set(name, family)
    }
    let key = seriesKey(labels)
    if (labels.length > 0 && this.#count >= maxSeries && !family.has(key)) {
      labels = labels.map(() => overflowLabel)
      key = seriesKey(labels)
    }
    const series = family.get(key)
    if (!series) {
      family.set(key, { labels, values: values.slice() })
      this.#count += 1
      return
    }
    for (let index = 0; index < values.length; index += 1) {
      series.values[index] = (series.values[index] as number) + (values[index] as number)
    }
  }
}

/**
 * Adds up what all workers have counted, and prints it for Prometheus.
 *
 * Counters and histograms of workers that are gone stay in the totals, so that
 * no value ever falls while this process lives; their gauges go with them.
 */
export class MetricTotals {
  readonly #registry = new Registry()
  readonly #registered = new Set<MetricName>()
  readonly #maxDepartedSeries: number
  readonly #workers = new Map<number, MetricSnapshot>()
  readonly #departed = new Sums()
  readonly #scripts = new ScriptTotals()
  #current = new Sums()

  constructor(options: MetricTotalsOptions) {
    this.#maxDepartedSeries = options.maxDepartedSeries ?? defaultMaxDepartedSeries
    collectDefaultMetrics({ register: this.#registry })
    new Gauge({
      name: 'pillion_build_info',
      help: 'Always 1; the label says which version runs.',
      labelNames: ['version'],
      registers: [this.#registry],
    }).set({ version: options.version }, 1)
  }

  /** Takes the newest snapshot of a worker in place of its last. Not for a worker that is gone. */
  update(workerId: number, snapshot: MetricSnapshot): void {
    this.#workers.set(workerId, snapshot)
    this.#scripts.update(workerId, snapshot.scripts)
  }

  /** The worker will count no more. Its id may be used again after this. */
  workerGone(workerId: number): void {
    const last = this.#workers.get(workerId)
    if (!last) return
    this.#workers.delete(workerId)
    this.#scripts.workerGone(workerId)
    this.#departed.add(last, (name) => metrics[name].kind !== 'gauge', this.#maxDepartedSeries)
  }

  /** All metrics in Prometheus' text format, those of this process among them. */
  async exposition(): Promise<{ contentType: string; text: string }> {
    const sums = new Sums()
    sums.addSums(this.#departed)
    for (const snapshot of this.#workers.values()) sums.add(snapshot, () => true, Number.POSITIVE_INFINITY)
    this.#current = sums
    for (const name of sums.families.keys()) this.#register(name)
    const own = await this.#registry.metrics()
    return { contentType: this.#registry.contentType, text: own + this.#scripts.exposition() }
  }

  #register(name: MetricName): void {
    if (this.#registered.has(name)) return
    this.#registered.add(name)
    const { kind, help } = metrics[name]
    const metric = {
      name,
      help,
      type: kind,
      aggregator: 'sum',
      get: () => ({ name, help, type: kind, aggregator: 'sum', values: samples(name, this.#current) }),
    }
    // The registry asks no more of a metric than this (its own aggregation makes such objects too), but its types
    // admit only the four classes, and a Histogram cannot be given bucket counts.
    this.#registry.registerMetric(metric as unknown as Gauge)
  }
}

function samples(name: MetricName, sums: Sums): Sample[] {
  const found: Sample[] = []
  const labelNames: readonly string[] = metrics[name].labels
  for (const { labels, values } of sums.families.get(name)?.values() ?? []) {
    const named: Record<string, string> = {}
    labelNames.forEach((label, index) => {
      named[label] = labels[index] as string
    })
    const traits = metrics[name]
    if (traits.kind === 'histogram') addHistogram(found, name, traits.buckets, named, values)
    else found.push({ metricName: name, labels: named, value: scalar(name, values) })
  }
  return found
}

function scalar(name: MetricName, values: Float64Array): number {
  // A worker that has the series says that it runs; FSM expects 1, however many they are.
  return name === 'sidecar_server_live' ? 1 : (values[0] as number)
}

/** Prometheus wants each bucket to count what fell into those below it too. */
function addHistogram(
  found: Sample[],
  name: MetricName,
  bounds: readonly number[],
  labels: Readonly<Record<string, string>>,
  values: Float64Array,
): void {
  let count = 0
  for (let index = 0; index <= bounds.length; index += 1) {
    count += values[index] as number
    const le = index < bounds.length ? String(bounds[index]) : '+Inf'
    found.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count })
  }
  found.push({ metricName: `${name}_sum`, labels, value: values[bounds.length + 1] as number })
  found.push({ metricName: `${name}_count`, labels, value: count })
}
