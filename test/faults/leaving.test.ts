import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { fieldOf } from '../support/messages.ts'
import { beside, eventually, type Scenario } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'
const post = 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n'

type Leave = (client: RawConnection) => void
const ways: Readonly<Record<string, Leave>> = {
  'by FIN and close': (client) => client.socket.destroy(),
  'by a reset': (client) => client.reset(),
}

interface Stage {
  readonly at: string
  /** What the client sends before it leaves. */
  readonly bytes: string
  /** What the upstream sends once it has the head. */
  readonly answer?: string
  readonly reachesUpstream: boolean
  /** Whether the request is whole by then. */
  readonly isOnlySeenByWriting?: boolean
  /** What the upstream goes on sending, again and again. */
  readonly more?: string
}

function* repeated(piece: string): Generator<string> {
  for (let left = 200; left > 0; left -= 1) yield piece
}

const stages: readonly Stage[] = [
  { at: 'before its head', bytes: '', reachesUpstream: false },
  { at: 'in its head', bytes: get.slice(0, 20), reachesUpstream: false },
  { at: 'after the head of a request with a body', bytes: post, reachesUpstream: true },
  { at: 'in its body', bytes: `${post}01234`, reachesUpstream: true },
  {
    at: 'while it waits for the answer',
    bytes: get,
    reachesUpstream: true,
    isOnlySeenByWriting: true,
    more: 'HTTP/1.1 102 Processing\r\n\r\n',
  },
  {
    at: 'in an answer of known length',
    bytes: get,
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n01234',
    reachesUpstream: true,
    isOnlySeenByWriting: true,
    more: '56789',
  },
  {
    at: 'in a chunked answer',
    bytes: get,
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n',
    reachesUpstream: true,
    isOnlySeenByWriting: true,
    more: '5\r\n56789\r\n',
  },
]

/** The client leaves; the upstream must see its connection end, and the sidecar must hold no exchange. */
async function leaveAt(t: Test, stage: Stage, leave: Leave): Promise<void> {
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.nextHead()
    if (stage.answer) connection.send(stage.answer)
    // A FIN may be half a close, so that only writing to the client can tell that it is gone.
    if (stage.isOnlySeenByWriting) await connection.sendSlowly(repeated(stage.more ?? ''), 20)
  })
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await rawClient(sidecar.port)
  if (stage.bytes) client.send(stage.bytes)
  const connection = stage.reachesUpstream ? await upstream.connection(0) : null
  await connection?.nextHead()
  if (stage.answer) await client.untilText('01234')
  else await sleep(20)
  leave(client)
  await connection?.untilEnded()
  await eventually(
    () => sidecar.plane.generations().every(({ exchanges }) => exchanges === 0),
    'no exchange is left',
  )
  await eventually(
    () => sidecar.plane.endpoints().every((each) => each.connectionsOpen === each.connectionsIdle),
    'no upstream connection is busy',
  )
  if (!stage.reachesUpstream) t.equal(upstream.connections.length, 0, 'the upstream saw nothing')
  const errors = sidecar.logged.filter(({ level }) => level === 'error')
  t.strictSame(errors, [], 'that a client leaves is no error of ours')
}

const leaving = stages.flatMap((stage) =>
  Object.entries(ways).map(
    ([how, leave]): Scenario => [`a client leaves ${stage.at}, ${how}`, (t) => leaveAt(t, stage, leave)],
  ),
)

