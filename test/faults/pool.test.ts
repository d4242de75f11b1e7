import { test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { beside, eventually } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient, type UpstreamConnection } from '../support/raw.ts'
import { type Sidecar, startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'

/** An upstream that answers a request only when it is told to. */
async function waitingUpstream(): Promise<{ upstream: RawUpstream; waiting: UpstreamConnection[] }> {
  const waiting: UpstreamConnection[] = []
  const upstream = await RawUpstream.listen(async (connection) => {
    while (await connection.nextRequest(10_000)) waiting.push(connection)
    connection.end()
  })
  return { upstream, waiting }
}

const pending = (sidecar: Sidecar) => sidecar.plane.endpoints()[0]?.requestsPending

async function ask(sidecar: Sidecar): Promise<RawConnection> {
  const client = await rawClient(sidecar.port)
  client.send(get)
  return client
}

test('the pool keeps its limits', (t) =>
  beside(t, [
    [
      'requests over the connections wait in order, and those over the queue are 503',
      async (t) => {
        const { upstream: raw, waiting } = await waitingUpstream()
        await using upstream = raw
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          pool: { maxConnections: 2, maxPendingRequests: 2 },
        })
        await using first = await ask(sidecar)
        await using second = await ask(sidecar)
        await eventually(() => waiting.length === 2, 'two are upstream')
        await using third = await ask(sidecar)
        await eventually(() => pending(sidecar) === 1, 'one waits')
        await using fourth = await ask(sidecar)
        await eventually(() => pending(sidecar) === 2, 'two wait')
        await using fifth = await ask(sidecar)
        await fifth.untilText('HTTP/1.1 503 ')
        t.equal(upstream.connections.length, 2)
        const clients = [first, second, third, fourth]
        for (const [index] of clients.entries()) {
          await eventually(() => waiting.length > 0, 'a request is upstream')
          waiting.shift()?.send(ok(`answer ${index}`))
          await eventually(
            () => clients.some(({ text }) => text.includes(`answer ${index}`)),
            'it is answered',
          )
        }
        t.equal(third.text.includes('answer 2'), true, 'the one that waited longest came first')
        t.equal(fourth.text.includes('answer 3'), true)
        t.equal(upstream.connections.length, 2)
      },
    ],
    [
      'with no queue, what is over the connections is 503 at once',
      async (t) => {
        const { upstream: raw, waiting } = await waitingUpstream()
        await using upstream = raw
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          pool: { maxConnections: 1, maxPendingRequests: 0 },
        })
        await using first = await ask(sidecar)
        await eventually(() => waiting.length === 1, 'one is upstream')
        await using second = await ask(sidecar)
        await second.untilText('HTTP/1.1 503 ')
        waiting[0]?.send(ok())
        await first.untilText('\r\n\r\nok')
        t.equal(upstream.connections.length, 1)
      },
    ],
    [
      'a client that leaves the queue gives up its place',
      async (t) => {
        const { upstream: raw, waiting } = await waitingUpstream()
        await using upstream = raw
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          pool: { maxConnections: 1, maxPendingRequests: 1 },
        })
        await using first = await ask(sidecar)
        await eventually(() => waiting.length === 1, 'one is upstream')
        const second = await ask(sidecar)
        await eventually(() => pending(sidecar) === 1, 'one waits')
        second.reset()
        await eventually(() => pending(sidecar) === 0, 'none waits')
        await using third = await ask(sidecar)
        await eventually(() => pending(sidecar) === 1, 'another waits')
        waiting[0]?.send(ok())
        await first.untilText('\r\n\r\nok')
        await eventually(() => waiting.length === 2, 'it is upstream')
        waiting[1]?.send(ok('third'))
        await third.untilText('third')
        t.equal(upstream.connections[0]?.text, get + get, 'the one that left never reached the upstream')
      },
    ],
    [
      'a request that waits too long in the queue is 504, and never reaches the upstream',
      async (t) => {
        const { upstream: raw, waiting } = await waitingUpstream()
        await using upstream = raw
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          pool: { maxConnections: 1, maxPendingRequests: 5 },
          timeouts: { requestMs: 300 },
        })
        await using first = await ask(sidecar)
        await eventually(() => waiting.length === 1, 'one is upstream')
        await using second = await ask(sidecar)
        await second.untilText('HTTP/1.1 504 ')
        await first.untilText('HTTP/1.1 504 ')
        await eventually(() => pending(sidecar) === 0, 'none waits')
        t.equal(waiting.length, 1)
      },
    ],
    [
      'waiting requests go on when the connection that they wait for is lost',
      async (t) => {
        const { upstream: raw, waiting } = await waitingUpstream()
        await using upstream = raw
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          pool: { maxConnections: 1, maxPendingRequests: 5 },
        })
        await using first = await ask(sidecar)
        await eventually(() => waiting.length === 1, 'one is upstream')
        await using second = await ask(sidecar)
        await eventually(() => pending(sidecar) === 1, 'one waits')
        waiting[0]?.reset()
        await first.untilText('HTTP/1.1 502 ')
        await eventually(() => waiting.length === 2, 'the other is upstream')
        waiting[1]?.send(ok('second'))
        await second.untilText('second')
        t.equal(upstream.connections.length, 2)
      },
    ],
    [
      'fifty clients share a pool of four without an error',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({ upstreams: [upstream.port], pool: { maxConnections: 4 } })
        const clients = await Promise.all(Array.from({ length: 50 }, () => ask(sidecar)))
        await Promise.all(clients.map((client) => client.untilText('HTTP/1.1 200 OK')))
        t.ok(upstream.connections.length <= 4)
        await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
      },
    ],
  ]))
