import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { exampleOptions, workedExample } from './worked-example.ts'

const cart = { 'x-pillion-original-destination': '10.244.1.9:8080', host: 'cart' }
const stock = { 'x-pillion-original-destination': '10.96.7.7:8080', host: 'stock' }
const local = 'shop/cart|9000|local'

/** FSM's names, as its dashboards and its `fsm` command ask for them. */
const fsmNames = [
  'sidecar_cluster_upstream_cx_tx_bytes_total',
  'sidecar_cluster_upstream_cx_rx_bytes_total',
  'sidecar_cluster_upstream_cx_active',
  'sidecar_cluster_external_upstream_rq_completed',
  'sidecar_cluster_external_upstream_rq',
  'sidecar_cluster_external_upstream_rq_xx',
  'sidecar_cluster_upstream_rq_total',
  'sidecar_cluster_upstream_rq_xx',
  'sidecar_cluster_upstream_cx_destroy_remote_with_active_rq',
  'sidecar_cluster_upstream_cx_destroy_local_with_active_rq',
  'sidecar_cluster_upstream_cx_connect_timeout',
  'sidecar_cluster_upstream_rq_pending_failure_eject',
  'sidecar_cluster_upstream_rq_pending_overflow',
  'sidecar_cluster_upstream_rq_timeout',
  'sidecar_cluster_upstream_rq_rx_reset',
  'sidecar_cluster_upstream_rq_tx_reset',
  'sidecar_cluster_upstream_rq_retry',
  'sidecar_cluster_upstream_rq_retry_success',
  'sidecar_cluster_upstream_rq_retry_limit_exceeded',
  'sidecar_cluster_upstream_rq_retry_overflow',
  'sidecar_cluster_upstream_rq_retry_backoff_exponential',
  'sidecar_cluster_upstream_rq_retry_backoff_ratelimited',
  'sidecar_server_live',
  'http_local_rate_limiter',
  'sidecar_local_rate_limit_inbound',
]

test('the chains of the example run in its order, without the plugins that are not there, and the log says so', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('cart')
  const config = await workedExample({ '127.0.0.1:9000': application.address })
  await using sidecar = await runSidecar(config, exampleOptions('header'))
  for (const [chain, plugin] of [
    ['inbound-http', 'plugins/cors-policy.js'],
    ['outbound-http', 'plugins/token-injector.js'],
  ]) {
    const named = sidecar.program.log().filter(({ message }) => message.includes(plugin ?? ''))
    t.equal(named.length, 1)
    t.match(named[0], { level: 'warn' })
    const line = `:\\d+:\\d+: Chains\\.${chain}\\[\\d\\]: names ${plugin}: there is no such plugin, and it is left out$`
    t.match(named[0]?.message, new RegExp(line))
  }
  const chains = (await sidecar.show('/chains')) as Record<string, { name: string; priority: number }[]>
  const order = (chain: string) => chains[chain]?.map(({ name }) => name.replace('modules/', ''))
  t.strictSame(order('inbound-tcp'), [
    'inbound-tls-termination.js',
    'inbound-tcp-routing.js',
    'inbound-tcp-load-balancing.js',
    'inbound-tcp-default.js',
  ])
  t.strictSame(order('inbound-http'), [
    'inbound-tls-termination.js',
    'inbound-http-routing.js',
    'inbound-metrics-http.js',
    'inbound-tracing-http.js',
    'inbound-logging-http.js',
    'inbound-throttle-service.js',
    'inbound-throttle-route.js',
    'inbound-http-load-balancing.js',
    'inbound-http-default.js',
  ])
  t.strictSame(order('outbound-tcp'), [
    'outbound-tcp-routing.js',
    'outbound-tcp-load-balancing.js',
    'outbound-tcp-default.js',
  ])
  // FSM retries within its load balancing; ours is a step of its own before it
  t.strictSame(order('outbound-http'), [
    'outbound-http-routing.js',
    'outbound-metrics-http.js',
    'outbound-tracing-http.js',
    'outbound-logging-http.js',
    'outbound-circuit-breaker.js',
    'outbound-retry.js',
    'outbound-http-load-balancing.js',
    'outbound-http-default.js',
  ])
  for (const steps of Object.values(chains)) {
    const priorities = steps.map(({ priority }) => priority)
    t.strictSame(
      priorities,
      priorities.toSorted((a, b) => b - a),
    )
  }
  const { text } = await ask(sidecar.admin, '/chains', { headers: { accept: 'text/plain' } })
  t.match(text, /^inbound-http$/m)
  t.match(text, /^ +modules\/inbound-http-routing\.js +170 /m)
})

