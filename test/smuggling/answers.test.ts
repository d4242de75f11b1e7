import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { fieldOf, statusOf, takeAnswers, type WireMessage } from '../support/messages.ts'
import { beside } from '../support/nothing-left.ts'
import { ok, RawUpstream, rawClient, type UpstreamConnection } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'
import type { AnswerCase, ClientView } from './answer-case.ts'
import { answerCases } from './answers.ts'

/** The first request of the first connection gets the hostile bytes; every other gets `second`. */
function scriptOf(each: AnswerCase) {
  return async (connection: UpstreamConnection, index: number) => {
    if (index === 0) {
      await connection.nextRequest()
      connection.send(each.bytes)
      if (each.afterwards === 'resets') {
        // What was sent must have arrived first: a reset throws away what is still on its way.
        await sleep(30)
        connection.reset()
        return
      }
      if (each.afterwards === 'ends') connection.end()
      if (each.late !== undefined) {
        await sleep(60)
        connection.send(each.late)
      }
    }
    while (await connection.nextRequest(10_000)) connection.send(ok('second'))
    connection.end()
  }
}

/** Sends one request on a connection of its own, which the client wants closed, and reads until it is. */
async function ask(port: number, method: string): Promise<{ bytes: Buffer; isReset: boolean }> {
  await using client = await rawClient(port)
  client.send(`${method} / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`)
  const ending = await client.untilEnded()
  return { bytes: client.received, isReset: ending === 'reset' }
}

/** Why what the client got is not this view, or null when it is. */
function viewMismatch(bytes: Buffer, isReset: boolean, method: string, view: ClientView): string | null {
  const answers = takeAnswers(bytes, [method], !isReset)
  const final: WireMessage | undefined = answers.find((one) => statusOf(one) >= 200)
  const rest = bytes.subarray(answers.at(-1)?.end ?? 0).toString('latin1')
  if (view.isTruncated) {
    if (final) return `a whole answer with status ${statusOf(final)}`
    if (!rest.startsWith(`HTTP/1.1 ${view.status} `))
      return `not a part of ${view.status}: ${JSON.stringify(rest)}`
    return null
  }
  if (!final) return `no whole answer: ${JSON.stringify(bytes.toString('latin1', 0, 300))}`
  if (rest !== '') return `more behind the answer: ${JSON.stringify(rest)}`
  if (statusOf(final) !== view.status) return `status ${statusOf(final)}, not ${view.status}`
  const body = final.body.toString('latin1')
  if (view.body !== undefined && body !== view.body)
    return `body ${JSON.stringify(body)}, not ${JSON.stringify(view.body)}`
  return fieldOf(final, 'x') === undefined ? null : 'a field of the hostile answer came through'
}

async function judge(t: Test, each: AnswerCase): Promise<void> {
  await using upstream = await RawUpstream.listen(scriptOf(each))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  const method = each.method ?? 'GET'
  const first = await ask(sidecar.port, method)
  const reasons = each.expected.map((view) => viewMismatch(first.bytes, first.isReset, method, view))
  t.equal(
    reasons.includes(null) ? null : reasons.join('; or '),
    null,
    JSON.stringify(each.bytes.slice(0, 200)),
  )
  if (each.late !== undefined) {
    const connection = await upstream.connection(0)
    await connection.untilEnded()
  }
  const second = await ask(sidecar.port, 'GET')
  t.equal(
    viewMismatch(second.bytes, second.isReset, 'GET', { status: 200, body: 'second' }),
    null,
    'the next request',
  )
  if (each.reuse !== 'either') t.equal(upstream.connections.length, each.reuse ? 1 : 2, 'connections used')
}

test('hostile answers become what they may be for the client, and spoil no other answer', (t) =>
  beside(
    t,
    answerCases.map((each) => [each.name, (t) => judge(t, each)]),
  ))
