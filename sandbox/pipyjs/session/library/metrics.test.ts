import { test } from 'tap'
import type { ScriptMetrics } from '../../../plugin/script-metrics.ts'
import { evaluate, load } from './testing/evaluate.ts'

/** Writes down what is counted, as the proxy would be told. */
function recorder(): ScriptMetrics & { readonly made: string[]; readonly counted: string[] } {
  const made: string[] = []
  const counted: string[] = []
  const known = new Map<string, ReturnType<ScriptMetrics['metric']>>()
  return {
    made,
    counted,
    metric(kind, name, labels, buckets) {
      if (name === 'bad name') throw new RangeError(`${name} is no name for a metric`)
      const key = [kind, name, labels.join(), buckets?.join(' ') ?? '-'].join(' ')
      const note = (operation: string) => (values: readonly string[], amount: number) =>
        void counted.push(`${name}{${values.join()}} ${operation} ${amount}`)
      const metric = known.get(key) ?? { add: note('add'), set: note('set'), observe: note('observe') }
      if (!known.has(key)) made.push(key)
      known.set(key, metric)
      return metric
    },
  }
}

test('what scripts count is counted by the proxy', (t) => {
  const metrics = recorder()
  using guest = load(
    `((
      requests = new stats.Counter('requests', ['method', 'status']),
      plain = new stats.Counter('plain'),
      active = new stats.Gauge('active', ['kind']),
      latency = new stats.Histogram('latency', [1, 10, Infinity], ['route']),
    ) => pipy().pipeline().onStart(() => {
      requests.withLabels('GET', 200).increase()
      requests.withLabels('GET').withLabels('404').increase(2)
      requests.withLabels('a', 'b', 'c').zero()
      plain.increase(0.5)
      active.withLabels('x').set(5)
      active.withLabels('x').increase()
      active.withLabels('x').decrease(3)
      active.withLabels('x').zero()
      latency.withLabels('/').observe(7)
      console.log([
        requests.withLabels('GET', 200) === requests.withLabels('GET', '200'),
        latency.withLabels('/').percentile(50),
        latency.percentile(50),
      ].join(' '))
      new stats.Counter('plain').increase()
    }))()`,
    { metrics },
  )
  guest.start()
  t.same(metrics.made, [
    'counter requests method,status -',
    'counter plain  -',
    'gauge active kind -',
    'histogram latency route 1 10',
  ])
  t.same(metrics.counted, [
    'requests{GET,200} add 1',
    'requests{GET,404} add 2',
    'requests{a,b} set 0',
    'plain{} add 0.5',
    'active{x} set 5',
    'active{x} add 1',
    'active{x} add -3',
    'active{x} set 0',
    'latency{/} observe 7',
    'plain{} add 1',
  ])
  t.same(guest.lines, ['true 10 1'])
  t.end()
})

test('what cannot be counted is refused, and many series are no harm', (t) => {
  const metrics = recorder()
  const results = evaluate(
    [
      "new stats.Counter('bad name')",
      'new stats.Counter()',
      "new stats.Counter('c', 'label')",
      "new stats.Counter('c').increase(-1)",
      "new stats.Counter('c').increase(NaN)",
      "new stats.Gauge('g').set('many')",
      "new stats.Gauge('g', [], () => {})",
      "new stats.Histogram('h')",
      "new stats.Histogram('h', [3, 2])",
      'stats.sum(["c"])',
      "(c => { for (let n = 0; n < 5000; n++) c.withLabels(n).increase(); return c.withLabels(0) === c.withLabels(0) })(new stats.Counter('many', ['n']))",
    ],
    { metrics },
  )
  t.same(results, [
    { throws: 'bad name is no name for a metric' },
    { throws: 'the name of a metric is a string, and not undefined' },
    { throws: 'the labels of a metric are an array, and not string' },
    { throws: 'a counter only goes up; a stats.Gauge can go down' },
    { throws: 'what is counted is a number, and not NaN' },
    { throws: 'what is counted is a number, and not many' },
    { throws: 'a gauge is not asked when metrics are collected; set it when its value changes' },
    { throws: 'the buckets of a histogram are an array, and not undefined' },
    { throws: 'the limits of buckets are ascending numbers, and 2 is not' },
    {
      throws:
        'stats.sum is not there in a sandbox: metrics are summed over workers where they are collected, at /metrics',
    },
    true,
  ])
  t.equal(metrics.counted.length, 5_000)
  t.end()
})
