import { type MetricName, metrics } from '../../chains/telemetry.ts'
import type { ScriptMetricKind } from '../../sandbox/plugin/script-metrics.ts'

/** All that one worker has counted, as plain data that crosses threads. */
export interface MetricSnapshot {
  readonly families: readonly FamilySnapshot[]
  /** What plugins count by names of their own. */
  readonly scripts: ScriptSnapshot
}

/** What plugins have counted. */
export interface ScriptSnapshot {
  /** Those that are loaded, whether they count or not. */
  readonly plugins: readonly string[]
  readonly families: readonly ScriptFamily[]
}

/** All series of one metric that a plugin made. */
export interface ScriptFamily {
  readonly name: string
  readonly kind: ScriptMetricKind
  /** `plugin` first. */
  readonly labelNames: readonly string[]
  /** Histograms only; empty for the others. */
  readonly buckets: readonly number[]
  /** As in {@link FamilySnapshot}. */
  readonly labels: readonly string[]
  readonly values: Float64Array
}

/** All series of one metric. */
export interface FamilySnapshot {
  readonly name: MetricName
  /** The label values of all series one after the other, each in the order of the table. */
  readonly labels: readonly string[]
  /** The numbers of all series one after the other, {@link seriesWidth} each. */
  readonly values: Float64Array
}

/**
 * How many numbers a series has: one, or for a histogram its buckets (each
 * counting only what fell into itself), the bucket beyond the last bound, and
 * the sum of what was observed.
 */
export function seriesWidth(name: MetricName): number {
  const traits = metrics[name]
  return traits.kind === 'histogram' ? traits.buckets.length + 2 : 1
}

/** Tells label sets apart, whatever characters the values hold. */
export function seriesKey(labels: readonly string[]): string {
  let key = ''
  for (const label of labels) key += `${label.length}:${label}`
  return key
}

/** What stands in every label of the series that takes what is beyond a bound. */
export const overflowLabel = 'overflow'
