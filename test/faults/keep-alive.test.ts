import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { fieldOf, takeAnswers } from '../support/messages.ts'
import { beside } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const get = (path: string, ...fields: string[]) =>
  `${[`GET ${path} HTTP/1.1`, 'Host: app.test', ...fields].join('\r\n')}\r\n\r\n`
const old = (...fields: string[]) => `${['GET / HTTP/1.0', 'Host: app.test', ...fields].join('\r\n')}\r\n\r\n`

test('connections are kept and closed as both sides say', (t) =>
  beside(t, [
    [
      'pipelined requests are answered in order, though the second is slow',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          for (;;) {
            const request = await connection.nextRequest(10_000)
            if (!request) return connection.end()
            if (request.startLine.includes('/2')) await sleep(100)
            connection.send(ok(request.startLine.slice(4, 6)))
          }
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get('/1') + get('/2') + get('/3'))
        await client.untilText('\r\n\r\n/3')
        t.strictSame(
          takeAnswers(client.received).map(({ body }) => String(body)),
          ['/1', '/2', '/3'],
        )
      },
    ],
    [
      'requests one after the other use one connection on both sides',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        for (let round = 1; round <= 5; round += 1) {
          client.send(get(`/${round}`))
          await client.untilText(`GET /${round} HTTP/1.1`)
        }
        t.equal(upstream.connections.length, 1)
        t.equal(client.ending, null)
      },
    ],
    [
      'Connection: close of the client closes its connection after the answer, which says so',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get('/', 'Connection: close'))
        t.equal(await client.untilEnded(), 'end')
        const [answer] = takeAnswers(client.received)
        t.equal(answer && fieldOf(answer, 'connection'), 'close')
        await using again = await rawClient(sidecar.port)
        again.send(get('/'))
        await again.untilText('ok')
        t.equal(upstream.connections.length, 1, 'which is no business of the upstream')
      },
    ],
    [
      'Connection: close of the upstream closes that connection, and is not passed on',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok('ok', 'Connection: close')))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get('/'))
        await client.untilText('\r\n\r\nok')
        await (await upstream.connection(0)).untilEnded()
        client.send(get('/'))
        await client.until(() => client.text.split('\r\n\r\nok').length === 3, 'two answers')
        t.notMatch(client.text, /Connection: close/i)
        t.equal(upstream.connections.length, 2)
      },
    ],
    [
      'HTTP/1.0 is answered and closed, and goes upstream as HTTP/1.1',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(old('X: 1'))
        t.equal(await client.untilEnded(), 'end')
        t.ok(client.text.endsWith('\r\n\r\nok'))
        t.equal(upstream.connections[0]?.text, 'GET / HTTP/1.1\r\nHost: app.test\r\nX: 1\r\n\r\n')
      },
    ],
    [
      'HTTP/1.0 with keep-alive is kept open, and told so',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(old('Connection: keep-alive'))
        await client.untilText('\r\n\r\nok')
        t.match(client.text, /\r\nConnection: keep-alive\r\n/i)
        client.send(old())
        await client.untilEnded()
        t.equal(client.text.match(/\r\n\r\nok/g)?.length, 2)
      },
    ],
    [
      'a chunked answer to HTTP/1.0 has no chunks, and ends with the connection',
      async (t) => {
        await using upstream = await RawUpstream.listen(
          answerWith(
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
          ),
        )
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(old('Connection: keep-alive'))
        await client.untilEnded()
        t.ok(client.text.endsWith('\r\n\r\nabcdef'))
        t.notMatch(client.text, /Transfer-Encoding|keep-alive/i)
      },
    ],
    [
      'a truncated answer to HTTP/1.0 ends in a reset, the only way to tell',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
          await sleep(50)
          connection.end()
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(old())
        t.equal(await client.untilEnded(), 'reset')
      },
    ],
    [
      'an answer until close becomes chunks for HTTP/1.1, on a connection that is kept',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send('HTTP/1.1 200 OK\r\nX: 1\r\n\r\nabc')
          await sleep(20)
          connection.send('def')
          connection.end()
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get('/'))
        await client.untilText('0\r\n\r\n')
        const [answer] = takeAnswers(client.received)
        t.equal(String(answer?.body), 'abcdef')
        t.ok(answer?.isChunked)
        t.equal(client.ending, null)
      },
    ],
    ...(
      [
        ['HEAD with a length', 'HEAD', '200 OK\r\nContent-Length: 5', /Content-Length: 5\r\n/],
        ['204', 'GET', '204 No Content\r\nX: 1', /X: 1\r\n/],
        ['304 with a length', 'GET', '304 Not Modified\r\nContent-Length: 5', /Content-Length: 5\r\n/],
      ] as const
    ).map(
      ([what, method, head, field]) =>
        [
          `${what} has no body, keeps its fields, and keeps both connections`,
          async (t: Test) => {
            await using upstream = await RawUpstream.listen(
              answerWith((request) =>
                request.startLine.includes('/2') ? ok('second') : `HTTP/1.1 ${head}\r\n\r\n`,
              ),
            )
            await using sidecar = await startSidecar({ upstreams: [upstream.port] })
            await using client = await rawClient(sidecar.port)
            client.send(`${method} /1 HTTP/1.1\r\nHost: app.test\r\n\r\n${get('/2')}`)
            await client.untilText('second')
            const [first, second] = takeAnswers(client.received, [method, 'GET'])
            t.match(first?.head, field)
            t.equal(String(second?.body), 'second')
            t.equal(upstream.connections.length, 1)
          },
        ] as const,
    ),
    [
      'an idle upstream connection is closed after the idle time of the pool',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({ upstreams: [upstream.port], pool: { idleMs: 200 } })
        await using client = await rawClient(sidecar.port)
        client.send(get('/'))
        await client.untilText('ok')
        const connection = await upstream.connection(0)
        t.equal(await connection.untilEnded(), 'end')
        t.equal(client.ending, null, 'the client keeps its own')
      },
    ],
    [
      'an upstream connection is closed after as many requests as its limit says',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          pool: { maxRequestsPerConnection: 2 },
        })
        await using client = await rawClient(sidecar.port)
        for (let round = 1; round <= 4; round += 1) {
          client.send(get(`/${round}`))
          await client.untilText(`GET /${round} HTTP/1.1`)
        }
        t.strictSame(
          upstream.connections.map(({ text }) => text.match(/GET/g)?.length),
          [2, 2],
        )
      },
    ],
  ]))

test('a request that has been read when the drain begins is answered', async (t) => {
  await using upstream = await RawUpstream.listen(answerWith(ok()))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await rawClient(sidecar.port)
  client.send(get('/'))
  await client.untilText('\r\n\r\nok')
  // what is told here is read right behind the request, in the same turn of the event loop
  let drained: Promise<void> | null = null
  await using teller = await RawUpstream.listen(({ socket }) => {
    socket.once('data', () => {
      drained = sidecar.plane.drain(2_000)
    })
  })
  await using telling = await rawClient(teller.port)
  await teller.connection(0)
  client.send(get('/'))
  telling.send('drain')
  t.equal(await client.untilEnded(), 'end')
  t.match(
    takeAnswers(client.received).map((answer) => fieldOf(answer, 'connection')),
    [undefined, 'close'],
  )
  client.end()
  await drained
})
