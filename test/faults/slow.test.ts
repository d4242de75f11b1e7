import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { beside } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'

test('slow clients cost no more than the limits say', (t) =>
  beside(t, [
    [
      'a head that trickles in byte by byte is refused with 408 when its time is up, though bytes keep coming',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          timeouts: { requestHeadMs: 300 },
        })
        await using client = await rawClient(sidecar.port)
        const trickle = client.sendSlowly(`GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'a'.repeat(500)}`, 20)
        await client.untilEnded()
        t.match(client.text, /^HTTP\/1\.1 408 [\s\S]*\r\nConnection: close\r\n/i)
        t.equal(upstream.connections.length, 0)
        client.socket.destroy()
        await trickle
      },
    ],
    [
      'a second head that trickles in is refused as well',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          timeouts: { requestHeadMs: 300 },
        })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('ok')
        const trickle = client.sendSlowly(`GET / HTTP/1.1\r\nX: ${'a'.repeat(500)}`, 20)
        await client.untilText('HTTP/1.1 408 ')
        await client.untilEnded()
        client.socket.destroy()
        await trickle
        t.equal(upstream.connections[0]?.text.match(/GET/g)?.length, 1)
      },
    ],
    [
      'a connection that never says anything is closed when the time for a head is up',
      async (t) => {
        await using sidecar = await startSidecar({ upstreams: [1], timeouts: { requestHeadMs: 200 } })
        await using client = await rawClient(sidecar.port)
        await client.untilEnded()
        t.match(client.text, /^($|HTTP\/1\.1 408 )/)
      },
    ],
    [
      'a connection that is idle between requests is closed without a word',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('ok')
        t.equal(await client.untilEnded(), 'end')
        t.equal(client.text.match(/HTTP\/1\.1/g)?.length, 1, 'no second answer')
      },
    ],
    [
      'a body that stops coming is refused with 408 when its silence is too long',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n01234')
        await client.untilEnded()
        t.match(client.text, /^HTTP\/1\.1 408 [\s\S]*\r\nConnection: close\r\n/i)
        await (await upstream.connection(0)).untilEnded()
      },
    ],
    [
      'a client that was answered early and never sends the rest of its body is not kept for ever',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextHead()
          connection.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n01234')
        await client.untilText('HTTP/1.1 403 ')
        await client.untilEnded()
        t.equal(client.text.match(/HTTP\/1\.1/g)?.length, 1, 'no second answer')
      },
    ],
    [
      'a body that comes slowly but steadily passes',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(String(request.body))))
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 600 } })
        await using client = await rawClient(sidecar.port)
        client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n')
        await client.sendSlowly('0123456789', 90)
        await client.untilText('\r\n\r\n0123456789')
        t.match(client.text, /^HTTP\/1\.1 200 /)
      },
    ],
    [
      'an answer that nobody reads is given up when its silence is too long',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${64 << 20}\r\n\r\n`)
          connection.send(Buffer.alloc(64 << 20))
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 400 } })
        await using client = await rawClient(sidecar.port)
        client.pause()
        client.send(get)
        const connection = await upstream.connection(0)
        await connection.untilEnded()
        t.pass('the upstream was let go')
      },
    ],
  ]))

test('a slow reader of a big answer holds up the upstream, and fills no memory', async (t) => {
  const total = 96 << 20
  const step = Buffer.alloc(1 << 20, 'x')
  let written = 0
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
    const pump = () => {
      while (written < total) {
        written += step.length
        if (!connection.socket.write(step)) {
          connection.socket.once('drain', pump)
          return
        }
      }
    }
    pump()
  })
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await rawClient(sidecar.port)
  client.send(get)
  await client.untilSize(1 << 16)
  client.pause()
  const heldBefore = process.memoryUsage().arrayBuffers
  let before = -1
  while (written !== before) {
    before = written
    await sleep(200)
  }
  t.ok(written < total / 2, `the upstream was stalled after ${written >> 20} MiB of ${total >> 20}`)
  const held = process.memoryUsage().arrayBuffers - heldBefore
  t.ok(held < 8 << 20, `the proxy holds a bounded part of it: ${held >> 10} KiB`)
  const connection = await upstream.connection(0)
  client.reset()
  await connection.untilEnded()
})
