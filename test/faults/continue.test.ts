import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { statusOf, takeAnswers } from '../support/messages.ts'
import { beside } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const head = 'POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
const chunked = 'Transfer-Encoding: chunked\r\n\r\n'

test('100-continue goes from end to end', (t) =>
  beside(t, [
    [
      'the 100 of the upstream reaches the client, and then the body the upstream',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextHead()
          connection.send('HTTP/1.1 100 Continue\r\n\r\n')
          const request = await connection.nextRequest()
          connection.send(ok(String(request?.body)))
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(head)
        await client.untilText('HTTP/1.1 100 ')
        t.match(upstream.connections[0]?.text, /\r\nExpect: 100-continue\r\n/)
        t.ok(upstream.connections[0]?.text.endsWith('\r\n\r\n'), 'no body yet')
        client.send('hello')
        await client.untilText('\r\n\r\nhello')
        t.strictSame(takeAnswers(client.received).map(statusOf), [100, 200])
      },
    ],
    ...([417, 401] as const).map(
      (status) =>
        [
          `an upstream that answers ${status} at once gets no body, and the client no 100`,
          async (t: Test) => {
            await using upstream = await RawUpstream.listen(async (connection, index) => {
              await connection.nextHead()
              connection.send(
                index === 0 ? `HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n` : ok('second'),
              )
            })
            await using sidecar = await startSidecar({ upstreams: [upstream.port] })
            await using client = await rawClient(sidecar.port)
            client.send(head)
            await client.untilText(`HTTP/1.1 ${status} `)
            await client.untilText('\r\n\r\n')
            t.notMatch(client.text, /HTTP\/1\.1 100 /)
            await using next = await rawClient(sidecar.port)
            next.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')
            await next.untilText('second')
            t.equal(upstream.connections.length, 2, 'the first connection still owes a body')
          },
        ] as const,
    ),
    [
      'a client that does not wait gets its answer',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(String(request.body))))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(`${head}hello`)
        await client.untilText('\r\n\r\nhello')
        t.pass('answered')
      },
    ],
    [
      'a client that waits for a while and then sends all the same gets its answer',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(String(request.body))))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(head)
        await sleep(100)
        client.send('hello')
        await client.untilText('\r\n\r\nhello')
        t.pass('answered')
      },
    ],
    [
      'other interim answers are passed on with their fields, and not to HTTP/1.0',
      async (t) => {
        await using upstream = await RawUpstream.listen(
          answerWith(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok()}`),
        )
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')
        await client.untilText('\r\n\r\nok')
        t.match(client.text, /^HTTP\/1\.1 103 [^\r]*\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 /)
        await using old = await rawClient(sidecar.port)
        old.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n')
        await old.untilEnded()
        t.match(old.text, /^HTTP\/1\.[01] 200 /)
      },
    ],
  ]))

test('trailers go both ways', (t) =>
  beside(t, [
    [
      'those of a request reach the upstream in their order and case',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.trailers)))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(
          `POST / HTTP/1.1\r\nHost: app.test\r\n${chunked}3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-LAST: 2\r\n\r\n`,
        )
        await client.untilText('x-LAST: 2')
        t.match(client.text, /\r\n\r\nX-Sum: 1\r\nx-LAST: 2\r\n$/)
      },
    ],
    [
      'those of an answer reach the client in their order and case',
      async (t) => {
        await using upstream = await RawUpstream.listen(
          answerWith(`HTTP/1.1 200 OK\r\n${chunked}3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-LAST: 2\r\n\r\n`),
        )
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')
        await client.untilText('x-LAST: 2\r\n\r\n')
        const [answer] = takeAnswers(client.received)
        t.equal(answer?.trailers, 'X-Sum: 1\r\nx-LAST: 2\r\n')
      },
    ],
  ]))
