import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { beside, eventually } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'

/** More than the kernel keeps for somebody who does not read. */
const muchBytes = 24 << 20

const idleMs = 800

/** Pieces that go through at once, for longer than the idle time. */
const steadyPieces = Array.from({ length: 12 }, () => 'x'.repeat(100))

test('a pause is given up when it is too long, and not before', (t) =>
  beside(t, [
    [
      'a client that took all for a long time may pause in a long answer',
      async (t) => {
        const total = 1_200 + muchBytes
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
          await connection.sendSlowly(steadyPieces, 100)
          connection.send(Buffer.alloc(muchBytes, 'y'))
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs } })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilSize(1_200)
        client.pause()
        await sleep(idleMs / 2)
        client.resume()
        await client.until(() => client.size > total || client.ending !== null, 'the whole answer')
        t.equal(client.ending, null)
      },
    ],
    [
      'an upstream that took all for a long time may pause in a long request',
      async (t) => {
        const total = 1_200 + muchBytes
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextHead()
          await connection.untilSize(1_200)
          connection.pause()
          await sleep(idleMs / 2)
          connection.resume()
          await connection.untilSize(total)
          connection.send(ok())
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs } })
        await using client = await rawClient(sidecar.port)
        client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${total}\r\n\r\n`)
        await client.sendSlowly(steadyPieces, 100)
        client.send(Buffer.alloc(muchBytes, 'y'))
        await client.untilText('\r\n\r\n')
        t.match(client.text, /^HTTP\/1\.1 200 /)
      },
    ],
    [
      'an answer in small pieces that nobody reads is given up',
      async (t) => {
        let isOver = false
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
          const chunk = `c00\r\n${'x'.repeat(0xc00)}\r\n`
          await connection.sendSlowly(
            (function* () {
              while (!isOver) yield chunk
            })(),
            0,
          )
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.pause()
        client.send(get)
        await (await upstream.connection(0)).untilEnded()
        isOver = true
        await eventually(() => sidecar.counted.get('pillion_requests_active') === 0, 'no exchange is left')
        t.pass('the upstream was let go')
      },
    ],
    [
      'a client that was answered early and ends in its body is closed at once',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextHead()
          connection.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n01234')
        await client.untilText('HTTP/1.1 403 ')
        client.end()
        t.equal(await client.untilEnded(2_000), 'end')
      },
    ],
  ]))

test('what an upstream sends unasked is no answer to the request that comes at the same time', async (t) => {
  await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await rawClient(sidecar.port)
  client.send(get)
  await client.untilText('GET / HTTP/1.1')
  // both are there when the proxy looks next, the request first
  client.send(get.replace('/', '/second'))
  upstream.connections[0]?.send(ok('unasked'))
  await client.until(() => client.text.split('HTTP/1.1 200').length === 3, 'a second answer')
  await client.untilText('second')
  t.notMatch(client.text, 'unasked')
  t.equal(upstream.connections.length, 2)
})
