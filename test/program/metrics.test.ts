import { test } from 'tap'
import { metrics } from '../../chains/telemetry.ts'
import { deferred } from '../../proxy/supervisor/deferred.ts'
import { Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import type { Exposition, Sample } from '../support/exposition.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { first, runSidecar, type SidecarProcess } from '../support/process.ts'
import { deadPort, rawClient } from '../support/raw.ts'

/** Asks on connections of their own, so that all workers get some. */
async function flood(port: number, count: number, path = '/', parts: object = {}): Promise<void> {
  const agents = Array.from({ length: 8 }, () => keptConnections())
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      ask(port, path, { ...parts, agent: agents[index % 8] as never }),
    ),
  )
  for (const agent of agents) agent.destroy()
}

/** The series of a histogram: one list of buckets for each set of other labels. */
function histogramsOf(scraped: Exposition, name: string): Map<string, readonly Sample[]> {
  const series = new Map<string, Sample[]>()
  for (const sample of scraped.all(`${name}_bucket`)) {
    const { le: _le, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  return series
}

const configOf = (application: Application, dead: number) => `
workers: 2
inbound:
  - name: app
    listen: 127.0.0.1:0
    application: ${application.address}
    routes:
      - { name: one, path: { prefix: /one } }
      - { name: two, path: { prefix: /two }, rateLimit: { requests: 0, status: 429 } }
  - { name: gone, listen: '127.0.0.1:0', application: '127.0.0.1:${dead}' }
outbound:
  listen: 127.0.0.1:0
  services: [{ name: stock, endpoints: ['${application.address}'] }]
`

test('counters, body bytes and failures are right after a known number of requests on two workers', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app', ({ path }, response) => {
    response.writeHead(path.endsWith('missing') ? 404 : 200).end('twelve bytes')
  })
  await using sidecar = await runSidecar(configOf(application, await deadPort()))
  const [inbound = 0, gone = 0] = sidecar.inbound
  await flood(inbound, 300, '/one')
  await flood(inbound, 100, '/one', { method: 'POST', body: 'x'.repeat(1_000) })
  await flood(inbound, 20, '/one/missing')
  await flood(inbound, 10, '/two')
  await flood(inbound, 5, '/three')
  await flood(gone, 3)
  await flood(first(sidecar.outbound), 50, '/', { headers: { host: 'stock' } })
  await using garbage = await rawClient(inbound)
  garbage.send('GET / HTTP/1.1\r\nHost : a\r\n\r\n')
  await garbage.untilText('HTTP/1.1 400 ')
  garbage.end()
  await garbage.untilEnded()

  const scraped = await sidecar.scrape()
  const requests = (service: string, digit: string) =>
    scraped.sum('pillion_requests_total', { service, status_class: digit })
  t.equal(requests('app', '2'), 400)
  t.equal(requests('app', '4'), 30)
  t.equal(requests('', '4'), 5, 'of no service: nothing fits')
  t.equal(requests('gone', '5'), 3)
  t.equal(requests('stock', '2'), 50)
  const bytes = (what: string) =>
    scraped.sum(`pillion_${what}_body_bytes_total`, { direction: 'inbound', service: 'app' })
  t.equal(bytes('request'), 100 * 1_000)
  t.equal(bytes('response'), 420 * 12)
  const failures = (code: string) => scraped.sum('pillion_failures_total', { direction: 'inbound', code })
  t.equal(failures('THROTTLED'), 10)
  t.equal(failures('NO_ROUTE'), 5)
  t.equal(failures('CONNECT_REFUSED'), 3)
  t.equal(failures('BAD_REQUEST'), 1)
  // eight for each of the larger floods, one for each request of the smaller ones, and that of the garbage
  t.equal(scraped.sum('pillion_connections_total', { direction: 'inbound' }), 4 * 8 + 5 + 3 + 1)
  t.equal(scraped.sum('pillion_config_generation'), 1)

  const durations = 'http_server_request_duration_seconds'
  const one = { http_route: 'app one', http_response_status_code: '200', error_type: '' }
  t.equal(scraped.sum(`${durations}_count`, one), 400)
  t.ok(scraped.sum(`${durations}_sum`, one) > 0)
  t.equal(scraped.sum(`${durations}_count`, { http_route: 'app two', error_type: 'THROTTLED' }), 10)
  t.equal(scraped.sum('http_client_request_duration_seconds_count', { http_route: 'stock any' }) > 0, true)
  for (const name of [durations, 'http_client_request_duration_seconds'] as const) {
    for (const [labels, buckets] of histogramsOf(scraped, name)) {
      const bounds = buckets.map(({ labels: { le } }) => le)
      t.strictSame(bounds, [...metrics[name].buckets.map(String), '+Inf'], labels)
      const values = buckets.map(({ value }) => value)
      t.strictSame(
        values,
        values.toSorted((a, b) => a - b),
        'buckets are cumulative',
      )
      t.equal(values.at(-1), scraped.sum(`${name}_count`, JSON.parse(labels)), 'the last one counts all')
    }
  }
})

const active = async (sidecar: SidecarProcess) => {
  const scraped = await sidecar.scrape()
  const gauge = (name: string, direction: string) => scraped.sum(name, { direction })
  return {
    requests: gauge('pillion_requests_active', 'inbound'),
    connections: gauge('pillion_connections_active', 'inbound'),
    upstream: scraped.sum('pillion_upstream_connections_active', { cluster: 'app' }),
  }
}

test('gauges say what is open now, and come back to nothing', async (t) => {
  await using _left = assertNothingLeft(t)
  const { promise, resolve } = deferred<void>()
  await using application = await Application.start('app', async (_request, response) => {
    await promise
    response.end('app')
  })
  await using sidecar = await runSidecar(configOf(application, 1))
  const port = first(sidecar.inbound)
  const clients = await Promise.all(Array.from({ length: 6 }, () => rawClient(port)))
  for (const client of clients) client.send('GET /one HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => application.seen.length === 6, 'all are at the application')
  t.strictSame(await active(sidecar), { requests: 6, connections: 6, upstream: 6 })
  // two leave before their answers come
  for (const client of clients.slice(0, 2)) client.reset()
  let now = await active(sidecar)
  for (let tries = 0; now.requests > 4 && tries < 100; tries += 1) now = await active(sidecar)
  t.match(now, { requests: 4, connections: 4 })
  resolve()
  await Promise.all(clients.slice(2).map((client) => client.untilText('\r\n\r\napp')))
  t.match(await active(sidecar), { requests: 0, connections: 4 })
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  for (let tries = 0; now.connections > 0 && tries < 100; tries += 1) now = await active(sidecar)
  t.match(now, { requests: 0, connections: 0 })
  const gone = (await sidecar.scrape()).sum('pillion_failures_total', { code: 'CLIENT_GONE' })
  t.equal(gone, 2)
})
