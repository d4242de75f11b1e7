import type { Log } from '../../chains/context.ts'
import {
  type Counter,
  type Gauge,
  type Histogram,
  type Meter,
  type MetricName,
  metrics,
} from '../../chains/telemetry.ts'
import {
  type FamilySnapshot,
  type MetricSnapshot,
  overflowLabel,
  seriesKey,
  seriesWidth,
} from './metric-snapshot.ts'
import { ScriptMeter } from './script-meter.ts'

type Labels = Readonly<Record<string, string>>

/** An instrument that can put its numbers into a snapshot. */
interface Cell {
  writeTo(values: Float64Array, offset: number): void
}

class CounterCell implements Counter, Cell {
  #value = 0

  add(amount = 1): void {
    // False for NaN too: one bad number must not spoil the series for ever.
    if (amount > 0) this.#value += amount
  }

  writeTo(values: Float64Array, offset: number): void {
    values[offset] = this.#value
  }
}

class GaugeCell implements Gauge, Cell {
  #value = 0

  add(amount: number): void {
    this.#value += amount
  }

  writeTo(values: Float64Array, offset: number): void {
    values[offset] = this.#value
  }
}

class HistogramCell implements Histogram, Cell {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    // A negative number would make the sum fall, and NaN would spoil it for ever.
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return
    const bounds = this.#bounds
    let index = 0
    // Most observations are small, and there are fewer than twenty bounds.
    while (index < bounds.length && value > (bounds[index] as number)) index += 1
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#sum += value
  }

  writeTo(values: Float64Array, offset: number): void {
    values.set(this.#counts, offset)
    values[offset + this.#counts.length] = this.#sum
  }
}

interface Family {
  readonly name: MetricName
  readonly cells: Map<string, Cell>
  readonly labels: string[]
}

/** What {@link WorkerMeter} is made with. */
export interface WorkerMeterOptions {
  /** Label sets in all; those beyond share one series for each metric, whose labels all say `overflow`. */
  readonly maxSeries?: number
  /** Told once when the bound is reached. */
  readonly log?: Log
}

const defaultMaxSeries = 20_000

/** The instruments of one worker: plain numbers. Series are never removed. */
export class WorkerMeter implements Meter {
  /** What plugins count by names of their own. */
  readonly scripts: ScriptMeter
  readonly #maxSeries: number
  readonly #log: Log | null
  readonly #families = new Map<MetricName, Family>()
  #seriesCount = 0
  #hasOverflowed = false

  constructor(options: WorkerMeterOptions = {}) {
    this.#maxSeries = options.maxSeries ?? defaultMaxSeries
    this.#log = options.log ?? null
    this.scripts = new ScriptMeter(this.#log)
  }

  counter(name: MetricName<'counter'>, labels: Labels): Counter {
    return this.#cell(name, 'counter', labels, () => new CounterCell())
  }

  gauge(name: MetricName<'gauge'>, labels: Labels): Gauge {
    return this.#cell(name, 'gauge', labels, () => new GaugeCell())
  }

  histogram(name: MetricName<'histogram'>, labels: Labels): Histogram {
    return this.#cell(name, 'histogram', labels, () => new HistogramCell(metrics[name].buckets))
  }

  /** A copy of all numbers as they are now; costs some nanoseconds a series. */
  snapshot(): MetricSnapshot {
    const families: FamilySnapshot[] = []
    for (const { name, cells, labels } of this.#families.values()) {
      const width = seriesWidth(name)
      const values = new Float64Array(cells.size * width)
      let offset = 0
      for (const cell of cells.values()) {
        cell.writeTo(values, offset)
        offset += width
      }
      families.push({ name, labels: labels.slice(), values })
    }
    return { families, scripts: this.scripts.snapshot() }
  }

  // The name decides the class of the cell, so what is found has the type of what would be made.
  #cell<T extends Cell>(name: MetricName, kind: string, labels: Labels, make: () => T): T {
    const values = labelValues(name, kind, labels)
    let family = this.#families.get(name)
    if (!family) {
      family = { name, cells: new Map(), labels: [] }
      this.#families.set(name, family)
    }
    const key = seriesKey(values)
    const found = family.cells.get(key)
    if (found) return found as T
    // Metrics without labels are as many as the table has: they need no bound.
    if (values.length > 0) {
      if (this.#seriesCount >= this.#maxSeries) return this.#overflow(family, values.length, make)
      this.#seriesCount += 1
    }
    return addCell(family, key, values, make())
  }

  #overflow<T extends Cell>(family: Family, labelCount: number, make: () => T): T {
    if (!this.#hasOverflowed) {
      this.#hasOverflowed = true
      this.#log?.warn('too many metric series: further ones are counted together as overflow', {
        maxSeries: this.#maxSeries,
        metric: family.name,
      })
    }
    const values = new Array<string>(labelCount).fill(overflowLabel)
    const key = seriesKey(values)
    const found = family.cells.get(key)
    return found ? (found as T) : addCell(family, key, values, make())
  }
}

function addCell<T extends Cell>(family: Family, key: string, values: readonly string[], cell: T): T {
  family.cells.set(key, cell)
  family.labels.push(...values)
  return cell
}

/** The values in the order of the table. Throws when they are not exactly the labels that the table names. */
function labelValues(name: MetricName, kind: string, labels: Labels): string[] {
  if (!Object.hasOwn(metrics, name)) throw new TypeError(`no metric is called ${name}`)
  const traits = metrics[name]
  if (traits.kind !== kind) throw new TypeError(`metric ${name} is a ${traits.kind}, not a ${kind}`)
  const names: readonly string[] = traits.labels
  const values: string[] = []
  for (const label of names) {
    const value = Object.hasOwn(labels, label) ? labels[label] : undefined
    if (typeof value !== 'string') throw new TypeError(`metric ${name} needs the label ${label} as a string`)
    values.push(value)
  }
  const given = Object.keys(labels)
  if (given.length > names.length) {
    const unknown = given.filter((label) => !names.includes(label))
    throw new TypeError(`metric ${name} has no label ${unknown.join(', ')}`)
  }
  return values
}
