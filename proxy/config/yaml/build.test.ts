import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { defaultSteps } from '../../../chains/catalogue.ts'
import { chainNames } from '../../../chains/model.ts'
import { defaults } from '../defaults.ts'
import { loadGood } from '../testing/config-file.ts'

const everything = readFileSync(new URL('../testing/everything.yaml', import.meta.url), 'utf8')
const minimal = 'inbound:\n  - listen: 127.0.0.1:15003\n    application: 127.0.0.1:9000\n'

test('a config of three lines has safe defaults for the rest', async (t) => {
  const { model, process, warnings } = await loadGood(minimal)
  t.same(warnings, [])
  t.same(model.timeouts, {
    connectMs: 5_000,
    requestHeadMs: 10_000,
    idleMs: 60_000,
    requestMs: 0,
    drainMs: 30_000,
  })
  t.match(model.limits, {
    maxConnections: 10_000,
    maxHeadBytes: 32_768,
    maxTargetBytes: 8_192,
    maxHeaders: 100,
    maxReplayBytes: 65_536,
  })
  t.same(process, {
    admin: { host: '127.0.0.1', port: 15_000 },
    metrics: { host: '127.0.0.1', port: 15_010 },
    workers: 1,
    logLevel: 'info',
    adminToken: null,
  })
  for (const chain of chainNames) t.same(model.chains[chain], defaultSteps('pillion')[chain])
  t.same(model.listeners, [
    {
      direction: 'inbound',
      host: '127.0.0.1',
      port: 15_003,
      originalDestination: 'listener',
      trustedSources: defaults.trustedSources,
      rule: 0,
    },
  ])
  t.match(model.inbound.ports[0], { name: 'inbound-15003', port: 15_003, protocol: 'http' })
  t.match(model.inbound.ports[0]?.http, {
    hosts: { '*': {} },
    hostMatching: 'flexible',
    callerMatching: 'filtered',
    unmatched: 'absent',
  })
  t.same(model.inbound.clusters['inbound-15003']?.connections, defaults.pool)
  t.equal(model.inbound.allowedSources, null)
  t.equal(model.accessLog, null)
})

test('routes are tried exact first, then by the longest prefix, then expressions', async (t) => {
  const { model } = await loadGood(everything)
  const routes = model.inbound.ports.find((port) => port.name === 'cart')?.http?.hosts.cart?.service.routes
  t.same(
    routes?.map((route) => [route.name, route.path.type, route.path.value, route.path.isSegmentPrefix]),
    [
      ['exact /exact', 'exact', '/exact', false],
      ['prefix /admin/deep', 'prefix', '/admin/deep', true],
      ['admin', 'prefix', '/admin', true],
      ['regex ^/v[0-9]+/', 'regex', '^/v[0-9]+/', false],
    ],
  )
  t.ok(routes?.every((route) => !route.path.includesQuery))
  t.match(routes?.[2], {
    methods: ['GET', 'POST'],
    headers: [{ name: 'x-team', regex: '^core$' }],
    callers: ['ops-sa.ops'],
    requestTimeoutMs: 5_000,
    rateLimit: { requests: 5, windowMs: 1_000, burst: 10, status: 503, headers: [['retry-after', '1']] },
  })
  t.equal(routes?.[0]?.requestTimeoutMs, 30_000)
})

test('a service for several ports and addresses is one object in a rule for each port', async (t) => {
  const { model } = await loadGood(everything)
  const http = model.outbound.ports.filter((port) => port.http)
  t.same(
    http.map(({ name, port, destinations }) => ({ name, port, destinations })),
    [8080, 80].map((port) => ({
      name: `outbound-${port}-10.96.7.7/32`,
      port,
      destinations: ['10.96.7.7/32', '10.96.7.8'],
    })),
  )
  const [service, other] = http.map((port) => port.http?.hosts.stock?.service)
  t.equal(service, other)
  t.same(Object.keys(http[0]?.http?.hosts ?? {}), ['stock', 'stock.shop'], 'hosts become lower case')
  t.same(
    service?.routes.map((route) => [route.path.value, route.targets]),
    [
      ['/two', [{ cluster: 'stock|v2', weight: 100 }]],
      [
        '/half',
        [
          { cluster: 'stock|v1', weight: 1 },
          { cluster: 'stock|v2', weight: 1 },
        ],
      ],
      [
        '/',
        [
          { cluster: 'stock|v1', weight: 90 },
          { cluster: 'stock|v2', weight: 10 },
        ],
      ],
    ],
  )
})

test('a cluster takes what it does not say from its service', async (t) => {
  const { model } = await loadGood(everything)
  t.match(model.outbound.clusters['stock|v1'], {
    balancing: { policy: 'ring-hash', hashHeader: 'x-user', sticky: 'connection' },
    connections: {
      maxConnections: 10,
      maxRequestsPerConnection: 1_000,
      maxPendingRequests: 5,
      idleMs: 5_000,
    },
    connectTimeoutMs: 200,
    retry: { retries: 3, perTryTimeoutMs: 1_000, backoffBaseMs: 500, retryNonIdempotent: true },
    breaker: {
      windowMs: 60_000,
      errorRatio: 0.5,
      errorAmount: 7,
      slowMs: 2_000,
      halfOpenRequests: 2,
      body: 'try later',
    },
  })
  t.equal(model.outbound.clusters['stock|v1']?.retry?.statuses.length, 101)
  t.match(model.outbound.clusters['stock|v2'], {
    balancing: { policy: 'least-requests', sticky: 'request' },
    connections: defaults.pool,
    connectTimeoutMs: 1_000,
    retry: defaults.retry,
    breaker: { ...defaults.breaker, errorAmount: 5 },
  })
})

