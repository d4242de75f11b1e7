import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Model } from '../../../chains/model.ts'
import { loadGood } from '../testing/config-file.ts'

const example = readFileSync(new URL('../testing/worked-example.json', import.meta.url), 'utf8')
const header = { originalDestination: 'header' }

/** An outbound config with these matches for port 80. */
const outboundOf = (matches: readonly unknown[], clusters: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ Outbound: { TrafficMatches: { 80: matches }, ClustersConfigs: clusters } })

const stepNames = (model: Model, chain: keyof Model['chains']) => model.chains[chain].map((step) => step.name)

test("the worked example's inbound side is what its text says", async (t) => {
  const { model } = await loadGood(example, header)
  t.same(
    model.inbound.ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
    [
      { name: 'inbound_7001_tcp', port: 7001, protocol: 'tcp' },
      { name: 'inbound_8080_http', port: 8080, protocol: 'http' },
    ],
  )
  const http = model.inbound.ports[1]?.http
  t.same(Object.keys(http?.hosts ?? {}), [
    'cart',
    'cart:8080',
    'cart.shop',
    'cart.shop:8080',
    'cart.shop.svc.cluster.local:8080',
  ])
  t.match(http, { hostMatching: 'exact', defaultHost: null, callerMatching: 'grouped', unmatched: 'denied' })
  const service = http?.hosts.cart?.service
  t.equal(http?.hosts['cart.shop']?.service, service, 'hosts of one rule set share the service')
  t.match(service, {
    name: 'cart.shop',
    rateLimit: { requests: 100, windowMs: 1000, burst: 200, status: 429 },
  })
  t.same(
    service?.routes.map(({ script, ...route }) => route),
    [
      {
        name: 'prefix /admin',
        path: { type: 'prefix', value: '/admin', includesQuery: true, isSegmentPrefix: false },
        methods: ['GET', 'POST'],
        headers: [{ name: 'x-team', regex: '^core$' }],
        callers: ['ops-sa.ops'],
        targets: [{ cluster: 'shop/cart|9000|local', weight: 100 }],
        rateLimit: {
          requests: 5,
          windowMs: 1000,
          burst: 5,
          status: 503,
          headers: [['retry-after', '1']],
          backlog: null,
        },
        requestTimeoutMs: null,
      },
      {
        name: 'regex .*',
        path: { type: 'regex', value: '.*', includesQuery: true, isSegmentPrefix: false },
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'],
        headers: [],
        callers: null,
        targets: [{ cluster: 'shop/cart|9000|local', weight: 100 }],
        rateLimit: null,
        requestTimeoutMs: null,
      },
    ],
  )
  t.same(model.inbound.ports[1]?.connectionLimit, { connections: 50, windowMs: 1000, burst: 50 })
  t.same(model.inbound.ports[0]?.tcp, {
    targets: [{ cluster: 'shop/cart|7001|local', weight: 100 }],
    allowEgress: false,
    plugins: {},
  })
  t.same(model.inbound.allowedSources, ['10.244.1.20', '10.244.0.0/24'])
  t.match(model.inbound.clusters['shop/cart|9000|local'], {
    endpoints: [{ address: '127.0.0.1:9000', host: '127.0.0.1', port: 9000, weight: 100 }],
    balancing: { policy: 'round-robin', sticky: 'connection' },
    script: { name: 'shop/cart|9000|local', Endpoints: { '127.0.0.1:9000': 100 } },
  })
})

test("the worked example's outbound side is what its text says", async (t) => {
  const { model } = await loadGood(example, header)
  const [ledger, stock] = model.outbound.ports
  t.match(ledger, {
    port: 7000,
    protocol: 'tcp',
    destinations: ['10.96.9.9/32'],
    tcp: { allowEgress: false },
  })
  t.match(stock, { port: 8080, protocol: 'http', destinations: ['10.96.7.7/32', '10.96.7.8/32'], tcp: null })
  t.same(stock?.http?.hosts.stock?.service.routes[0]?.targets, [
    { cluster: 'shop/stock-v1|8081', weight: 90 },
    { cluster: 'shop/stock-v2|8081', weight: 10 },
  ])
  t.equal(model.outbound.allowEgress, false)
  const cluster = model.outbound.clusters['shop/stock-v1|8081']
  t.same(cluster?.endpoints[2], {
    address: '172.20.0.9:8081',
    host: '172.20.0.9',
    port: 8081,
    weight: 0,
    pathPrefix: '/cluster-2',
    viaGateway: null,
  })
  t.equal(cluster?.connections.maxRequestsPerConnection, 1000)
  t.match(cluster?.retry, {
    statuses: Array.from({ length: 100 }, (_, i) => 500 + i),
    retries: 3,
    perTryTimeoutMs: 1000,
    backoffBaseMs: 500,
    backoffMaxMs: 5000,
    retryNonIdempotent: true,
  })
  t.same(cluster?.breaker, {
    windowMs: 60_000,
    minRequests: 20,
    openMs: 10_000,
    slowMs: 5_000,
    slowAmount: null,
    slowRatio: null,
    errorAmount: null,
    errorRatio: 0.5,
    status: 503,
    body: 'try later',
    halfOpenRequests: 1,
  })
})

