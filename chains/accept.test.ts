import { test } from 'tap'
import { type Arrival, acceptance, type Decision } from './accept.ts'
import { modelOf, toolsWith } from './balancing/fixtures.ts'
import type { Direction, DirectionRules, Listener, Model, PortRule } from './model.ts'
import { testPort } from './policy/testing.ts'
import { SharedState } from './shared-state.ts'

const listener: Listener = {
  direction: 'inbound',
  host: '127.0.0.1',
  port: 15_003,
  originalDestination: 'header',
  trustedSources: [],
  rule: null,
}

function arrival(parts: Partial<Arrival> = {}): Arrival {
  const destination = { destinationAddress: '10.0.0.1', destinationPort: 8_080 }
  return { listener, remoteAddress: '10.244.1.20', ...destination, isAdmitted: false, ...parts }
}

function port(name: string, number: number | null, parts: Partial<PortRule> = {}): PortRule {
  return { ...testPort(name), port: number, ...parts }
}

function outbound(
  name: string,
  number: number | null,
  destinations: string[] | null,
  parts: Partial<PortRule> = {},
) {
  return port(name, number, { direction: 'outbound', destinations, ...parts })
}

function model(
  ports: readonly PortRule[],
  rules: Partial<DirectionRules> = {},
  parts: Partial<Model> = {},
): Model {
  const made = modelOf([], ports, parts)
  return { ...made, inbound: { ...made.inbound, ...rules }, outbound: { ...made.outbound, ...rules } }
}

/** `NAME PROTOCOL`, with `egress` behind it, or why it was refused. */
function decide(made: Model, direction: Direction, parts: Partial<Arrival> = {}): string {
  return worded(acceptance(made, direction, toolsWith())(arrival(parts)))
}

function worded(decision: Decision): string {
  if (decision.kind === 'reject') return decision.reason
  return `${decision.port?.name ?? '-'} ${decision.protocol}${decision.isEgress ? ' egress' : ''}`
}

test('a listener with a rule serves that rule, whatever the destination', async (t) => {
  const made = model([port('a', 1), port('b', 2, { protocol: 'tcp' })])
  t.equal(decide(made, 'inbound', { listener: { ...listener, rule: 1 }, destinationPort: 0 }), 'b tcp')
  t.equal(decide(made, 'inbound', { listener: { ...listener, rule: 7 } }), 'unknown-port')
})

test('a rule with a listener of its own is not found by destination', async (t) => {
  const own: Listener = { ...listener, port: 7_000, originalDestination: 'listener', rule: 0 }
  const listeners = [own, listener, { ...own, direction: 'outbound' as const, rule: 1 }]
  const made = model([port('own', null), port('web', 8_080)], {}, { listeners })
  t.equal(decide(made, 'inbound', { listener: own }), 'own http')
  t.equal(decide(made, 'inbound'), 'web http')
  t.equal(decide(made, 'inbound', { destinationPort: 9_090 }), 'unknown-port')
})

test('inbound connections go by the destination port, and by the protocol of its rule', async (t) => {
  const made = model([
    port('web', 8_080),
    port('rpc', 9_090, { protocol: 'grpc' }),
    port('raw', 7_001, { protocol: 'tcp-server-first' }),
    port('tls', 8_443, { protocol: 'https' }),
  ])
  t.equal(decide(made, 'inbound'), 'web http')
  t.equal(decide(made, 'inbound', { destinationPort: 9_090 }), 'rpc http')
  t.equal(decide(made, 'inbound', { destinationPort: 7_001 }), 'raw tcp')
  t.equal(decide(made, 'inbound', { destinationPort: 8_443 }), 'tls tcp')
  t.equal(decide(made, 'inbound', { destinationPort: 1 }), 'unknown-port')
  t.equal(decide(made, 'inbound', { destinationPort: 0, destinationAddress: '' }), 'no-destination')
})

test('a rule for any port is asked where it stands', async (t) => {
  const made = model([port('first', 8_080), port('any', null), port('late', 9_090)])
  t.equal(decide(made, 'inbound'), 'first http')
  t.equal(decide(made, 'inbound', { destinationPort: 9_090 }), 'any http')
  t.equal(decide(made, 'inbound', { destinationPort: 5 }), 'any http')
})

