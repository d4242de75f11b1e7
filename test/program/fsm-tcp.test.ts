import { test } from 'tap'
import { Application } from '../support/application.ts'
import type { RawConnection } from '../support/connection.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { proxyHeader, proxyLine } from '../support/proxy-protocol.ts'
import { RawUpstream, rawClient } from '../support/raw.ts'
import { exampleOptions, workedExample } from './worked-example.ts'

const web = ['10.244.1.20', 40_000] as const
const stranger = ['10.244.9.9', 40_000] as const

/** Says everything back, behind the name. */
const echo = (name: string) => (connection: RawConnection) => {
  connection.socket.on('data', (bytes: Buffer) => connection.send(`${name}:${bytes.toString('latin1')}`))
  connection.socket.on('end', () => connection.end())
}

/** The example with its two TCP applications, and its HTTP one. */
async function startExample(stack: AsyncDisposableStack) {
  const cartTcp = stack.use(await RawUpstream.listen(echo('cart')))
  const ledger = stack.use(await RawUpstream.listen(echo('ledger')))
  const cart = stack.use(await Application.start('cart'))
  const config = await workedExample({
    '127.0.0.1:7001': `127.0.0.1:${cartTcp.port}`,
    '10.244.4.4:7000': `127.0.0.1:${ledger.port}`,
    '127.0.0.1:9000': cart.address,
  })
  const sidecar = stack.use(await runSidecar(config, exampleOptions('proxy-protocol')))
  const open = async (port: number, preamble: Buffer) => {
    const client = stack.use(await rawClient(port))
    client.send(preamble)
    return client
  }
  return { sidecar, cart, cartTcp, ledger, open }
}

for (const [version, header] of [
  ['1', proxyLine],
  ['2', proxyHeader],
] as const) {
  test(`PROXY protocol ${version} says where TCP connections were going`, async (t) => {
    await using _left = assertNothingLeft(t)
    await using stack = new AsyncDisposableStack()
    const { sidecar, cartTcp, ledger, open } = await startExample(stack)

    const client = await open(first(sidecar.inbound), header({ from: web, to: ['10.244.1.9', 7001] }))
    client.send('hello')
    await client.untilText('cart:hello')
    client.end()
    t.equal(await client.untilEnded(), 'end')
    t.equal(cartTcp.connections[0]?.text, 'hello', 'the header itself is not passed on')

    const caller = await open(first(sidecar.outbound), header({ from: web, to: ['10.96.9.9', 7000] }))
    caller.send('entry')
    await caller.untilText('ledger:entry')
    caller.end()
    t.equal(await caller.untilEnded(), 'end')
    t.equal(ledger.connections[0]?.text, 'entry')

    const scraped = await sidecar.scrape()
    t.equal(scraped.sum('pillion_connections_total'), 2)
    t.equal(scraped.sum('pillion_connections_active'), 0)
  })
}

test('connections of strangers and to where nobody may go are reset', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const { sidecar, cartTcp, ledger, open } = await startExample(stack)
  const inbound = first(sidecar.inbound)
  const outbound = first(sidecar.outbound)
  const refused = [
    await open(inbound, proxyLine({ from: stranger, to: ['10.244.1.9', 7001] })),
    await open(inbound, proxyHeader({ from: web, to: ['10.244.1.9', 7002] })),
    await open(outbound, proxyLine({ from: web, to: ['10.96.9.8', 7000] })),
    await open(outbound, proxyHeader({ from: web, to: ['10.96.1.1', 8080] })),
    await open(outbound, Buffer.from('GET / HTTP/1.1\r\nHost: stock\r\n\r\n')),
  ]
  for (const client of refused) t.equal(await client.untilEnded(), 'reset')
  t.equal(cartTcp.connections.length + ledger.connections.length, 0)
  const scraped = await sidecar.scrape()
  const count = (direction: string, reason: string) =>
    scraped.sum('pillion_connections_rejected_total', { direction, reason })
  t.equal(count('inbound', 'source-not-allowed'), 1)
  t.equal(count('inbound', 'unknown-port'), 1)
  t.equal(count('outbound', 'unknown-port'), 2)
})

test('the same header says who asks over HTTP, and the example decides by it', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const { sidecar, cart, open } = await startExample(stack)
  const inbound = first(sidecar.inbound)
  const to = ['10.244.1.9', 8080] as const
  const request = (path: string, ...fields: string[]) =>
    [`GET ${path} HTTP/1.1`, 'Host: cart', ...fields, '', ''].join('\r\n')
  const identity = 'serviceidentity: ops-sa.ops'

  // head and request in one piece, and two requests at once
  const client = await open(
    inbound,
    Buffer.concat([proxyHeader({ from: web, to }), Buffer.from(request('/x') + request('/y'))]),
  )
  await client.until(() => client.text.split('200 OK').length === 3, 'two answers')
  client.send(request('/admin', identity, 'x-team: core'))
  await client.until(() => client.text.split('200 OK').length === 4, 'the third answer')
  client.send(request('/admin', identity))
  await client.untilText('HTTP/1.1 403 ')
  await client.untilText('Access denied')
  t.strictSame(
    cart.seen.map(({ path }) => path),
    ['/x', '/y', '/admin'],
  )
  const unwanted = await open(inbound, proxyLine({ from: stranger, to }))
  unwanted.send(request('/x'))
  t.equal(await unwanted.untilEnded(), 'reset')
  t.equal(cart.seen.length, 3)
})
