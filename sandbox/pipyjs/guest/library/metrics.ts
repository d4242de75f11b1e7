import { defineAbsent } from '../globals/absent.ts'
import { nameOf } from './bytes.ts'
import { libraryHost } from './host.ts'
import {
  deleteKey,
  firstKey,
  freeze,
  getKey,
  isArray,
  isFiniteNumber,
  join,
  setKey,
  stringify,
} from './natives.ts'
import { Percentile } from './percentile.ts'

const { apply } = Reflect

/** Series of one metric that are kept at hand here; the host counts the others as well. */
const maxSeries = 1_000

/** What all series of a metric have in common. */
class Family {
  readonly id: number
  readonly labels: readonly string[]
  readonly #measure = libraryHost().measure

  constructor(kind: string, name: unknown, labels: unknown, buckets: readonly number[] = []) {
    if (typeof name !== 'string')
      throw new TypeError(`the name of a metric is a string, and not ${nameOf(name)}`)
    this.labels = texts(labels ?? [])
    this.id = libraryHost().metric(kind, name, stringify(this.labels), stringify(buckets))
  }

  measure(operation: string, amount: unknown, values: readonly string[]): void {
    const number = Number(amount)
    if (!isFiniteNumber(number))
      throw new RangeError(`what is counted is a number, and not ${String(amount)}`)
    const all: (string | number)[] = [this.id, operation, number]
    for (let at = 0; at < values.length; at += 1) all[at + 3] = values[at] as string
    apply(this.#measure, undefined, all)
  }
}

/** Finds the series of label values, and keeps those used last. */
class Series<T> {
  readonly #known = new Map<string, T>()
  readonly #make: (values: readonly string[]) => T

  constructor(make: (values: readonly string[]) => T) {
    this.#make = make
  }

  of(family: Family, before: readonly string[], given: readonly unknown[]): T {
    const values: string[] = []
    for (let at = 0; at < before.length; at += 1) values[at] = before[at] as string
    for (let at = 0; at < given.length && values.length < family.labels.length; at += 1) {
      values[values.length] = String(given[at])
    }
    const key = join(values, '\0')
    const known = getKey(this.#known, key)
    if (known !== undefined) return known
    const made = this.#make(values)
    setKey(this.#known, key, made)
    if (this.#known.size > maxSeries) deleteKey(this.#known, firstKey(this.#known) as string)
    return made
  }
}

/** The family of a metric that is there already, and the values of its labels. */
class Child<T> {
  readonly family: Family
  readonly series: Series<T>
  readonly values: readonly string[]

  constructor(family: Family, series: Series<T>, values: readonly string[]) {
    this.family = family
    this.series = series
    this.values = values
  }
}

/** A number that goes up. */
export class Counter {
  readonly #child: Child<Counter>

  constructor(name: unknown, labels?: unknown) {
    this.#child =
      name instanceof Child ? name : childOf<Counter>(Counter, new Family('counter', name, labels))
  }

  /** The counter for values of the labels, in order. */
  withLabels(...values: unknown[]): Counter {
    const { family, series, values: before } = this.#child
    return series.of(family, before, values)
  }

  increase(amount: unknown = 1): void {
    const { family, values } = this.#child
    if (Number(amount) < 0) throw new RangeError('a counter only goes up; a stats.Gauge can go down')
    family.measure('add', amount, values)
  }

  /** Makes it 0; for who collects it that is a restart. */
  zero(): void {
    const { family, values } = this.#child
    family.measure('set', 0, values)
  }
}

/** A number that goes up and down. */
export class Gauge {
  readonly #child: Child<Gauge>

  constructor(name: unknown, labels?: unknown, collect?: unknown) {
    if (typeof labels === 'function' || typeof collect === 'function') {
      throw new TypeError('a gauge is not asked when metrics are collected; set it when its value changes')
    }
    this.#child = name instanceof Child ? name : childOf<Gauge>(Gauge, new Family('gauge', name, labels))
  }

  /** The gauge for values of the labels, in order. */
  withLabels(...values: unknown[]): Gauge {
    const { family, series, values: before } = this.#child
    return series.of(family, before, values)
  }

  set(value: unknown): void {
    const { family, values } = this.#child
    family.measure('set', value, values)
  }

  increase(amount: unknown = 1): void {
    const { family, values } = this.#child
    family.measure('add', amount, values)
  }

  decrease(amount: unknown = 1): void {
    const { family, values } = this.#child
    family.measure('add', -Number(amount), values)
  }

  zero(): void {
    this.set(0)
  }
}

/** How values are spread. */
export class Histogram {
  readonly #child: Child<Histogram>
  readonly #limits: readonly number[]
  readonly #percentile: Percentile

  constructor(name: unknown, buckets: unknown, labels?: unknown) {
    this.#limits = limitsOf(buckets)
    this.#percentile = new Percentile(this.#limits)
    if (name instanceof Child) this.#child = name
    else {
      const finite: number[] = []
      for (let at = 0; at < this.#limits.length; at += 1) {
        const limit = this.#limits[at] as number
        if (isFiniteNumber(limit)) finite[finite.length] = limit
      }
      const family = new Family('histogram', name, labels, finite)
      this.#child = childOf<Histogram>(Histogram, family, this.#limits)
    }
  }

  /** The histogram for values of the labels, in order. */
  withLabels(...values: unknown[]): Histogram {
    const { family, series, values: before } = this.#child
    return series.of(family, before, values)
  }

  observe(value: unknown): void {
    const { family, values } = this.#child
    family.measure('observe', value, values)
    this.#percentile.observe(value)
  }

  /** The limit that so many per cent of the values are not above, of those that this instance of the plugin has seen. */
  percentile(percentage: unknown): number {
    return this.#percentile.calculate(percentage)
  }

  /** Forgets what `percentile()` knows. What is collected goes on, for a histogram only goes up. */
  zero(): void {
    this.#percentile.reset()
  }
}

type Constructor<T> = new (child: unknown, buckets?: unknown) => T

function childOf<T>(kind: Constructor<T>, family: Family, buckets?: readonly number[]): Child<T> {
  const series: Series<T> = new Series((values) => new kind(new Child(family, series, values), buckets))
  return new Child(family, series, [])
}

function limitsOf(buckets: unknown): number[] {
  if (!isArray(buckets))
    throw new TypeError(`the buckets of a histogram are an array, and not ${nameOf(buckets)}`)
  const limits: number[] = []
  for (let at = 0; at < buckets.length; at += 1) limits[at] = Number(buckets[at])
  return limits
}

function texts(labels: unknown): string[] {
  if (!isArray(labels)) throw new TypeError(`the labels of a metric are an array, and not ${nameOf(labels)}`)
  const names: string[] = []
  for (let at = 0; at < labels.length; at += 1) names[at] = String(labels[at])
  return names
}

/** `stats`: metrics that are served with those of the proxy, under the name of the plugin. */
export const stats: object = { Counter, Gauge, Histogram }
defineAbsent(stats, 'stats.', {
  sum: 'metrics are summed over workers where they are collected, at /metrics',
})
freeze(stats)
