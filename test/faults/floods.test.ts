import { test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'

const open = (port: number, count: number): Promise<RawConnection[]> =>
  Promise.all(Array.from({ length: count }, () => rawClient(port)))

async function closeAll(clients: readonly RawConnection[]): Promise<void> {
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
}

test('three hundred connections at once are all answered', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok()))
  await using sidecar = await startSidecar({
    upstreams: [upstream.port],
    pool: { maxPendingRequests: 1_000 },
  })
  const clients = await open(sidecar.port, 300)
  for (const client of clients) client.send(get)
  await Promise.all(clients.map((client) => client.untilText('\r\n\r\nok')))
  t.ok(upstream.connections.length <= 100, 'the pool kept its limit')
  await closeAll(clients)
})

test('connections over the limit are refused cleanly, and let in again when there is room', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok()))
  await using sidecar = await startSidecar({ upstreams: [upstream.port], limits: { maxConnections: 50 } })
  const first = await open(sidecar.port, 50)
  for (const client of first) client.send(get)
  await Promise.all(first.map((client) => client.untilText('\r\n\r\nok')))
  const more = await open(sidecar.port, 150)
  for (const client of more) client.send(get)
  await Promise.all(more.map((client) => client.untilEnded()))
  const texts = more.map((client) => client.text)
  t.ok(
    texts.every((text) => text === '' || text.startsWith('HTTP/1.1 503 ')),
    'each was told 503, or closed',
  )
  for (const client of first) client.send(get)
  await Promise.all(
    first.map((client) => client.until(() => client.text.split('\r\n\r\nok').length === 3, 'two answers')),
  )
  await closeAll([...first, ...more])
  await eventually(() => sidecar.counted.get('pillion_connections_active') === 0, 'all have left')
  const again = await open(sidecar.port, 50)
  for (const client of again) client.send(get)
  await Promise.all(again.map((client) => client.untilText('\r\n\r\nok')))
  await closeAll(again)
})

test('five hundred clients that come and go at once leave nothing behind', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok()))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  for (let round = 0; round < 5; round += 1) {
    const clients = await open(sidecar.port, 100)
    for (const [index, client] of clients.entries()) {
      client.send(index % 2 === 0 ? get : get.slice(0, index % get.length))
      if (index % 3 === 0) client.reset()
    }
    await closeAll(clients)
  }
  await using client = await rawClient(sidecar.port)
  client.send(get)
  await client.untilText('\r\n\r\nok')
})

test('a connection is closed after as many requests as the limit allows, and says so', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok()))
  await using sidecar = await startSidecar({
    upstreams: [upstream.port],
    limits: { maxRequestsPerConnection: 3 },
  })
  await using client = await rawClient(sidecar.port)
  client.send(get.repeat(5))
  await client.untilEnded()
  t.equal(client.text.match(/HTTP\/1\.1 200/g)?.length, 3)
  t.match(client.text, /Connection: close/i)
  const received = upstream.connections.map(({ text }) => text).join('')
  t.equal(received.match(/GET/g)?.length, 3, 'the rest never reached the upstream')
})
