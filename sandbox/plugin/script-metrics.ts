/** The kinds of metrics that a plugin can make. */
export type ScriptMetricKind = 'counter' | 'gauge' | 'histogram'

/**
 * Metrics that plugins make themselves, by names of their own. They are served
 * like ours, with a label `plugin` before their own, and summed over workers.
 * No plugin can take a name away from another.
 */
export interface ScriptMetricsRegistry {
  /**
   * The metrics of one version of a plugin, as one generation loads it. What versions and generations make alike is
   * one metric, and so outlives pushes; it is forgotten when the last that has made it is disposed of.
   */
  open(plugin: string): ScriptMetrics & Disposable
}

/** The metrics of one version of one plugin. */
export interface ScriptMetrics {
  /**
   * The metric of that name, the same object each time. Throws a `RangeError` of one clear line when the
   * name or a label is none of Prometheus', when this version has another metric of that name with a different
   * kind, labels or buckets, or when it has too many. `buckets` (ascending) are for histograms.
   */
  metric(
    kind: ScriptMetricKind,
    name: string,
    labels: readonly string[],
    buckets: readonly number[] | null,
  ): ScriptMetric
}

/** One metric of one plugin. `values` are those of its labels, in order; missing ones are empty. */
export interface ScriptMetric {
  /** Adds to a counter or gauge; a counter takes no less than 0. Past the bound on series it counts nothing, and says so in the log once. */
  add(values: readonly string[], amount: number): void
  /** Sets a gauge; a counter can only be set to 0 (`zero` of FSM's scripts), which for a scrape is a restart. */
  set(values: readonly string[], value: number): void
  /** Observes a value in a histogram. */
  observe(values: readonly string[], value: number): void
}