test("after traffic, FSM's metrics are there under FSM's names, and answers carry FSM's mark", async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('cart', (_request, response, index) => {
    response.writeHead(index === 3 ? 404 : 200).end('cart')
  })
  const config = await workedExample(
    {
      '127.0.0.1:9000': application.address,
      '10.244.2.5:8080': application.address,
      '10.244.3.5:8080': application.address,
    },
    (example) => {
      example.AllowedEndpoints['127.0.0.1'] = 'test'
      const { Endpoints } = example.Outbound.ClustersConfigs['shop/stock-v1|8081'] ?? {}
      delete Endpoints?.['10.244.2.6:8080']
    },
  )
  await using sidecar = await runSidecar(config, exampleOptions('header', '--metrics', '127.0.0.1:0'))
  using agent = keptConnections()
  for (let index = 0; index < 5; index += 1) {
    const { headers } = await ask(first(sidecar.inbound), '/x', { headers: cart, agent })
    t.equal(headers['fsm-stats'], 'shop,Deployment,cart-sa,cart-0')
  }
  await ask(first(sidecar.inbound), '/x', { headers: { ...cart, host: 'other' }, agent })
  await ask(first(sidecar.outbound), '/', { headers: stock })

  const scraped = await sidecar.scrape()
  for (const name of fsmNames) t.ok(scraped.all(name).length > 0, name)
  const source = {
    source_namespace: 'shop',
    source_workload_kind: 'Deployment',
    source_workload_name: 'cart-sa',
    source_workload_pod: 'cart-0',
    sidecar_cluster_name: local,
  }
  t.equal(scraped.sum('sidecar_cluster_upstream_rq_total', source), 5)
  const ofClass = (digit: string) =>
    scraped.sum('sidecar_cluster_upstream_rq_xx', { ...source, sidecar_response_code_class: digit })
  t.strictSame([ofClass('2'), ofClass('4')], [4, 1], 'classes are whole digits')
  t.equal(scraped.sum('sidecar_server_live'), 1)
  const metricsPort = Number((await sidecar.program.logged(/^metrics listens on /)).port)
  for (const path of ['/stats/prometheus', '/metrics']) {
    const { status, text } = await ask(metricsPort, path)
    t.equal(status, 200)
    t.match(text, 'sidecar_cluster_upstream_rq_total{source_namespace="shop"')
  }
})

test("FSM's counters of bytes and connections follow the traffic of each cluster", async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('cart')
  const config = await workedExample({ '127.0.0.1:9000': application.address }, (example) => {
    example.AllowedEndpoints['127.0.0.1'] = 'test'
  })
  await using sidecar = await runSidecar(config, exampleOptions('header'))
  using agent = keptConnections()
  const body = 'x'.repeat(10_000)
  await ask(first(sidecar.inbound), '/x', { method: 'POST', headers: cart, body, agent })
  const scraped = await sidecar.scrape()
  const labels = { sidecar_cluster_name: local }
  t.ok(scraped.sum('sidecar_cluster_upstream_cx_tx_bytes_total', labels) > 10_000, 'bytes to the cluster')
  t.ok(scraped.sum('sidecar_cluster_upstream_cx_rx_bytes_total', labels) > 0, 'bytes from the cluster')
  t.equal(scraped.sum('sidecar_cluster_upstream_cx_active', labels), 1, 'connections to the cluster')
})