const halfClosing: readonly Scenario[] = [
  [
    'a client that half-closes after its request is answered',
    async (t) => {
      await using upstream = await RawUpstream.listen(async (connection) => {
        await connection.nextRequest()
        await sleep(50)
        connection.send(ok('late'))
      })
      await using sidecar = await startSidecar({ upstreams: [upstream.port] })
      await using client = await rawClient(sidecar.port)
      client.send(get)
      client.end()
      t.equal(await client.untilEnded(), 'end')
      t.match(client.text, /^HTTP\/1\.1 200 OK\r\n/)
      t.ok(client.text.endsWith('\r\n\r\nlate'))
    },
  ],
  [
    'a client that half-closes after a request with a body is answered',
    async (t) => {
      await using upstream = await RawUpstream.listen(answerWith((request) => ok(String(request.body))))
      await using sidecar = await startSidecar({ upstreams: [upstream.port] })
      await using client = await rawClient(sidecar.port)
      client.send(`${post}0123456789`)
      client.end()
      await client.untilEnded()
      t.ok(client.text.endsWith('\r\n\r\n0123456789'))
    },
  ],
  ...['\r\n', 'GET / HT'].map(
    (rest): Scenario => [
      `a client that half-closes after a request and ${JSON.stringify(rest)} is answered once and closed`,
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          await sleep(50)
          connection.send(ok())
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(get + rest)
        client.end()
        t.equal(await client.untilEnded(2_000), 'end')
        t.equal(client.text.match(/HTTP\/1\.1 /g)?.length, 1)
      },
    ],
  ),
  [
    'pipelined requests before a half-close are all answered',
    async (t) => {
      await using upstream = await RawUpstream.listen(answerWith((request) => ok(request.startLine)))
      await using sidecar = await startSidecar({ upstreams: [upstream.port] })
      await using client = await rawClient(sidecar.port)
      client.send(get.replace('/', '/1') + get.replace('/', '/2') + get.replace('/', '/3'))
      client.end()
      await client.untilEnded()
      t.equal(client.text.match(/GET \/\d/g)?.join(), 'GET /1,GET /2,GET /3')
    },
  ],
  ...(['', '01234'] as const).map(
    (part): Scenario => [
      `a client that half-closes after ${part.length} bytes of a body of 10 is refused`,
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send(post + part)
        await (await upstream.connection(0)).nextHead()
        client.end()
        await client.untilEnded()
        t.match(client.text, /^($|HTTP\/1\.1 400 )/, 'a refusal, or nothing at all')
        await (await upstream.connection(0)).untilEnded()
        t.notMatch(upstream.connections[0]?.text, /0123456789/)
      },
    ],
  ),
  [
    'a client that half-closes in a chunked body is refused, and the upstream sees no end of it',
    async (t) => {
      await using upstream = await RawUpstream.listen(() => {})
      await using sidecar = await startSidecar({ upstreams: [upstream.port] })
      await using client = await rawClient(sidecar.port)
      client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
      const connection = await upstream.connection(0)
      await connection.untilText('abc')
      client.end()
      await client.untilEnded()
      t.match(client.text, /^($|HTTP\/1\.1 400 )/)
      await connection.untilEnded()
      t.notMatch(connection.text, /0\r\n\r\n$/)
    },
  ],
  [
    'a client that half-closes in its head gets no upstream to see it',
    async (t) => {
      await using upstream = await RawUpstream.listen(() => {})
      await using sidecar = await startSidecar({ upstreams: [upstream.port] })
      await using client = await rawClient(sidecar.port)
      client.send(get.slice(0, 20))
      client.end()
      await client.untilEnded()
      t.match(client.text, /^($|HTTP\/1\.1 400 )/)
      t.equal(upstream.connections.length, 0)
    },
  ],
]

test('clients that leave take their upstream work with them', (t) => beside(t, leaving))

test('a half-close ends what the client sends, not what it gets', (t) => beside(t, halfClosing))

test('a client that leaves in the middle of an answer spoils no later one', async (t) => {
  await using upstream = await RawUpstream.listen(async (connection) => {
    for (;;) {
      const request = await connection.nextRequest(10_000)
      if (!request) return
      const isFirst = fieldOf(request, 'x-first') !== undefined
      connection.send(isFirst ? 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234' : ok('second'))
      if (!isFirst) continue
      await sleep(100)
      connection.send('56789')
    }
  })
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  {
    await using client = await rawClient(sidecar.port)
    client.send(get.replace('\r\n\r\n', '\r\nX-First: 1\r\n\r\n'))
    await client.untilText('01234')
  }
  await using next = await rawClient(sidecar.port)
  next.send(get)
  await next.untilText('second')
  t.notMatch(next.text, /56789/)
})
