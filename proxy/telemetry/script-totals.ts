import { type ScriptFamily, type ScriptSnapshot, seriesKey } from './metric-snapshot.ts'

interface Sum {
  readonly family: ScriptFamily
  readonly series: Map<string, { readonly labels: readonly string[]; readonly values: Float64Array }>
}

/** The most label sets of plugins that are remembered of workers that are gone. */
const maxDepartedSeries = 10_000

/** Adds up what plugins have counted in all workers, and prints it for Prometheus. */
export class ScriptTotals {
  readonly #workers = new Map<number, ScriptSnapshot>()
  readonly #departed = new Map<string, Sum>()

  /** Takes the newest snapshot of a worker in place of its last. */
  update(workerId: number, snapshot: ScriptSnapshot): void {
    const before = this.#workers.get(workerId)?.plugins ?? []
    this.#workers.set(workerId, snapshot)
    const gone = before.filter((plugin) => !snapshot.plugins.includes(plugin))
    if (gone.length > 0) this.#forget(gone)
  }

  /** The worker will count no more: its counters stay in the sums, its gauges go. */
  workerGone(workerId: number): void {
    const last = this.#workers.get(workerId)
    this.#workers.delete(workerId)
    if (last)
      addTo(
        this.#departed,
        last.families.filter(({ kind }) => kind !== 'gauge'),
        maxDepartedSeries,
      )
  }

  /** Prometheus' text format; empty when plugins count nothing. */
  exposition(): string {
    const sums = new Map<string, Sum>()
    addSums(sums, this.#departed)
    for (const { families } of this.#workers.values()) addTo(sums, families, Number.POSITIVE_INFINITY)
    const byName = new Map<string, Sum[]>()
    for (const sum of sums.values()) {
      const found = byName.get(sum.family.name)
      if (found) found.push(sum)
      else byName.set(sum.family.name, [sum])
    }
    let text = ''
    for (const [name, found] of byName) {
      text += heading(name, found)
      for (const sum of found) text += samples(sum)
    }
    return text
  }

  /** Lets go of what is remembered of plugins that a worker has no more, unless another one still has them. */
  #forget(plugins: readonly string[]): void {
    const live = new Set([...this.#workers.values()].flatMap((snapshot) => snapshot.plugins))
    const gone = new Set(plugins.filter((plugin) => !live.has(plugin)))
    for (const [familyKey, { series }] of this.#departed) {
      for (const [key, { labels }] of series) if (gone.has(labels[0] as string)) series.delete(key)
      if (series.size === 0) this.#departed.delete(familyKey)
    }
  }
}

function addTo(sums: Map<string, Sum>, families: readonly ScriptFamily[], maxSeries: number): void {
  for (const family of families) {
    const width = family.kind === 'histogram' ? family.buckets.length + 2 : 1
    const labelCount = family.labelNames.length
    for (let index = 0; index * width < family.values.length; index += 1) {
      const labels = family.labels.slice(index * labelCount, (index + 1) * labelCount)
      addSeries(sums, family, labels, family.values.subarray(index * width, (index + 1) * width), maxSeries)
    }
  }
}

function addSums(sums: Map<string, Sum>, others: ReadonlyMap<string, Sum>): void {
  for (const { family, series } of others.values()) {
    for (const { labels, values } of series.values()) {
      addSeries(sums, family, labels, values, Number.POSITIVE_INFINITY)
    }
  }
}

function addSeries(
  sums: Map<string, Sum>,
  family: ScriptFamily,
  labels: readonly string[],
  values: Float64Array,
  maxSeries: number,
): void {
  const familyKey = JSON.stringify([family.name, family.kind, family.labelNames, family.buckets])
  let sum = sums.get(familyKey)
  if (!sum) {
    sum = { family, series: new Map() }
    sums.set(familyKey, sum)
  }
  const key = seriesKey(labels)
  const found = sum.series.get(key)
  if (!found) {
    if (sum.series.size < maxSeries) sum.series.set(key, { labels, values: values.slice() })
    return
  }
  values.forEach((value, index) => {
    found.values[index] = (found.values[index] as number) + value
  })
}

/** What Prometheus is told of all metrics of one name. None is left out because another plugin's is of another kind. */
function heading(name: string, sums: readonly Sum[]): string {
  const kinds = [...new Set(sums.map(({ family }) => family.kind))].toSorted()
  if (kinds.length === 1) return `# TYPE ${name} ${kinds[0]}\n`
  return `# HELP ${name} Plugins disagree on what it is: ${kinds.join(', ')}.\n# TYPE ${name} untyped\n`
}

function samples({ family, series }: Sum): string {
  const { name, kind, labelNames, buckets } = family
  let text = ''
  for (const { labels, values } of series.values()) {
    const shown = labelNames.map((label, index) => `${label}="${escaped(labels[index] ?? '')}"`).join()
    if (kind !== 'histogram') {
      text += `${name}{${shown}} ${values[0]}\n`
      continue
    }
    let count = 0
    for (let index = 0; index <= buckets.length; index += 1) {
      count += values[index] as number
      text += `${name}_bucket{${shown},le="${index < buckets.length ? buckets[index] : '+Inf'}"} ${count}\n`
    }
    text += `${name}_sum{${shown}} ${values[buckets.length + 1]}\n${name}_count{${shown}} ${count}\n`
  }
  return text
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
