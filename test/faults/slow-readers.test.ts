import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { takeAnswers } from '../support/messages.ts'
import { beside, eventually } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient, type UpstreamScript } from '../support/raw.ts'
import { type Sidecar, startSidecar } from '../support/sidecar.ts'

/** Together more than the kernel keeps for a client that does not read; each comes in one read. */
const answers = 420
const answerBytes = 15_000

/** Longer than a closed connection is read on for the client's sake. */
const longerThanLingerMs = 2_800

const get = (path: string, ...fields: string[]) =>
  `GET /${path} HTTP/1.1\r\nHost: app.test\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`

/** A client that has sent many requests ahead, the last of them `last`, and reads nothing of the answers. */
async function fullClient(sidecar: Sidecar, last: string): Promise<RawConnection> {
  const client = await rawClient(sidecar.port)
  client.pause()
  client.send(get('x').repeat(answers - 1) + last)
  return client
}

const isAnswered = (sidecar: Sidecar) =>
  sidecar.plane.generations().every(({ exchanges }) => exchanges === 0) &&
  (sidecar.counted.get('pillion_requests_active') ?? 0) === 0

/** All answers must come whole and then the end, though the client begins to read late. */
async function closesBehind(t: Test, last: string): Promise<void> {
  await using upstream = await RawUpstream.listen(answerWith(ok('x'.repeat(answerBytes))))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using client = await fullClient(sidecar, last)
  await sleep(longerThanLingerMs)
  client.resume()
  t.equal(await client.untilEnded(), 'end')
  t.equal(takeAnswers(client.received, [], false).length, answers, 'whole answers')
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
        await using upstream = await RawUpstream.listen(answerWith(ok('x'.repeat(answerBytes))))
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await fullClient(sidecar, get('last'))
        await eventually(
          () => upstream.connections.some((each) => each.text.includes('/last')) && isAnswered(sidecar),
          'all were asked and answered',
        )
        const drained = sidecar.plane.drain(10_000)
        await sleep(100)
        client.resume()
        t.equal(await client.untilEnded(), 'end')
        t.equal(takeAnswers(client.received, [], false).length, answers, 'whole answers')
        client.end()
        await drained
      },
    ],
    [
      'though it runs until the upstream closes, which the upstream did meanwhile',
      async (t) => {
        const script: UpstreamScript = async (connection) => {
          for (;;) {
            const request = await connection.nextRequest(60_000)
            if (!request) return
            if (request.startLine.includes('/last')) break
            connection.send(ok('x'.repeat(answerBytes)))
          }
          connection.send(`HTTP/1.1 200 OK\r\n\r\n${'y'.repeat(4 * answerBytes)}`)
          await sleep(5)
          connection.end()
        }
        await using upstream = await RawUpstream.listen(script)
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await fullClient(sidecar, get('last'))
        await eventually(
          () => upstream.connections.some((each) => each.text.includes('/last')),
          'all were asked',
        )
        await sleep(100)
        client.resume()
        await client.until(() => client.endsWith('\r\n0\r\n\r\n'), 'the end of the last answer', 2_000)
        const whole = takeAnswers(client.received, [], false)
        t.equal(whole.length, answers)
        t.equal(String(whole.at(-1)?.body), 'y'.repeat(4 * answerBytes))
        await eventually(() => isAnswered(sidecar), 'no exchange is left')
      },
    ],
  ]))
