import type { Host } from './host.ts'

type Labels = Readonly<Record<string, unknown>>

/** Makers of metrics with names of the plugin's own. A metric is asked for by its name each time; the host knows it. */
export function metricMakers(host: Host) {
  const known = new Map<string, number>()
  const numberOf = (kind: string, name: string, labels: Labels, buckets: readonly number[]): number => {
    const key = `${kind} ${name} ${Object.keys(labels).join()}`
    let found = known.get(key)
    if (found === undefined) {
      found = host.metric(kind, String(name), Object.keys(labels).join('\n'), buckets.map(Number).join())
      known.set(key, found)
    }
    return found
  }
  const valuesOf = (labels: Labels) => Object.values(labels).map(String).join('\n')
  return {
    /** `cx.counter('name', { label: 'value' }).add(1)` */
    counter: (name: string, labels: Labels = {}) => {
      const metric = numberOf('counter', name, labels, [])
      return { add: (amount = 1) => host.measure(metric, 'add', valuesOf(labels), Number(amount)) }
    },
    /** `cx.gauge('name').set(3)` */
    gauge: (name: string, labels: Labels = {}) => {
      const metric = numberOf('gauge', name, labels, [])
      return {
        add: (amount = 1) => host.measure(metric, 'add', valuesOf(labels), Number(amount)),
        set: (value: number) => host.measure(metric, 'set', valuesOf(labels), Number(value)),
      }
    },
    /** `cx.histogram('name', {}, [0.1, 1]).observe(0.3)`; the buckets count the first time. */
    histogram: (name: string, labels: Labels = {}, buckets: readonly number[] = []) => {
      const metric = numberOf('histogram', name, labels, buckets)
      return { observe: (value: number) => host.measure(metric, 'observe', valuesOf(labels), Number(value)) }
    },
  }
}
