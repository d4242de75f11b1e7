import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { beside, eventually } from '../support/nothing-left.ts'
import { answerWith, deadPort, ok, RawUpstream, rawClient, type UpstreamConnection } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const request = (method: string, path = '/', body = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: app.test\r\n${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`
const get = request('GET')

/** The first request on each connection is answered; the second meets what `meet` does. Later connections are good. */
function onReuse(meet: (connection: UpstreamConnection) => void) {
  return async (connection: UpstreamConnection, index: number) => {
    await connection.nextRequest()
    connection.send(ok(`first on ${index}`))
    if (index > 0) return
    await connection.nextHead(10_000)
    meet(connection)
  }
}

/** Sends a good request and then `second` on the same client connection; gives what came of the second. */
async function reuse(
  t: Test,
  second: string,
  meet: (connection: UpstreamConnection) => void,
): Promise<{ status: string; connections: number }> {
  await using upstream = await RawUpstream.listen(onReuse(meet))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await rawClient(sidecar.port)
  client.send(get)
  await client.untilText('first on 0')
  const seen = client.size
  client.send(second)
  await client.until(
    () => client.text.indexOf('\r\n\r\n', seen) > 0 || client.ending !== null,
    'a second answer',
  )
  const status = client.text.slice(seen).split(' ', 2)[1] ?? ''
  t.equal(
    upstream.connections[0]?.text.match(/ HTTP\/1\.1\r\n/g)?.length,
    2,
    'the second went over the first connection',
  )
  return { status, connections: upstream.connections.length }
}

test('an upstream that closes a connection as it is reused costs only what may not be repeated', (t) =>
  beside(t, [
    ...(['GET', 'HEAD', 'DELETE'] as const).map(
      (method) =>
        [
          `${method} is sent again, once, when the reused connection is reset`,
          async (t: Test) => {
            const got = await reuse(t, request(method, '/2'), (each) => each.reset())
            t.strictSame(got, { status: '200', connections: 2 })
          },
        ] as const,
    ),
    [
      'GET is sent again, once, when the reused connection is ended',
      async (t) => {
        const got = await reuse(t, get, (connection) => connection.end())
        t.strictSame(got, { status: '200', connections: 2 })
      },
    ],
    [
      'POST is not sent again when the reused connection is reset',
      async (t) => {
        const got = await reuse(t, request('POST', '/2', 'abc'), (connection) => connection.reset())
        t.strictSame(got, { status: '502', connections: 1 })
      },
    ],
    [
      'GET is not sent again once a part of an answer has come',
      async (t) => {
        const got = await reuse(t, get, (connection) => {
          connection.send('HTTP/1.1 2')
          setTimeout(() => connection.reset(), 30)
        })
        t.strictSame(got, { status: '502', connections: 1 })
      },
    ],
    [
      'a connection that the upstream closed while it was idle is not used at all',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send(ok())
          await sleep(20)
          connection.end()
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        const first = await upstream.connection(0)
        await first.untilEnded()
        client.send(request('POST', '/2', 'abc'))
        await client.until(() => client.text.split('200 OK').length === 3, 'two answers')
        t.equal(upstream.connections.length, 2)
      },
    ],
  ]))

test('faults of the upstream become clear answers', (t) =>
  beside(t, [
    [
      'an upstream that refuses connections is 502',
      async (t) => {
        await using sidecar = await startSidecar({ upstreams: [await deadPort()] })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('\r\n\r\n')
        t.match(client.text, /^HTTP\/1\.1 502 /)
        t.equal(client.ending, null, 'the client keeps its connection')
      },
    ],
    [
      'an upstream that resets before it answers is 502, and is not asked twice',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.reset()
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('HTTP/1.1 502 ')
        t.equal(upstream.connections.length, 1)
      },
    ],
    [
      'an upstream that never answers is 504 when the time for the request is up',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { requestMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('HTTP/1.1 504 ')
        const connection = await upstream.connection(0)
        await connection.untilEnded()
        t.equal(upstream.connections.length, 1)
      },
    ],
    [
      'an upstream that stalls in its answer cuts the answer off when the time for the request is up',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { requestMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('abc')
        await client.untilEnded()
        t.notMatch(client.text, /0\r\n\r\n$/, 'no end of the body')
        await (await upstream.connection(0)).untilEnded()
      },
    ],
    [
      'an upstream that trickles its answer is held to the time for the request too',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          await connection.sendSlowly(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(200)}`, 10)
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { requestMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('HTTP/1.1 504 ')
        await (await upstream.connection(0)).untilEnded()
        t.equal(upstream.connections.length, 1)
      },
    ],
    [
      'an upstream that goes silent in its answer is given up after the idle time',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234')
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], timeouts: { idleMs: 300 } })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('01234')
        await client.untilEnded()
        await (await upstream.connection(0)).untilEnded()
        t.ok(client.text.endsWith('01234'))
      },
    ],
    [
      'an answer that comes before the request is whole is passed on, and the connection is not used again',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection, index) => {
          await connection.nextHead()
          connection.send(
            index === 0 ? 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' : ok('second'),
          )
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\n0123456789')
        await client.untilText('HTTP/1.1 403 Forbidden')
        await client.untilText('\r\n\r\nno')
        await using next = await rawClient(sidecar.port)
        next.send(get)
        await next.untilText('second')
        t.equal(upstream.connections.length, 2)
        t.notMatch(upstream.connections[1]?.text, /0123456789/)
      },
    ],
    [
      'many requests to an upstream that resets leave no busy connection',
      async (t) => {
        await using upstream = await RawUpstream.listen((connection) => connection.reset())
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        for (let round = 0; round < 20; round += 1) {
          await using client = await rawClient(sidecar.port)
          client.send(get)
          await client.untilText('HTTP/1.1 502 ')
        }
        await eventually(
          () => sidecar.plane.endpoints().every((each) => each.connectionsOpen === 0),
          'the pool is empty',
        )
        t.pass('nothing is left in the pool')
      },
    ],
    [
      'a request goes on to good answers after a fault',
      async (t) => {
        await using upstream = await RawUpstream.listen((connection, index) =>
          index === 0 ? connection.reset() : answerWith(ok())(connection, index),
        )
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get)
        await client.untilText('HTTP/1.1 502 ')
        client.send(get)
        await client.untilText('HTTP/1.1 200 OK')
        t.pass('the client connection outlived the fault')
      },
    ],
  ]))
