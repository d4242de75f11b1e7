import { test } from 'tap'
import { acceptance } from './accept.ts'
import { buildChains } from './assemble.ts'
import { cluster, contextOf, countOf, modelOf, seeded, toolsWith } from './balancing/fixtures.ts'
import { defaultSteps } from './catalogue.ts'
import { HeaderList } from './headers.ts'
import type { Direction, HttpRules, Listener, Model, PathMatch, PortRule, RouteRule } from './model.ts'
import { testPort, testRequest, testRoute, testService } from './policy/testing.ts'

/*
 * The pod of service `cart`: HTTP on 8080, TCP on 7001; it calls `stock` (two
 * versions, 90 to 10) and `ledger`, and nothing else. Written out as FSM's
 * config.json says it, with FSM's ways of matching.
 */

const fsmPath = (type: PathMatch['type'], value: string): PathMatch => ({
  type,
  value,
  includesQuery: true,
  isSegmentPrefix: false,
})

function rule(
  name: string,
  path: PathMatch,
  targets: Record<string, number>,
  parts: Partial<RouteRule> = {},
) {
  const weighted = Object.entries(targets).map(([target, weight]) => ({ cluster: target, weight }))
  return { ...testRoute(name), path, targets: weighted, ...parts }
}

function hosts(service: string, routes: readonly RouteRule[], names: readonly string[]): HttpRules {
  const entry = { service: { ...testService(service), routes }, rewriteHost: service }
  return {
    hosts: Object.fromEntries(names.map((name) => [name, entry])),
    hostMatching: 'exact',
    defaultHost: null,
    callerMatching: 'grouped',
    unmatched: 'denied',
  }
}

function tcpPort(
  direction: Direction,
  port: number,
  target: string,
  destinations: string[] | null,
): PortRule {
  const tcp = { targets: [{ cluster: target, weight: 100 }], allowEgress: false, plugins: {} }
  return { ...testPort(`${direction}_${port}`), direction, port, protocol: 'tcp', destinations, tcp }
}

const cartPort: PortRule = {
  ...testPort('inbound_8080'),
  port: 8080,
  connectionLimit: { connections: 50, windowMs: 1_000, burst: 0 },
  http: hosts(
    'cart.shop',
    [
      rule(
        'admin',
        fsmPath('prefix', '/admin'),
        { 'shop/cart|9000|local': 100 },
        {
          methods: ['GET', 'POST'],
          headers: [{ name: 'x-team', regex: '^core$' }],
          callers: ['ops-sa.ops'],
          rateLimit: {
            requests: 5,
            windowMs: 1_000,
            burst: 0,
            status: 503,
            headers: [['retry-after', '1']],
            backlog: null,
          },
        },
      ),
      rule('all', fsmPath('regex', '.*'), { 'shop/cart|9000|local': 100 }),
    ],
    ['cart', 'cart:8080', 'cart.shop', 'cart.shop:8080', 'cart.shop.svc.cluster.local:8080'],
  ),
}

const stockPort: PortRule = {
  ...testPort('outbound_8080'),
  direction: 'outbound',
  port: 8080,
  destinations: ['10.96.7.7/32', '10.96.7.8/32'],
  http: hosts(
    'stock.shop.svc.cluster.local',
    [rule('all', fsmPath('regex', '.*'), { 'shop/stock-v1|8081': 90, 'shop/stock-v2|8081': 10 })],
    ['stock', 'stock.shop:8080'],
  ),
}

function exampleModel(): Model {
  const made = modelOf(
    [
      cluster('shop/cart|9000|local', ['127.0.0.1:9000=100']),
      cluster('shop/cart|7001|local', ['127.0.0.1:7001=100']),
      cluster('shop/stock-v1|8081', ['10.244.2.5:8080=100', '10.244.2.6:8080=100', '172.20.0.9:8081=0']),
      cluster('shop/stock-v2|8081', ['10.244.3.5:8080=100']),
      cluster('shop/ledger|7000', ['10.244.4.4:7000=100']),
    ],
    [
      cartPort,
      tcpPort('inbound', 7001, 'shop/cart|7001|local', null),
      stockPort,
      tcpPort('outbound', 7000, 'shop/ledger|7000', ['10.96.9.9/32']),
    ],
    { chains: defaultSteps('fsm') },
  )
  return {
    ...made,
    identity: { ...made.identity, serviceIdentity: 'cart-sa.shop' },
    inbound: { ...made.inbound, allowedSources: ['10.244.1.20', '10.244.0.0/24'] },
  }
}

const listener = (direction: Direction): Listener => ({
  direction,
  host: '127.0.0.1',
  port: 0,
  originalDestination: 'header',
  trustedSources: [],
  rule: null,
})

