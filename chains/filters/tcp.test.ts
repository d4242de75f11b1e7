import { test } from 'tap'
import { cluster, contextOf, countOf, modelOf, refused, streamOf, toolsWith } from '../balancing/fixtures.ts'
import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { TcpFilter } from '../filter.ts'
import type { Direction, Model, PortRule } from '../model.ts'
import { testPort } from '../policy/testing.ts'
import { tcpFallback } from './fallback.ts'
import { tcpLoadBalancing } from './tcp-load-balancing.ts'
import { tcpRouting } from './tcp-routing.ts'
import { tcpTlsTermination } from './tls-termination.ts'

function portOf(
  targets: Readonly<Record<string, number>>,
  direction: Direction = 'inbound',
  allowEgress = false,
) {
  const weighted = Object.entries(targets).map(([name, weight]) => ({ cluster: name, weight }))
  return {
    ...testPort('p7000'),
    direction,
    protocol: 'tcp',
    tcp: { targets: weighted, allowEgress, plugins: {} },
  } satisfies PortRule
}

/** Runs a connection through routing, balancing and fallback; resolves with the code of the failure, or `connected`. */
async function run(filters: readonly TcpFilter[], cx: Context): Promise<string> {
  const end = filters.reduceRight<
    (stream: ReturnType<typeof streamOf>, cx: Context) => ReturnType<TcpFilter>
  >(
    (next, filter) => (stream, context) => filter(stream, context, next),
    () => Promise.reject(new Error('the end of the chain')),
  )
  try {
    await end(streamOf(), cx)
    return 'connected'
  } catch (error) {
    return error instanceof ProxyError ? error.code : String(error)
  }
}

function chainOf(
  direction: Direction,
  tools: ReturnType<typeof toolsWith>,
  model: Model,
): readonly TcpFilter[] {
  return [
    tcpTlsTermination(),
    tcpRouting(direction, tools, model),
    tcpLoadBalancing(direction, tools, model),
    tcpFallback(),
  ]
}

test('connections are shared out by weight among clusters and endpoints', async (t) => {
  const port = portOf({ v1: 3, v2: 1, spare: 0 })
  const tools = toolsWith()
  const model = modelOf(
    [cluster('v1', ['a:1', 'b:1']), cluster('v2', ['c:1']), cluster('spare', ['z:1'])],
    [port],
  )
  const chain = chainOf('inbound', tools, model)
  for (let index = 0; index < 80; index++) t.equal(await run(chain, contextOf({ port })), 'connected')
  t.same(countOf(tools.connected), { 'a:1': 30, 'b:1': 30, 'c:1': 20 })
})

test('the cluster of a connection is that of its first choice', async (t) => {
  const port = portOf({ v1: 1, v2: 1 })
  const filter = tcpRouting('inbound', toolsWith(), modelOf([cluster('v1', []), cluster('v2', [])], [port]))
  const cx = contextOf({ port })
  const names = new Set<string | undefined>()
  for (let index = 0; index < 4; index++) {
    await filter(streamOf(), cx, async (stream) => stream)
    names.add(cx.vars.cluster?.name)
  }
  t.equal(names.size, 1)
})

test('an endpoint that cannot be connected to is followed by the next', async (t) => {
  const port = portOf({ c: 1 })
  const tools = toolsWith({ 'a:1': refused })
  const chain = chainOf('inbound', tools, modelOf([cluster('c', ['a:1', 'b:1'])], [port]))
  const cx = contextOf({ port })
  for (let index = 0; index < 3; index++) t.equal(await run(chain, contextOf({ port })), 'connected')
  t.equal(await run(chain, cx), 'connected')
  t.equal(cx.vars.target, 'b:1')
  t.same(countOf(tools.connected), { 'a:1': 1, 'b:1': 4 })
})

test('when every endpoint is down the connection is refused', async (t) => {
  const port = portOf({ c: 1 })
  const tools = toolsWith({ 'a:1': refused, 'b:1': refused })
  const chain = chainOf('inbound', tools, modelOf([cluster('c', ['a:1', 'b:1'])], [port]))
  t.equal(await run(chain, contextOf({ port })), 'CONNECT_REFUSED')
})

test('a connection for which there is nothing is refused', async (t) => {
  const empty = portOf({ c: 1 })
  const none = portOf({})
  const chain = chainOf('inbound', toolsWith(), modelOf([cluster('c', [])], [empty]))
  t.equal(await run(chain, contextOf({ port: empty })), 'NO_ENDPOINT')
  t.equal(await run(chain, contextOf({ port: { ...none, name: 'another' } })), 'NO_ROUTE')
})

test('what leaves the mesh goes where it was going, if it may', async (t) => {
  const out = { direction: 'outbound', localPort: 15_001 } as const
  const tools = toolsWith()
  const plain = modelOf([])
  const open = { ...plain, outbound: { ...plain.outbound, allowEgress: true } }
  const cx = contextOf({}, { ...out, destinationAddress: '2001:db8::1', destinationPort: 5432 })
  t.equal(await run(chainOf('outbound', tools, open), cx), 'connected')
  t.same(tools.connected, ['[2001:db8::1]:5432'])
  t.equal(cx.vars.isEgress, true)
  t.same(cx.vars.cluster?.script, { name: '[2001:db8::1]:5432' })

  const destination = { destinationAddress: '1.2.3.4', destinationPort: 80 }
  t.equal(await run(chainOf('outbound', tools, plain), contextOf({}, { ...out, ...destination })), 'NO_ROUTE')
  const port = portOf({}, 'outbound', true)
  const allowed = chainOf('outbound', tools, modelOf([], [port]))
  t.equal(await run(allowed, contextOf({ port }, { ...out, ...destination })), 'connected')
  t.equal(await run(chainOf('inbound', tools, open), contextOf({}, destination)), 'NO_ROUTE')
})

test('a connection that goes nowhere, or to the listener itself, does not leave', async (t) => {
  const plain = modelOf([])
  const chain = chainOf('outbound', toolsWith(), {
    ...plain,
    outbound: { ...plain.outbound, allowEgress: true },
  })
  const own = { direction: 'outbound', localAddress: '::ffff:127.0.0.1', localPort: 15_001 } as const
  for (const destination of [
    { destinationAddress: '', destinationPort: 0 },
    { destinationAddress: '', destinationPort: 80 },
    { destinationAddress: 'not-an-address', destinationPort: 80 },
    { destinationAddress: '127.0.0.1', destinationPort: 15_001 },
  ]) {
    t.equal(await run(chain, contextOf({}, { ...own, ...destination })), 'NO_ROUTE')
  }
})
