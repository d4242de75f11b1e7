import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { takeAnswers } from '../support/messages.ts'
import { assertNothingLeft, beside, eventually } from '../support/nothing-left.ts'
import { ok, RawUpstream, rawClient } from '../support/raw.ts'
import { type Sidecar, startSidecar } from '../support/sidecar.ts'

/** Each answer comes in one read. */
const answer = ok('x'.repeat(15_000))

/** Together more than the kernel keeps for a client that does not read. */
const enough = 800

/** Longer than a closed connection is read on for the client's sake. */
const longerThanLingerMs = 2_800

const get = (path: string, ...fields: string[]) =>
  `GET /${path} HTTP/1.1\r\nHost: app.test\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`

/** What an upstream was asked. */
interface Seen {
  requests: number
  last: number
}

/** An upstream that answers all and counts the requests; `/last` is answered as told. */
async function countingUpstream(answerLast: (send: (text: string) => void) => Promise<boolean>) {
  const seen: Seen = { requests: 0, last: 0 }
  const upstream = await RawUpstream.listen(async (connection) => {
    for (;;) {
      const request = await connection.nextRequest(60_000)
      if (!request) break
      seen.requests += 1
      if (request.startLine.includes('/last')) {
        seen.last += 1
        if (await answerLast((text) => connection.send(text))) break
      } else connection.send(answer)
    }
    connection.end()
  })
  return { upstream, seen }
}

const usual = async (send: (text: string) => void) => {
  send(answer)
  return false
}

/** A client that has sent many requests ahead, the last of them `last`, and reads nothing of the answers. */
async function fullClient(sidecar: Sidecar, requests: number, last: string): Promise<RawConnection> {
  const client = await rawClient(sidecar.port)
  client.pause()
  client.send(get('x').repeat(requests - 1) + last)
  return client
}

/** Clients that have asked for so much that the last answer of some, but not of all, waits in the proxy. */
interface Crowd extends AsyncDisposable {
  readonly clients: readonly RawConnection[]
  /** How many requests each has sent. */
  readonly requests: readonly number[]
}

/** How much the kernel takes differs from connection to connection, by about ten answers. `step`: from client to client. */
async function crowd(sidecar: Sidecar, seen: Seen, last: string, step = 4): Promise<Crowd> {
  const begun = await begunFor(sidecar, seen)
  seen.requests = 0
  const requests = Array.from({ length: 7 }, (_, index) => begun + step * (index - 3))
  const clients = await Promise.all(requests.map((each) => fullClient(sidecar, each, last)))
  await settled(() => seen.requests)
  return {
    clients,
    requests,
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((each) => each[Symbol.asyncDispose]()))
    },
  }
}

const wholeAnswers = ({ received }: RawConnection) => takeAnswers(received, [], false)

/** Waits until `count` has stopped growing. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; count() !== before || before === 0; await sleep(500)) before = count()
  return count()
}

/** How many requests of one client are begun when it reads no answer. */
async function begunFor(sidecar: Sidecar, seen: Seen): Promise<number> {
  const before = seen.requests
  await using client = await fullClient(sidecar, enough, get('x'))
  const begun = await settled(() => seen.requests - before)
  client.reset()
  await client.untilClosed()
  return begun
}

