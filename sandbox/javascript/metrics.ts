import type { ScriptMetric, ScriptMetricKind } from '../plugin/script-metrics.ts'
import { type HostCall, type HostFunction, HostRefusal } from '../quickjs/contract.ts'
import type { Script } from './script.ts'

const kinds: readonly ScriptMetricKind[] = ['counter', 'gauge', 'histogram']

/** `metric` and `measure`: what a plugin counts by names of its own. */
export function scriptMetrics(instance: Script): Record<string, HostFunction> {
  const made: ScriptMetric[] = []
  return {
    metric: (call) => {
      const kind = kinds.find((known) => known === call.string(0)) ?? 'counter'
      const [name, labels, buckets] = [call.string(1), linesOf(call, 2), call.string(3)]
      const bounds = buckets === '' ? null : buckets.split(',').map(Number)
      try {
        return made.push(instance.host.metrics.metric(kind, name, labels, bounds)) - 1
      } catch (thrown) {
        if (thrown instanceof RangeError) throw new HostRefusal(thrown.message)
        throw thrown
      }
    },
    measure: (call) => {
      const metric = made[call.number(0)]
      const [operation, labels, amount] = [call.string(1), linesOf(call, 2), call.number(3)]
      if (!metric || !Number.isFinite(amount)) throw new HostRefusal('what is counted must be a number')
      if (operation === 'observe') metric.observe(labels, amount)
      else if (operation === 'set') metric.set(labels, amount)
      else metric.add(labels, amount)
    },
  }
}

function linesOf(call: HostCall, index: number): string[] {
  const text = call.string(index)
  return text === '' ? [] : text.split('\n')
}