/** The whole sidecar but for its sockets: one connection to a destination, with one request on it. */
function sidecar() {
  const tools = toolsWith({}, { random: seeded(3) })
  const model = exampleModel()
  const { http } = buildChains(model, { inbound: tools, outbound: tools })
  const accept = {
    inbound: acceptance(model, 'inbound', tools),
    outbound: acceptance(model, 'outbound', tools),
  }
  const connect = (direction: Direction, remoteAddress: string, address: string, port: number) =>
    accept[direction]({
      listener: listener(direction),
      remoteAddress,
      destinationAddress: address,
      destinationPort: port,
      isAdmitted: false,
    })
  const ask = async (direction: Direction, to: readonly [string, number], path: string, fields: string[]) => {
    const decision = connect(direction, '10.244.1.20', ...to)
    if (decision.kind === 'reject') throw new Error(decision.reason)
    const cx = contextOf({ port: decision.port }, { direction })
    const response = await http[direction].run(testRequest({ path, headers: new HeaderList(fields) }), cx)
    return { cx, response }
  }
  return { tools, connect, ask }
}

const cart = ['10.244.1.9', 8080] as const
const stock = ['10.96.7.7', 8080] as const

test('a request of nobody in particular takes the rule for everybody', async (t) => {
  const { cx, response } = await sidecar().ask('inbound', cart, '/x', ['Host', 'cart'])
  t.equal(cx.vars.route?.name, 'all')
  t.equal(cx.vars.service?.name, 'cart.shop')
  t.equal(cx.vars.cluster?.name, 'shop/cart|9000|local')
  t.equal(cx.vars.target, '127.0.0.1:9000')
  t.equal(response.status, 200)
})

test('the operator of team core takes the rule that is for operators', async (t) => {
  const fields = ['Host', 'cart', 'serviceidentity', 'ops-sa.ops', 'x-team', 'core']
  const { cx } = await sidecar().ask('inbound', cart, '/admin', fields)
  t.equal(cx.vars.route?.name, 'admin')
})

test('the operator without a team is denied: the rule for everybody is not asked', async (t) => {
  const { cx, response } = await sidecar().ask('inbound', cart, '/admin', [
    'Host',
    'cart',
    'serviceidentity',
    'ops-sa.ops',
  ])
  t.equal(cx.vars.route, null)
  t.equal(response.status, 403)
  t.equal((await response.body?.buffer(100))?.toString(), 'Access denied')
})

test('an unknown host is denied', async (t) => {
  const { response } = await sidecar().ask('inbound', cart, '/x', ['Host', 'other'])
  t.equal(response.status, 403)
})

test('connections from elsewhere, and to unknown ports, are refused', async (t) => {
  const { connect } = sidecar()
  t.same(connect('inbound', '10.244.9.9', ...cart), { kind: 'reject', reason: 'source-not-allowed' })
  t.same(connect('inbound', '10.244.1.20', '10.244.1.9', 8081), { kind: 'reject', reason: 'unknown-port' })
  t.match(connect('inbound', '10.244.1.20', '10.244.1.9', 7001), { kind: 'serve', protocol: 'tcp' })
})

test('the 51st connection within a second is refused', async (t) => {
  const { connect } = sidecar()
  const kinds = Array.from({ length: 51 }, () => connect('inbound', '10.244.0.7', ...cart).kind)
  t.same(countOf(kinds), { serve: 50, reject: 1 })
})

test('calls to stock are split 90 to 10, and say who is calling', async (t) => {
  const { tools, ask } = sidecar()
  for (let index = 0; index < 1_000; index++) await ask('outbound', stock, '/', ['Host', 'stock'])
  t.same(countOf(tools.sent.map((one) => one.cluster)), {
    'shop/stock-v1|8081': 900,
    'shop/stock-v2|8081': 100,
  })
  t.same(countOf(tools.sent.map((one) => one.target)), {
    '10.244.2.5:8080': 450,
    '10.244.2.6:8080': 450,
    '10.244.3.5:8080': 100,
  })
  t.ok(tools.sent.every((one) => one.request.headers.get('serviceidentity') === 'cart-sa.shop'))
})

test('an address that no rule names is refused, because nothing may leave the mesh', async (t) => {
  const { connect } = sidecar()
  t.same(connect('outbound', '127.0.0.1', '10.96.1.1', 8080), { kind: 'reject', reason: 'unknown-port' })
  t.match(connect('outbound', '127.0.0.1', '10.96.9.9', 7000), {
    kind: 'serve',
    protocol: 'tcp',
    isEgress: false,
  })
})
