import { test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { beside } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient, type UpstreamConnection } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const upgrade =
  'GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n'
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n'
const connect = 'CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n'

/** An upstream that takes one head, answers with `bytes`, and leaves the rest to the test. */
async function openTunnel(
  asked: string,
  answer: string,
  run: (client: RawConnection, upstream: UpstreamConnection) => Promise<void>,
): Promise<void> {
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.nextHead()
    connection.send(answer)
  })
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await rawClient(sidecar.port)
  client.send(asked)
  await run(client, await upstream.connection(0))
}

test('what switches protocols carries raw bytes both ways', (t) =>
  beside(t, [
    [
      'a WebSocket handshake is passed on whole, and bytes flow until either side closes',
      (t) =>
        openTunnel(upgrade, switching, async (client, upstream) => {
          await client.untilText('\r\n\r\n')
          t.match(client.text, /^HTTP\/1\.1 101 /)
          t.match(client.text, /\r\nUpgrade: websocket\r\n/i)
          t.match(client.text, /\r\nConnection: Upgrade\r\n/i)
          t.match(client.text, /\r\nSec-WebSocket-Accept: y\r\n/)
          t.match(upstream.text, /^GET \/chat HTTP\/1\.1\r\nHost: app\.test\r\n/)
          t.match(upstream.text, /\r\nUpgrade: websocket\r\n/i)
          t.match(upstream.text, /\r\nConnection: Upgrade\r\n/i)
          t.match(upstream.text, /\r\nSec-WebSocket-Key: x\r\n/)
          client.send('\x81\x80ping\0\r\n\r\n')
          await upstream.untilText('\x81\x80ping\0\r\n\r\n')
          upstream.send('\x81\x05hello')
          await client.untilText('\x81\x05hello')
          upstream.end()
          t.equal(await client.untilEnded(), 'end')
          client.send('last words')
          await upstream.untilText('last words')
          client.end()
          t.equal(await upstream.untilEnded(), 'end')
        }),
    ],
    [
      'the first frame may come together with the handshake, on both sides',
      (t) =>
        openTunnel(`${upgrade}client frame`, `${switching}server frame`, async (client, upstream) => {
          await client.untilText('\r\n\r\nserver frame')
          await upstream.untilText('\r\n\r\nclient frame')
          t.ok(upstream.text.endsWith('\r\n\r\nclient frame'))
        }),
    ],
    [
      'a client that leaves takes the tunnel with it, and so does an upstream',
      async (t) => {
        await openTunnel(upgrade, switching, async (client, upstream) => {
          await client.untilText('\r\n\r\n')
          client.reset()
          await upstream.untilEnded()
        })
        await openTunnel(upgrade, switching, async (client, upstream) => {
          await client.untilText('\r\n\r\n')
          upstream.reset()
          t.equal(await client.untilEnded(), 'reset', 'a reset passes on')
        })
      },
    ],
    [
      'an upstream that does not switch answers as usual, and the connection is kept',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(upgrade)
        await client.untilText('GET /chat')
        client.send('GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n')
        await client.untilText('GET /next')
        t.equal(client.text.match(/HTTP\/1\.1 200 OK/g)?.length, 2)
      },
    ],
    [
      'what a client sends ahead of a refused upgrade is a request, not a frame',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(`${upgrade}GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n`)
        await client.untilText('GET /chat')
        await client.until(
          () => client.text.includes('GET /next') || client.ending !== null,
          'an answer or an end',
        )
        t.ok(
          upstream.connections.every(
            ({ text }) => !text.includes('\r\n\r\nGET /next') || text.includes('GET /chat'),
          ),
        )
      },
    ],
    [
      'CONNECT opens a tunnel once the upstream says 2xx',
      (t) =>
        openTunnel(connect, 'HTTP/1.1 200 Connected\r\nX: 1\r\n\r\nearly', async (client, upstream) => {
          await client.untilText('\r\n\r\nearly')
          t.match(client.text, /^HTTP\/1\.1 200 /)
          t.notMatch(client.text, /Content-Length|Transfer-Encoding/i)
          t.match(upstream.text, /^CONNECT db\.test:5432 HTTP\/1\.1\r\nHost: db\.test:5432\r\n/)
          client.send('\0\x01 raw')
          await upstream.untilText('\0\x01 raw')
          client.end()
          t.equal(await upstream.untilEnded(), 'end')
          upstream.send('still here')
          await client.untilText('still here')
          upstream.end()
          await client.untilEnded()
        }),
    ],
    [
      'CONNECT that the upstream refuses is an answer like others',
      async (t) => {
        await using upstream = await RawUpstream.listen(
          answerWith('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
        )
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(connect)
        await client.untilText('\r\n\r\nno')
        t.match(client.text, /^HTTP\/1\.1 403 Forbidden\r\n/)
      },
    ],
    [
      'OPTIONS * and absolute form reach the upstream in their right forms',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send('OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n')
        await client.untilText('OPTIONS * HTTP/1.1')
        client.send('GET http://app.test/a?b HTTP/1.1\r\nHost: app.test\r\n\r\n')
        await client.untilText('GET /a?b HTTP/1.1')
        t.notMatch(upstream.connections.map(({ text }) => text).join(''), /http:/)
      },
    ],
  ]))