/** How many of the answers the kernel takes for a client that does not read. */
async function takenByKernel(): Promise<number> {
  let waiting: Socket | null = null
  let answers = 0
  const server = createServer((socket) => {
    waiting = socket
    socket.on('error', () => {})
    const write = () => {
      // the callback comes when the kernel has it
      socket.write(answer, 'latin1', (error) => {
        if (error) return
        answers += 1
        write()
      })
    }
    write()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await using client = await rawClient(typeof address === 'object' && address ? address.port : 0)
  client.pause()
  const taken = await settled(() => answers)
  ;(waiting as Socket | null)?.destroy()
  await new Promise((resolve) => server.close(resolve))
  return taken
}

const isAnswered = (sidecar: Sidecar) =>
  sidecar.plane.generations().every(({ exchanges }) => exchanges === 0) &&
  (sidecar.counted.get('pillion_requests_active') ?? 0) === 0

/** All answers must come whole and then the end, though the clients begin to read late. */
async function closesBehind(t: Test, last: string): Promise<void> {
  const { upstream: raw, seen } = await countingUpstream(usual)
  await using upstream = raw
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using full = await crowd(sidecar, seen, last)
  await sleep(longerThanLingerMs)
  const open = sidecar.counted.get('pillion_connections_active') ?? 0
  const heldBack = full.clients.length - seen.last
  t.ok(open > heldBack, 'there are some whose last answer waits to be taken')
  for (const client of full.clients) client.resume()
  for (const [index, client] of full.clients.entries()) {
    t.equal(await client.untilEnded(), 'end')
    t.equal(wholeAnswers(client).length, full.requests[index], 'whole answers')
  }
}

test('the end of an answer reaches a client that reads late', (t) =>
  beside(t, [
    [
      'though the client has asked to close the connection behind it',
      (t) => closesBehind(t, get('last', 'Connection: close')),
    ],
    ['though HTTP/1.0 closes the connection behind it', (t) => closesBehind(t, 'GET /last HTTP/1.0\r\n\r\n')],
    [
      'though the data plane drains meanwhile',
      async (t) => {
        const { upstream: raw, seen } = await countingUpstream(usual)
        await using upstream = raw
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using full = await crowd(sidecar, seen, get('last'))
        const drained = sidecar.plane.drain(10_000)
        await sleep(100)
        for (const client of full.clients) client.resume()
        let answers = 0
        for (const client of full.clients) {
          t.equal(await client.untilEnded(), 'end')
          answers += wholeAnswers(client).length
          client.end()
        }
        await drained
        t.equal(answers, seen.requests, 'whole answers')
      },
    ],
    [
      'though it runs until the upstream closes, which the upstream did meanwhile',
      async (t) => {
        const long = 'y'.repeat(60_000)
        const { upstream: raw, seen } = await countingUpstream(async (send) => {
          send(`HTTP/1.1 200 OK\r\n\r\n${long}`)
          await sleep(5)
          return true
        })
        await using upstream = raw
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using full = await crowd(sidecar, seen, get('last'))
        for (const client of full.clients) client.resume()
        for (const [index, client] of full.clients.entries()) {
          await client.until(() => client.endsWith('\r\n0\r\n\r\n'), 'the end of the last answer')
          const whole = wholeAnswers(client)
          t.equal(whole.length, full.requests[index])
          t.equal(String(whole.at(-1)?.body), long)
        }
        await eventually(() => isAnswered(sidecar), 'no exchange is left')
      },
    ],
  ]))

test('of a client that takes no answers no more requests are begun, until it does', async (t) => {
  await using _left = assertNothingLeft(t)
  const { upstream: raw, seen } = await countingUpstream(usual)
  await using upstream = raw
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await fullClient(sidecar, enough, get('last'))
  const begun = await settled(() => seen.requests)
  const kept = (begun - (await takenByKernel())) * answer.length
  t.ok(kept < 300_000, `about ${kept} bytes of ${begun} answers wait in the proxy`)
  t.equal(seen.last, 0)
  client.resume()
  await client.untilSize(enough * answer.length)
  t.equal(takeAnswers(client.received, [], false).length, enough)
})

test('a client that has no more to say while its answers wait is closed as soon as it has them', async (t) => {
  const { upstream: raw, seen } = await countingUpstream(usual)
  await using upstream = raw
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using full = await crowd(sidecar, seen, get('last'), 1)
  for (const client of full.clients) client.end()
  await sleep(100)
  for (const client of full.clients) client.resume()
  for (const [index, client] of full.clients.entries()) {
    t.equal(await client.untilEnded(), 'end')
    t.equal(wholeAnswers(client).length, full.requests[index])
  }
})