test('outbound connections go to the first rule that names the address, then to the first that names none', async (t) => {
  const made = model([
    outbound('open', 80, null),
    outbound('stock', 80, ['10.96.7.7/32', '10.96.8.0/24']),
    outbound('later', 80, ['10.96.7.7']),
  ])
  const to = (destinationAddress: string) =>
    decide(made, 'outbound', { destinationAddress, destinationPort: 80 })
  t.equal(to('10.96.7.7'), 'stock http')
  t.equal(to('::ffff:10.96.8.9'), 'stock http')
  t.equal(to('10.96.1.1'), 'open http egress')
  t.equal(to(''), 'open http egress')
})

test('what no outbound rule covers leaves the mesh as raw bytes, if it may', async (t) => {
  const ports = [outbound('stock', 80, ['10.96.7.7'])]
  const away = { destinationAddress: '1.2.3.4', destinationPort: 80 }
  t.equal(decide(model(ports), 'outbound', away), 'unknown-port')
  const open = model(ports, { allowEgress: true })
  t.equal(decide(open, 'outbound', away), '- tcp egress')
  t.equal(decide(open, 'outbound', { ...away, destinationAddress: 'nowhere' }), 'no-destination')
  t.equal(decide(open, 'inbound', { destinationPort: 80 }), 'unknown-port')
})

test('only allowed sources may connect, in whichever notation they come', async (t) => {
  const made = model([port('web', 8_080)], {
    allowedSources: ['10.244.1.20', '10.244.0.0/24', '2001:db8::/64'],
  })
  const from = (remoteAddress: string) => decide(made, 'inbound', { remoteAddress })
  for (const known of ['10.244.1.20', '::ffff:10.244.1.20', '10.244.0.200', '2001:db8::7']) {
    t.equal(from(known), 'web http')
  }
  for (const other of ['10.244.9.9', '2001:db9::7', '']) t.equal(from(other), 'source-not-allowed')
  t.equal(decide(model([port('web', 8_080)], { allowedSources: [] }), 'inbound'), 'source-not-allowed')
})

test('connections over the limit of their port are refused until the window has moved on', async (t) => {
  const limit = { connections: 2, windowMs: 1_000, burst: 3 }
  const tools = toolsWith()
  const decided = acceptance(model([port('web', 8_080, { connectionLimit: limit })]), 'inbound', tools)
  const take = (count: number) => Array.from({ length: count }, () => worded(decided(arrival())))
  t.same(take(4), ['web http', 'web http', 'web http', 'connection-limit'])
  tools.clock.advance(1_000)
  t.same(take(3), ['web http', 'web http', 'connection-limit'])
  t.equal(
    worded(decided(arrival({ isAdmitted: true }))),
    'web http',
    'one that was let in before needs no place',
  )
})

test('a push does not refill the bucket, unless it changes the limit', async (t) => {
  const state = new SharedState()
  const after = (connections: number) => {
    const limit = { connections, windowMs: 60_000, burst: 0 }
    const tools = toolsWith({}, { state })
    const made = model([port('web', 8_080, { connectionLimit: limit })])
    return worded(acceptance(made, 'inbound', tools)(arrival()))
  }
  t.equal(after(1), 'web http')
  t.equal(after(1), 'connection-limit')
  t.equal(after(2), 'web http')
})

test('refused connections are counted by reason, and as FSM counts them', async (t) => {
  const limit = { connections: 1, windowMs: 1_000, burst: 1 }
  const script = { Port: 9_000, Protocol: 'http' }
  const tools = toolsWith()
  const made = model(
    [port('web', 8_080, { connectionLimit: limit, script })],
    { allowedSources: ['10.244.1.20'] },
    { fsmMetrics: true },
  )
  const decided = acceptance(made, 'inbound', tools)
  decided(arrival())
  decided(arrival())
  decided(arrival({ remoteAddress: '10.9.9.9' }))
  decided(arrival({ destinationPort: 1 }))
  const counted = (reason: string) =>
    tools.recorded.get(`pillion_connections_rejected_total{direction="inbound",reason="${reason}"}`)
  t.same(
    [
      counted('connection-limit'),
      counted('source-not-allowed'),
      counted('unknown-port'),
      counted('no-destination'),
    ],
    [1, 1, 1, 0],
  )
  t.equal(tools.recorded.get('sidecar_local_rate_limit_inbound{label="shop/curl_9000_http"}'), 1)
})

test('a range that is none keeps the generation from being built', async (t) => {
  t.throws(() => acceptance(model([], { allowedSources: ['10.0.0.0/99'] }), 'inbound', toolsWith()), {
    message: /10\.0\.0\.0\/99/,
  })
})
