import { test } from 'tap'
import { Application } from '../support/application.ts'
import { statusOrError } from '../support/ask.ts'
import type { RawConnection } from '../support/connection.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { proxyHeader, proxyLine } from '../support/proxy-protocol.ts'
import { RawUpstream, rawClient } from '../support/raw.ts'

const echo = (connection: RawConnection): void => {
  connection.socket.on('data', (bytes: Buffer) => connection.send(bytes))
  connection.socket.on('end', () => connection.end())
}

const config = (egress: boolean, service: string): string => `
originalDestination: proxy-protocol
outbound:
  listen: 127.0.0.1:0
  egress: ${egress}
  services:
    - { name: known, protocol: tcp, ports: [7000], addresses: [10.96.9.9], endpoints: ['${service}'] }
`

test('connections that no service covers go where they were going if they may, and are reset if not', async (t) => {
  await using _left = assertNothingLeft(t)
  await using outside = await RawUpstream.listen(echo)
  await using service = await RawUpstream.listen(echo)
  const address = `127.0.0.1:${service.port}`
  await using sidecar = await runSidecar(config(true, address))
  const port = first(sidecar.outbound)
  const from = ['10.244.1.9', 40_000] as const
  const elsewhere = ['127.0.0.1', outside.port] as const

  const talk = async (preamble: Buffer): Promise<RawConnection> => {
    const client = await rawClient(port)
    client.send(Buffer.concat([preamble, Buffer.from('hello')]))
    return client
  }
  for (const [index, header] of [proxyLine, proxyHeader].entries()) {
    await using client = await talk(header({ from, to: elsewhere }))
    await client.untilText('hello')
    client.end()
    t.equal(await client.untilEnded(), 'end')
    t.equal(outside.connections[index]?.text, 'hello')
  }
  await using covered = await talk(proxyLine({ from, to: ['10.96.9.9', 7000] }))
  await covered.untilText('hello')
  t.equal(service.connections.length, 1)
  covered.end()
  await covered.untilEnded()

  // to the sidecar itself: a circle
  await using circle = await talk(proxyLine({ from, to: ['127.0.0.1', port] }))
  t.equal(await circle.untilEnded(), 'reset')
  // and without any destination
  await using unknown = await talk(Buffer.from('PROXY UNKNOWN\r\n'))
  t.equal(await unknown.untilEnded(), 'reset')

  await sidecar.rewrite(config(false, address))
  await sidecar.program.logged(/^generation 2 serves$/)
  await using denied = await talk(proxyHeader({ from, to: elsewhere }))
  t.equal(await denied.untilEnded(), 'reset')
  t.equal(outside.connections.length, 2)
})

test('bytes of connections are counted, those that came together with the PROXY header, too', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(echo)
  await using sidecar = await runSidecar(config(true, `127.0.0.1:${upstream.port}`))
  const from = ['10.244.1.9', 40_000] as const
  for (const to of [
    ['10.96.9.9', 7000],
    ['127.0.0.1', upstream.port],
  ] as const) {
    await using client = await rawClient(first(sidecar.outbound))
    client.send(Buffer.concat([proxyLine({ from, to }), Buffer.from('hello')]))
    await client.untilText('hello')
    client.send(' again')
    await client.untilText('hello again')
    client.end()
    await client.untilEnded()
  }
  const scraped = await sidecar.scrape()
  const bytes = (cluster: string) =>
    ['received', 'sent'].map((way) => scraped.sum('pillion_tcp_bytes_total', { cluster, way }))
  t.strictSame(bytes('known'), [11, 11])
  t.strictSame(bytes('egress'), [11, 11], 'wherever it went, it is one cluster')
})

test('a PROXY header is believed from those alone that may say so, and broken ones are reset', async (t) => {
  await using _left = assertNothingLeft(t)
  await using service = await RawUpstream.listen(echo)
  const address = `127.0.0.1:${service.port}`
  await using sidecar = await runSidecar(`originalDestinationFrom: [10.0.0.0/8]\n${config(true, address)}`)
  const port = first(sidecar.outbound)
  const to = ['10.96.9.9', 7000] as const
  t.equal(await endOf(port, proxyLine({ from: ['10.1.1.1', 1], to })), 'reset')
  t.equal(service.connections.length, 0)
  const reason = 'untrusted-proxy-header'
  t.equal((await sidecar.scrape()).sum('pillion_connections_rejected_total', { reason }), 1)

  await sidecar.rewrite(config(true, address))
  await sidecar.program.logged(/^generation 2 serves$/)
  const broken = [
    'PROXY TCP4 10.1.1.1 10.96.9.9 1\r\n',
    'PROXY TCP4 10.1.1.1 10.96.9.256 1 7000\r\n',
    `PROXY ${'x'.repeat(200)}`,
    'GET / HTTP/1.1\r\n\r\n',
    Buffer.concat([
      proxyHeader({ from: ['10.1.1.1', 1], to }).subarray(0, 12),
      Buffer.from([0x31, 0x11, 0, 12]),
    ]),
  ]
  for (const bytes of broken) {
    t.equal(await endOf(port, bytes), 'reset')
  }
  t.equal(service.connections.length, 0)
})

test('with destinations in a header, HTTP reaches services alone, whether egress is on or not', async (t) => {
  await using _left = assertNothingLeft(t)
  await using known = await Application.start('known')
  await using outside = await Application.start('outside')
  const text = config(true, known.address)
    .replace('proxy-protocol', 'header')
    .replace('protocol: tcp', 'protocol: http')
  await using sidecar = await runSidecar(text)
  const to = (destination: string) =>
    statusOrError(first(sidecar.outbound), '/', {
      headers: { host: 'known', 'x-pillion-original-destination': destination },
    })
  t.equal(await to('10.96.9.9:7000'), 200)
  t.equal(await to(outside.address), 'ECONNRESET')
  t.equal(outside.connections, 0)
})

/** How a connection ends that sends `bytes`. A reset may come before the connection has been reported as made. */
async function endOf(port: number, bytes: string | Buffer): Promise<string> {
  try {
    await using client = await rawClient(port)
    client.send(bytes)
    return await client.untilEnded()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return 'reset'
    throw error
  }
}
