import type { ScriptMetric, ScriptMetricKind, ScriptMetrics } from '../../../plugin/script-metrics.ts'
import { type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'

const kinds: readonly ScriptMetricKind[] = ['counter', 'gauge', 'histogram']

/** `stats`: metrics of the plugin's own, which the proxy serves. */
export function metricFunctions(metrics: ScriptMetrics): Record<string, HostFunction> {
  const made: ScriptMetric[] = []
  return {
    metric: (call) => {
      const kind = kinds.find((one) => one === call.string(0)) ?? 'counter'
      const name = call.string(1)
      const labels = listOf(call.string(2), 'string') as string[]
      const buckets = listOf(call.string(3), 'number') as number[]
      const metric = refusing(() => metrics.metric(kind, name, labels, kind === 'histogram' ? buckets : null))
      const known = made.indexOf(metric)
      return known >= 0 ? known : made.push(metric) - 1
    },
    measure: (call) => {
      const metric = made[call.number(0)]
      const [operation, amount] = [call.string(1), call.number(2)]
      const values: string[] = []
      for (let at = 3; at < call.count; at += 1) values.push(call.string(at))
      if (!metric || !Number.isFinite(amount)) throw new HostRefusal('what is counted is a number')
      refusing(() => {
        if (operation === 'observe') metric.observe(values, amount)
        else if (operation === 'set') metric.set(values, amount)
        else metric.add(values, amount)
      })
    },
  }
}

/** Scripts can change what becomes of their arrays on the way. */
function listOf(json: string, type: 'string' | 'number'): unknown[] {
  const list: unknown = JSON.parse(json)
  if (Array.isArray(list) && list.every((one) => typeof one === type)) return list
  throw new HostRefusal(`the labels and buckets of a metric are arrays of ${type}s`)
}

/** What metrics say of names that are none, and of numbers, is for the author of the script. */
function refusing<T>(action: () => T): T {
  try {
    return action()
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new HostRefusal(thrown.message)
    throw thrown
  }
}
