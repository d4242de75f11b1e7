import { test } from 'tap'
import { Exposition } from '../../test/support/exposition.ts'
import { MetricTotals } from './totals.ts'
import { WorkerMeter } from './worker-meter.ts'

test('what plugins count is summed over workers, and counters outlive a worker', async (t) => {
  const totals = new MetricTotals({ version: 'test' })
  const meters = [new WorkerMeter(), new WorkerMeter()]
  for (const [id, meter] of meters.entries()) {
    const a = meter.scripts.open('a')
    a.metric('counter', 'orders', ['kind'], null).add(['x"y'], id + 1)
    a.metric('gauge', 'queue', [], null).set([], 5)
    const sizes = meter.scripts.open('b').metric('histogram', 'sizes', [], [1, 10])
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

test('what a plugin calls its metrics is no concern of another', async (t) => {
  const meter = new WorkerMeter()
  const [hostile, shop] = [meter.scripts.open('hostile'), meter.scripts.open('shop')]
  hostile.metric('gauge', 'orders', [], null).set([], 7)
  shop.metric('counter', 'orders', ['kind'], null).add(['tea'], 2)
  shop.metric('counter', 'sales', [], null).add([], 1)
  const totals = new MetricTotals({ version: 'test' })
  totals.update(1, meter.snapshot())
  const { text } = await totals.exposition()
  t.match(text, '# HELP orders Plugins disagree on what it is: counter, gauge.\n# TYPE orders untyped\n')
  t.match(text, 'orders{plugin="hostile"} 7\norders{plugin="shop",kind="tea"} 2\n')
  t.match(text, '# TYPE sales counter\n')
})

test('in one version of a plugin a name is one metric, and another version may say otherwise', (t) => {
  const { scripts } = new WorkerMeter()
  const [first, second] = [scripts.open('shop'), scripts.open('shop')]
  const orders = first.metric('counter', 'orders', ['kind'], null)
  t.equal(first.metric('counter', 'orders', ['kind'], null), orders, 'the same one each time')
  t.equal(
    second.metric('counter', 'orders', ['kind'], null),
    orders,
    'and in each version that says the same',
  )
  t.throws(() => first.metric('gauge', 'orders', ['kind'], null), {
    name: 'RangeError',
    message: 'metric orders is a counter with label kind already, and cannot be another',
  })
  t.throws(() => first.metric('counter', 'orders', [], null), RangeError)
  first.metric('histogram', 'sizes', [], [1])
  t.throws(() => first.metric('histogram', 'sizes', [], [2]), /is a histogram with bucket 1 already/)
  t.not(scripts.open('shop').metric('gauge', 'orders', [], null), orders)
  t.end()
})

test('metrics outlive pushes that keep them, and go with the last version that has them', async (t) => {
  const meter = new WorkerMeter()
  const totals = new MetricTotals({ version: 'test' })
  const first = meter.scripts.open('shop')
  first.metric('counter', 'orders', [], null).add([], 5)
  first.metric('counter', 'old', ['n'], null).add(['1'], 5)
  // of a worker that died
  totals.update(2, structuredClone(meter.snapshot()))
  totals.workerGone(2)
  const second = meter.scripts.open('shop')
  first[Symbol.dispose]()
  second.metric('counter', 'orders', [], null).add([], 1)
  const shown = async () => {
    totals.update(1, meter.snapshot())
    const { samples } = new Exposition((await totals.exposition()).text)
    return samples
      .filter(({ name }) => /^(orders|old)$/.test(name))
      .map(({ name, value }) => `${name} ${value}`)
  }
  t.same(await shown(), ['orders 6', 'old 5'])
  const third = meter.scripts.open('shop')
  third.metric('counter', 'orders', [], null)
  second[Symbol.dispose]()
  t.same(meter.scripts.snapshot().families.length, 1)
  third[Symbol.dispose]()
  t.same(await shown(), [], 'what departed workers counted goes with the plugin')
})

test('names, labels and buckets that Prometheus would not take are refused', (t) => {
  const scripts = new WorkerMeter().scripts.open('p')
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
      () => scripts.metric(kind, name, labels, buckets),
      RangeError,
      JSON.stringify([name, labels, buckets]),
    )
  }
  t.end()
})

test('one plugin cannot grow without bound, nor spoil its numbers', (t) => {
  const { scripts } = new WorkerMeter()
  const [p, q] = [scripts.open('p'), scripts.open('q')]
  const counter = p.metric('counter', 'keys', ['key'], null)
  for (let index = 0; index < 5_000; index += 1) counter.add([`k${index}`.repeat(100)], 1)
  const [family] = scripts.snapshot().families
  t.equal(family?.values.length, 1_000)
  t.ok(family?.labels.every((label) => label.length <= 256))
  for (let index = 0; index < 99; index += 1) p.metric('counter', `m${index}`, [], null)
  t.throws(() => p.metric('counter', 'one_more', [], null), /at most 100/)
  const gauge = q.metric('gauge', 'level', [], null)
  gauge.set([], Number.NaN)
  gauge.add([], Number.POSITIVE_INFINITY)
  const steps = q.metric('counter', 'steps', [], null)
  steps.add([], -1)
  steps.set([], 7)
  t.same(
    scripts
      .snapshot()
      .families.filter(({ labelNames, labels }) => labelNames.length > 0 && labels[0] === 'q'),
    [],
  )
  p[Symbol.dispose]()
  const again = scripts.open('p').metric('counter', 'keys', ['key'], null)
  again.add(['new'], 1)
  t.equal(
    scripts.snapshot().families.find(({ name }) => name === 'keys')?.values.length,
    1,
    'there is room again',
  )
  t.end()
})
