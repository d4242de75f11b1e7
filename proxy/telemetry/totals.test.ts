import { test } from 'tap'
import type { Model } from '../../chains/model.ts'
import { metrics } from '../../chains/telemetry.ts'
import { presetSeries } from './preset-series.ts'
import { MetricTotals } from './totals.ts'
import { WorkerMeter } from './worker-meter.ts'

const requests = { direction: 'inbound', service: 'a', status_class: '2xx' }
const route = { http_route: 'r', http_response_status_code: '200', error_type: '' }
const requestsLine = 'pillion_requests_total{direction="inbound",service="a",status_class="2xx"}'

/** Every sample of the text by its name with labels. Fails on what Prometheus would not take. */
async function scrape(totals: MetricTotals): Promise<Map<string, number>> {
  const { text } = await totals.exposition()
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) continue
    const found = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})?) (\S+)$/.exec(line)
    if (!found?.[1] || samples.has(found[1])) throw new Error(`not a sample, or twice: ${line}`)
    samples.set(found[1], Number(found[2]))
  }
  return samples
}

test('counters and gauges are added up over workers', async (t) => {
  const totals = new MetricTotals({ version: '1.2.3' })
  for (const id of [1, 2, 3]) {
    const meter = new WorkerMeter()
    meter.counter('pillion_requests_total', requests).add(id)
    meter.gauge('pillion_requests_active', { direction: 'inbound' }).add(10)
    totals.update(id, structuredClone(meter.snapshot()))
  }
  const samples = await scrape(totals)
  t.equal(samples.get(requestsLine), 6)
  t.equal(samples.get('pillion_requests_active{direction="inbound"}'), 30)
})

test('a newer snapshot of a worker takes the place of its last one', async (t) => {
  const totals = new MetricTotals({ version: '0' })
  const meter = new WorkerMeter()
  const counter = meter.counter('pillion_requests_total', requests)
  for (let index = 0; index < 3; index += 1) {
    counter.add()
    totals.update(1, meter.snapshot())
  }
  t.equal((await scrape(totals)).get(requestsLine), 3)
})

test('no counter and no part of a histogram falls while workers come and go', async (t) => {
  const totals = new MetricTotals({ version: '0' })
  let before = new Map<string, number>()
  for (let round = 0; round < 8; round += 1) {
    const meter = new WorkerMeter()
    meter.counter('pillion_requests_total', { ...requests, service: `s${round % 3}` }).add(round)
    meter.histogram('http_server_request_duration_seconds', route).observe(round)
    const gauge = meter.gauge('pillion_requests_active', { direction: 'inbound' })
    gauge.add(1)
    // One keeps its id, as a worker does that takes the place of another; one has an id of its own.
    for (const id of [1, 100 + round]) totals.update(id, meter.snapshot())
    for (const step of ['alive', 'gone']) {
      if (step === 'gone') for (const id of [1, 100 + round]) totals.workerGone(id)
      const now = await scrape(totals)
      for (const [name, value] of before) {
        if (/^(pillion_requests_total|http_server)/.test(name))
          t.ok((now.get(name) ?? -1) >= value, `${name} ${step}`)
      }
      const active = now.get('pillion_requests_active{direction="inbound"}')
      t.equal(active, step === 'alive' ? 2 : undefined)
      before = now
    }
  }
  t.equal(
    before.get('pillion_requests_total{direction="inbound",service="s1",status_class="2xx"}'),
    2 * (1 + 4 + 7),
  )
  t.equal(
    before.get(
      'http_server_request_duration_seconds_count{http_route="r",http_response_status_code="200",error_type=""}',
    ),
    16,
  )
})

test('a worker that nobody knows may be said to be gone', async (t) => {
  const totals = new MetricTotals({ version: '0' })
  totals.workerGone(7)
  t.equal((await scrape(totals)).get(requestsLine), undefined)
})

test('histograms have cumulative buckets, +Inf, sum and count, added up over workers', async (t) => {
  const totals = new MetricTotals({ version: '0' })
  const given = [
    [0.001, 0.005, 0.3],
    [0.3, 11, 700],
  ]
  given.forEach((values, id) => {
    const meter = new WorkerMeter()
    const histogram = meter.histogram('http_server_request_duration_seconds', route)
    for (const value of values) histogram.observe(value)
    totals.update(id, meter.snapshot())
  })
  const { text } = await totals.exposition()
  t.match(text, '# TYPE http_server_request_duration_seconds histogram\n')
  const name = 'http_server_request_duration_seconds'
  const buckets = text.split('\n').filter((line) => line.startsWith(`${name}_bucket{`))
  const bounds = buckets.map((line) => /le="([^"]+)"/.exec(line)?.[1] ?? '')
  t.same(bounds, [...metrics[name].buckets.map(String), '+Inf'])
  const all = given.flat()
  const expected = bounds.map(
    (bound) => all.filter((value) => value <= (bound === '+Inf' ? Infinity : Number(bound))).length,
  )
  t.same(
    buckets.map((line) => Number(line.split(' ').at(-1))),
    expected,
  )
  const samples = await scrape(totals)
  const labels = '{http_route="r",http_response_status_code="200",error_type=""}'
  t.equal(samples.get(`${name}_count${labels}`), 6)
  t.ok(Math.abs((samples.get(`${name}_sum${labels}`) ?? 0) - 711.606) < 1e-9)
})

