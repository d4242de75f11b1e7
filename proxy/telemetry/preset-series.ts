import type { Model } from '../../chains/model.ts'
import { type Meter, type MetricName, metrics } from '../../chains/telemetry.ts'

/**
 * Makes FSM's series of all clusters exist, at zero, before any traffic: FSM's
 * dashboards expect them, and some of them never count. Does nothing unless
 * the model asks for FSM's metrics. Call it for each new generation; what
 * exists already is left as it is.
 */
export function presetSeries(model: Model, meter: Meter): void {
  if (!model.fsmMetrics) return
  meter.gauge('sidecar_server_live', {})
  const clusters = new Set([...Object.keys(model.inbound.clusters), ...Object.keys(model.outbound.clusters)])
  for (const name of Object.keys(metrics) as MetricName[]) {
    const { kind, labels } = metrics[name]
    if (labels.length !== 1 || labels[0] !== 'sidecar_cluster_name') continue
    for (const cluster of clusters) {
      const set = { sidecar_cluster_name: cluster }
      if (kind === 'counter') meter.counter(name as MetricName<'counter'>, set)
      else if (kind === 'gauge') meter.gauge(name as MetricName<'gauge'>, set)
    }
  }
}