test('listeners serve their own rule, or any by destination', async (t) => {
  const { model } = await loadGood(everything)
  t.same(
    model.listeners.map(({ direction, host, port, originalDestination, rule }) => [
      direction,
      host,
      port,
      originalDestination,
      rule === null ? null : model[direction].ports[rule]?.name,
    ]),
    [
      ['inbound', '::1', 15_004, 'listener', 'inbound-15004'],
      ['inbound', '127.0.0.1', 15_003, 'proxy-protocol', null],
      ['outbound', '127.0.0.1', 7_000, 'listener', 'ledger'],
      ['outbound', '127.0.0.1', 15_001, 'proxy-protocol', null],
      ['outbound', '::1', 15_001, 'proxy-protocol', null],
    ],
  )
  t.same(model.listeners[0]?.trustedSources, ['127.0.0.1', '10.0.0.0/8', '::1'])
})

test('the rest of the keys arrive where they belong', async (t) => {
  const { model, process } = await loadGood(everything)
  t.same(model.identity, {
    namespace: 'shop',
    serviceAccount: 'cart-sa',
    podName: 'cart-7d9f',
    workloadKind: 'Deployment',
    labels: { app: 'cart', version: '1' },
    serviceIdentity: 'cart-sa.shop',
  })
  t.same(model.timeouts, {
    connectMs: 2_000,
    requestHeadMs: 3_000,
    idleMs: 4_000,
    requestMs: 5_000,
    drainMs: 6_000,
  })
  t.same(model.limits, {
    maxConnections: 7,
    maxHeadBytes: 16_384,
    maxTargetBytes: 4_096,
    maxHeaders: 50,
    maxBodyBytes: 1_048_576,
    maxRequestsPerConnection: 9,
    maxReplayBytes: 0,
  })
  t.same(model.forwarding, {
    via: 'shop',
    forwardedFor: 'replace',
    forwardedProto: false,
    forwardedHost: false,
    requestId: 'off',
  })
  t.same(model.accessLog, { path: '/var/log/access.log', sample: 0.5, fields: { who: '%{remote_address}' } })
  t.same(model.inbound.allowedSources, ['127.0.0.0/8', '10.1.2.3'])
  t.equal(model.outbound.allowEgress, true)
  t.equal(model.fsmMetrics, true)
  t.equal(process.metrics, null)
  t.match(process, { workers: 4, logLevel: 'warn' })
})

test('chains take changes by step, or a whole list', async (t) => {
  const { model } = await loadGood(everything)
  const names = (chain: (typeof chainNames)[number]) => model.chains[chain].map((step) => step.name)
  t.notOk(names('inbound-http').includes('modules/inbound-throttle-route.js'))
  t.equal(names('inbound-http').indexOf('plugins/hello.js'), 2)
  t.equal(names('inbound-http').indexOf('modules/inbound-retry.js'), 7)
  t.same(model.chains['inbound-tcp'].at(-1), { name: 'modules/inbound-tcp-default.js', priority: 90 })
  t.same(model.chains['outbound-http'], [
    { name: 'modules/outbound-http-routing.js', priority: 160 },
    { name: 'plugins/a.js', priority: 160 - 50 / 3 },
    { name: 'plugins/b.js', priority: 160 - 100 / 3 },
    { name: 'modules/outbound-http-load-balancing.js', priority: 110 },
    { name: 'modules/outbound-http-default.js', priority: 100 },
  ])
})

test("scripts find our config in FSM's shape", async (t) => {
  const { model } = await loadGood(everything)
  const stock = model.outbound.ports.find((port) => port.http)
  const service = stock?.http?.hosts.stock?.service
  t.match(service?.script, { name: 'stock', Plugins: { 'token-injector': { AccessToken: 'abc' } } })
  t.match(service?.script, { RouteRules: [service?.routes[0]?.script] })
  t.equal(service?.script.Plugins, service?.plugins)
  t.match(stock?.script, {
    Port: 8080,
    Protocol: 'http',
    DestinationIPRanges: { '10.96.7.8': null },
    HttpHostPort2Service: { stock: { RuleName: 'stock' } },
    HttpServiceRouteRules: {
      stock: { RouteRules: [{ Path: '/two', Type: 'Exact', TargetClusters: { 'stock|v2': 100 } }] },
    },
  })
  t.same(model.outbound.clusters['stock|v1']?.script, {
    name: 'stock|v1',
    Endpoints: { '10.244.2.5:8080': { Weight: 100 }, '172.20.0.9:8081': { Weight: 0, Path: '/cluster-2' } },
  })
  t.same(model.inbound.clusters['inbound-15004']?.script.Endpoints, {
    '127.0.0.1:7001': 100,
    '[::1]:7001': 0,
  })
  t.match(model.script, {
    Spec: { ServiceIdentity: 'cart-sa.shop', Traffic: { EnableEgress: true } },
    Inbound: {
      TrafficMatches: { 8080: { Protocol: 'http' } },
      ClustersConfigs: { cart: { '127.0.0.1:9000': 100 } },
    },
    Outbound: { TrafficMatches: { 7000: [{ TcpServiceRouteRules: { TargetClusters: { ledger: 100 } } }] } },
  })
  t.same(structuredClone(model), model, 'the model can go to another thread')
})

test('a config in JSON with our keys is ours', async (t) => {
  const { model } = await loadGood(
    '{ "inbound": [{ "listen": "127.0.0.1:1", "application": "127.0.0.1:2" }] }',
  )
  t.equal(model.listeners.length, 1)
  t.equal(model.fsmMetrics, false)
})
