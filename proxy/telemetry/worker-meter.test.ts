import { test } from 'tap'
import { createLog } from './log.ts'
import { WorkerMeter } from './worker-meter.ts'

const requests = { direction: 'inbound', service: 'a', status_class: '2xx' }

test('the same name and labels give the same instrument, in whatever order the labels come', async (t) => {
  const meter = new WorkerMeter()
  const first = meter.counter('pillion_requests_total', requests)
  const second = meter.counter('pillion_requests_total', {
    status_class: '2xx',
    service: 'a',
    direction: 'inbound',
  })
  t.equal(first, second)
  t.not(first, meter.counter('pillion_requests_total', { ...requests, service: 'b' }))
})

test('label values that only look alike when joined are kept apart', async (t) => {
  const meter = new WorkerMeter()
  const labels = (service: string, scope: string) => ({ direction: 'inbound', service, scope })
  const first = meter.counter('pillion_throttled_total', labels('a1:b', 'c'))
  t.not(first, meter.counter('pillion_throttled_total', labels('a', '1:bc')))
  t.not(first, meter.counter('pillion_throttled_total', labels('a1', ':bc')))
})

test('labels must be exactly those of the table, and names and kinds too', async (t) => {
  const meter = new WorkerMeter()
  const loose = meter as unknown as Record<'counter' | 'gauge', (name: string, labels: object) => unknown>
  t.throws(() => loose.counter('no_such_metric', {}), /no metric is called no_such_metric/)
  t.throws(() => loose.counter('constructor', {}), /no metric is called constructor/)
  t.throws(() => loose.gauge('pillion_requests_total', requests), /is a counter, not a gauge/)
  t.throws(() => meter.counter('pillion_requests_total', { direction: 'inbound' }), /needs the label service/)
  t.throws(() => meter.counter('pillion_requests_total', { ...requests, user: 'x' }), /has no label user/)
  t.throws(() => loose.counter('pillion_requests_total', { ...requests, service: 7 }), /as a string/)
  t.same(meter.snapshot().families, [])
})

test('a snapshot holds what was counted, and crosses threads', async (t) => {
  const meter = new WorkerMeter()
  meter.counter('pillion_requests_total', requests).add()
  meter.counter('pillion_requests_total', requests).add(2)
  meter.counter('pillion_requests_total', { ...requests, service: 'b' }).add()
  const gauge = meter.gauge('pillion_requests_active', { direction: 'inbound' })
  gauge.add(5)
  gauge.add(-2)
  const snapshot = structuredClone(meter.snapshot())
  t.same(snapshot.families, [
    {
      name: 'pillion_requests_total',
      labels: ['inbound', 'a', '2xx', 'inbound', 'b', '2xx'],
      values: new Float64Array([3, 1]),
    },
    { name: 'pillion_requests_active', labels: ['inbound'], values: new Float64Array([3]) },
  ])
})

test('a snapshot does not change when counting goes on', async (t) => {
  const meter = new WorkerMeter()
  const counter = meter.counter('pillion_access_log_dropped_total', {})
  const before = meter.snapshot()
  counter.add()
  t.equal(before.families[0]?.values[0], 0)
})

test('an observation falls into the first bucket whose bound it does not pass', async (t) => {
  const meter = new WorkerMeter()
  const labels = { http_route: 'r', http_response_status_code: '200', error_type: '' }
  const histogram = meter.histogram('http_server_request_duration_seconds', labels)
  for (const value of [0, 0.005, 0.0051, 10, 10.1, 99]) histogram.observe(value)
  const values = meter.snapshot().families[0]?.values ?? []
  t.equal(values.length, 16)
  t.equal(values[0], 2)
  t.equal(values[1], 1)
  t.equal(values[13], 1)
  t.equal(values[14], 2)
  t.equal(values[15], 0 + 0.005 + 0.0051 + 10 + 10.1 + 99)
})

test('numbers that would make a total fall or spoil it are not taken', async (t) => {
  const meter = new WorkerMeter()
  const counter = meter.counter('pillion_access_log_dropped_total', {})
  counter.add(1)
  counter.add(-5)
  counter.add(Number.NaN)
  const labels = { http_route: 'r', http_response_status_code: '200', error_type: '' }
  const histogram = meter.histogram('http_client_request_duration_seconds', labels)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) histogram.observe(value)
  const [drops, durations] = meter.snapshot().families
  t.equal(drops?.values[0], 1)
  t.ok(durations?.values.every((value) => value === 0))
})

test('beyond the bound all further label sets share one series, and that is logged once', async (t) => {
  const lines: string[] = []
  const log = createLog({ level: 'info', write: (line) => lines.push(line) })
  const meter = new WorkerMeter({ maxSeries: 3, log })
  for (let index = 0; index < 10; index += 1) {
    meter.counter('pillion_requests_total', { ...requests, service: `s${index}` }).add()
  }
  meter.gauge('pillion_requests_active', { direction: 'inbound' }).add(1)
  meter.counter('pillion_access_log_dropped_total', {}).add()
  meter.counter('pillion_requests_total', { ...requests, service: 's1' }).add()
  const [counters, gauges, drops] = meter.snapshot().families
  t.same(counters?.values, new Float64Array([1, 2, 1, 7]))
  t.same(counters?.labels.slice(-3), ['overflow', 'overflow', 'overflow'])
  t.same(gauges?.labels, ['overflow'])
  t.same(drops?.values, new Float64Array([1]), 'a metric without labels has its own series always')
  t.equal(lines.length, 1)
  t.match(lines[0], 'too many metric series')
})
