import { test } from 'tap'
import { Exposition } from '../../test/support/exposition.ts'
import { MetricTotals } from './totals.ts'
import { WorkerMeter } from './worker-meter.ts'

test('what plugins count is summed over workers, and counters outlive a worker', async (t) => {
  const totals = new MetricTotals({ version: 'test' })
  const meters = [new WorkerMeter(), new WorkerMeter()]
  for (const [id, meter] of meters.entries()) {
    meter.scripts.metric('a', 'counter', 'orders', ['kind'], null).add(['x"y'], id + 1)
    meter.scripts.metric('a', 'gauge', 'queue', [], null).set([], 5)
    const sizes = meter.scripts.metric('b', 'histogram', 'sizes', [], [1, 10])
    for (const size of [0.5, 5, 50]) sizes.observe([], size)
    totals.update(id, meter.snapshot())
  }
  totals.workerGone(1)
  const { text } = await totals.exposition()
  t.match(text, '# TYPE orders counter')
  t.match(text, 'orders{plugin="a",kind="x\\"y"} 3\n')
  t.match(text, 'queue{plugin="a"} 5\n')
  const { samples } = new Exposition(text)
  const of = (name: string) => samples.filter((sample) => sample.name === name).map(({ value }) => value)
  t.same(of('sizes_bucket'), [2, 4, 6])
  t.same(of('sizes_sum'), [111])
  t.same(of('sizes_count'), [6])
})

test('two plugins may use one name, but not for two kinds', (t) => {
  const { scripts } = new WorkerMeter()
  const first = scripts.metric('a', 'counter', 'orders', [], null)
  t.equal(scripts.metric('a', 'counter', 'orders', [], null), first, 'the same one each time')
  t.not(scripts.metric('b', 'counter', 'orders', ['kind'], null), first)
  t.throws(() => scripts.metric('b', 'gauge', 'orders', [], null), /orders is a counter already/)
  t.end()
})

test('names, labels and buckets that Prometheus would not take are refused', (t) => {
  const { scripts } = new WorkerMeter()
  const refused: [string, string[], number[] | null][] = [
    ['no spaces', [], null],
    ['', [], null],
    ['x'.repeat(200), [], null],
    ['pillion_requests_total', [], null],
    ['process_cpu', [], null],
    ['a', ['plugin'], null],
    ['a', ['le'], null],
    ['a', ['__x'], null],
    ['a', Array.from({ length: 11 }, (_, index) => `l${index}`), null],
    ['a', [], [2, 1]],
    ['a', [], []],
  ]
  for (const [name, labels, buckets] of refused) {
    const kind = buckets ? 'histogram' : 'counter'
    t.throws(
      () => scripts.metric('p', kind, name, labels, buckets),
      RangeError,
      JSON.stringify([name, labels, buckets]),
    )
  }
  t.end()
})

test('one plugin cannot grow without bound, nor spoil its numbers', (t) => {
  const { scripts } = new WorkerMeter()
  const counter = scripts.metric('p', 'counter', 'keys', ['key'], null)
  for (let index = 0; index < 5_000; index += 1) counter.add([`k${index}`.repeat(100)], 1)
  const [family] = scripts.snapshot()
  t.equal(family?.values.length, 1_000)
  t.ok(family?.labels.every((label) => label.length <= 256))
  for (let index = 0; index < 99; index += 1) scripts.metric('p', 'counter', `m${index}`, [], null)
  t.throws(() => scripts.metric('p', 'counter', 'one_more', [], null), /at most 100/)
  const gauge = scripts.metric('q', 'gauge', 'level', [], null)
  gauge.set([], Number.NaN)
  gauge.add([], Number.POSITIVE_INFINITY)
  const steps = scripts.metric('q', 'counter', 'steps', [], null)
  steps.add([], -1)
  steps.set([], 7)
  t.same(
    scripts.snapshot().filter(({ labelNames, labels }) => labelNames.length > 0 && labels[0] === 'q'),
    [],
  )
  t.end()
})