test('label values may hold quotes, backslashes, line ends and what prom-client uses to part labels', async (t) => {
  const totals = new MetricTotals({ version: '0' })
  const meter = new WorkerMeter()
  const services = ['a"b\\c\nd', 'x,service:y', 'x', '__proto__']
  for (const service of services) meter.counter('pillion_requests_total', { ...requests, service }).add()
  totals.update(1, meter.snapshot())
  const samples = await scrape(totals)
  t.equal(
    [...samples.keys()].filter((name) => name.startsWith('pillion_requests_total')).length,
    services.length,
  )
  t.equal(
    samples.get('pillion_requests_total{direction="inbound",service="a\\"b\\\\c\\nd",status_class="2xx"}'),
    1,
  )
})

test('the series of departed workers have a bound, beyond which they are counted together', async (t) => {
  const totals = new MetricTotals({ version: '0', maxDepartedSeries: 2 })
  for (let id = 0; id < 5; id += 1) {
    const meter = new WorkerMeter()
    meter.counter('pillion_requests_total', { ...requests, service: `s${id}` }).add()
    totals.update(id, meter.snapshot())
    totals.workerGone(id)
  }
  const samples = await scrape(totals)
  const line = (label: string, status: string) =>
    `pillion_requests_total{direction="${label === 'overflow' ? label : 'inbound'}",service="${label}",status_class="${status}"}`
  t.equal(samples.get(line('s1', '2xx')), 1)
  t.equal(samples.get(line('s2', '2xx')), undefined)
  t.equal(samples.get(line('overflow', 'overflow')), 3)
})

test('the process and the build are shown beside, under their standard names', async (t) => {
  const totals = new MetricTotals({ version: '9.8.7' })
  const { contentType, text } = await totals.exposition()
  t.match(contentType, 'text/plain; version=0.0.4')
  t.match(text, 'pillion_build_info{version="9.8.7"} 1')
  t.match(text, /^process_cpu_seconds_total /m)
  t.match(text, /^process_resident_memory_bytes \d+$/m)
  t.ok(text.endsWith('\n'))
})

test('metrics that nobody counts are not shown', async (t) => {
  const { text } = await new MetricTotals({ version: '0' }).exposition()
  t.notMatch(text, /sidecar_|fsm_/)
})

const model = (fsmMetrics: boolean): Model =>
  ({
    fsmMetrics,
    inbound: { clusters: { 'in|80': {} } },
    outbound: { clusters: { 'out|80': {}, 'out|81': {} } },
  }) as unknown as Model

test("FSM's series of all clusters exist at zero from the start, and its server is live", async (t) => {
  const totals = new MetricTotals({ version: '0' })
  for (const id of [1, 2]) {
    const meter = new WorkerMeter()
    presetSeries(model(true), meter)
    presetSeries(model(true), meter)
    totals.update(id, meter.snapshot())
  }
  const samples = await scrape(totals)
  for (const cluster of ['in|80', 'out|80', 'out|81']) {
    for (const name of [
      'sidecar_cluster_upstream_cx_tx_bytes_total',
      'sidecar_cluster_upstream_cx_active',
      'sidecar_cluster_upstream_rq_retry_limit_exceeded',
      'sidecar_cluster_upstream_rq_pending_overflow',
      'sidecar_cluster_upstream_cx_destroy_remote_with_active_rq',
      'sidecar_cluster_external_upstream_rq_completed',
    ]) {
      t.equal(samples.get(`${name}{sidecar_cluster_name="${cluster}"}`), 0, `${name} ${cluster}`)
    }
  }
  t.equal(samples.get('sidecar_server_live'), 1, 'one sidecar, however many workers')
})

test('presetting again after traffic takes nothing back', async (t) => {
  const meter = new WorkerMeter()
  presetSeries(model(true), meter)
  const labels = { sidecar_cluster_name: 'in|80' }
  meter.counter('sidecar_cluster_upstream_rq_retry', labels).add(4)
  presetSeries(model(true), meter)
  const totals = new MetricTotals({ version: '0' })
  totals.update(1, meter.snapshot())
  t.equal((await scrape(totals)).get('sidecar_cluster_upstream_rq_retry{sidecar_cluster_name="in|80"}'), 4)
})

test("without FSM's metrics nothing is preset", async (t) => {
  const meter = new WorkerMeter()
  presetSeries(model(false), meter)
  t.same(meter.snapshot().families, [])
})