test('the worked example says who the sidecar is, its timeouts, probes and listeners', async (t) => {
  const { model, process } = await loadGood(example, header, { POD_NAME: 'cart-1', POD_NAMESPACE: 'other' })
  t.same(model.identity, {
    namespace: 'other',
    serviceAccount: 'cart-sa',
    podName: 'cart-1',
    workloadKind: '',
    labels: {},
    serviceIdentity: 'cart-sa.shop',
  })
  t.same(model.timeouts, {
    connectMs: 60_000,
    requestHeadMs: 60_000,
    idleMs: 60_000,
    requestMs: 0,
    drainMs: 30_000,
  })
  t.same(model.probes, [{ kind: 'liveness', port: 15_901, host: '0.0.0.0' }])
  t.same(
    model.listeners.map(({ direction, host, port, originalDestination, rule }) => [
      direction,
      host,
      port,
      originalDestination,
      rule,
    ]),
    [
      ['inbound', '0.0.0.0', 15_003, 'header', null],
      ['outbound', '0.0.0.0', 15_001, 'header', null],
    ],
  )
  t.equal(model.fsmMetrics, true)
  t.equal(process.logLevel, 'error')
})

test('the chains keep the order given, with the retry step before load balancing', async (t) => {
  const plugins = fileURLToPath(new URL('../testing/plugins/worked-example.yaml', import.meta.url))
  const { model } = await loadGood(example, { ...header, manifests: [plugins] })
  t.same(stepNames(model, 'outbound-http'), [
    'modules/outbound-http-routing.js',
    'modules/outbound-metrics-http.js',
    'modules/outbound-tracing-http.js',
    'modules/outbound-logging-http.js',
    'modules/outbound-circuit-breaker.js',
    'plugins/token-injector.js',
    'modules/outbound-retry.js',
    'modules/outbound-http-load-balancing.js',
    'modules/outbound-http-default.js',
  ])
  t.same(model.chains['inbound-http'][2], { name: 'plugins/cors-policy.js', priority: 165 })
  for (const steps of Object.values(model.chains)) {
    steps.forEach((step, i) => {
      t.ok(
        i === 0 || step.priority < (steps[i - 1]?.priority ?? 0),
        `${step.name} is below the one before it`,
      )
    })
  }
})

test('without Chains the default ones are taken, without outbound throttles', async (t) => {
  const { model } = await loadGood('{"Outbound":{}}', header)
  t.same(stepNames(model, 'outbound-http').slice(4, 7), [
    'modules/outbound-circuit-breaker.js',
    'modules/outbound-retry.js',
    'modules/outbound-http-load-balancing.js',
  ])
  t.equal(model.chains['inbound-http'].length, 9)
})

test('a packed config is the same as an unpacked one', async (t) => {
  const plain = await loadGood(example, header)
  t.same((await loadGood(gzipSync(example), header)).model, plain.model)
})

test('outbound matches of the same port, protocol and ranges are joined, for us and for scripts', async (t) => {
  const match = (host: string, ranges: readonly string[]) => ({
    Port: 80,
    Protocol: 'http',
    DestinationIPRanges: Object.fromEntries(ranges.map((range) => [range, null])),
    HttpHostPort2Service: { [host]: { RuleName: `${host}.ns` } },
    HttpServiceRouteRules: { [`${host}.ns`]: { RouteRules: [] } },
  })
  const config = outboundOf([
    match('a', ['10.0.0.1/32', '10.0.0.2/32']),
    match('b', ['10.0.0.2/32', '10.0.0.1/32']),
    match('c', ['10.0.0.3/32']),
  ])
  const { model } = await loadGood(config, header)
  t.same(
    model.outbound.ports.map((port) => Object.keys(port.http?.hosts ?? {}).toSorted()),
    [['a', 'b'], ['c']],
  )
  t.match(model.script, {
    Outbound: {
      TrafficMatches: {
        80: [{ HttpHostPort2Service: { a: {}, b: {} }, Identity: String }, { Identity: String }],
      },
    },
  })
  t.equal(
    (model.script.Outbound as { TrafficMatches: Record<string, unknown[]> }).TrafficMatches[80]?.length,
    2,
  )
  t.equal(new Set(model.outbound.ports.map((port) => port.name)).size, 2)
})

test('a stray key of ours does not make an FSM config ours', async (t) => {
  const { model } = await loadGood('{"metrics":1,"Outbound":{}}', header)
  t.equal(model.fsmMetrics, true)
})
