import type { RawConnection } from '../support/connection.ts'
import { fieldOf, statusOf, takeAnswers, takeUnfinished, type WireMessage } from '../support/messages.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { type Sidecar, startSidecar } from '../support/sidecar.ts'
import type { Expectation, Forwarded, SmugglingCase } from './case.ts'

/** A sidecar with a recording upstream behind it, on which cases run one after another. */
export interface Rig extends AsyncDisposable {
  readonly sidecar: Sidecar
  readonly upstream: RawUpstream
  /** The whole requests that reached the upstream, in the order in which they did. */
  readonly requests: readonly WireMessage[]
}

/** What came of a case. */
export interface CaseResult {
  /** The final answers to the client, in order. */
  readonly answers: readonly WireMessage[]
  /** What is left behind the answers; empty when all is well. */
  readonly residue: string
  readonly upstream: readonly WireMessage[]
  /** Requests of which the upstream got a part only. */
  readonly unfinished: readonly { readonly head: string; readonly body: Buffer }[]
}

/** Starts what a case needs. */
export async function openRig(limits: SmugglingCase['limits']): Promise<Rig> {
  const requests: WireMessage[] = []
  const record = (request: WireMessage) => {
    requests.push(request)
    return ok()
  }
  const upstream = await RawUpstream.listen(answerWith(record))
  const sidecar = await startSidecar({ upstreams: [upstream.port], limits: limits ?? {} })
  return {
    sidecar,
    upstream,
    requests,
    async [Symbol.asyncDispose]() {
      await sidecar[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** Sends the case's bytes in these pieces, and looks at both ends until the client's connection is over. */
export async function runCase(rig: Rig, each: SmugglingCase, pieces: Iterable<string>): Promise<CaseResult> {
  const before = rig.requests.length
  const unread = rig.upstream.connections.map((connection) => connection.unread)
  await using client = await rawClient(rig.sidecar.port)
  await client.sendSlowly(pieces, 0)
  if (each.endsAtOnce) client.end()
  const most = Math.max(...each.expected.map(({ answers }) => answers.length))
  const finals = () =>
    takeAnswers(client.received, [], client.ending !== null).filter((one) => statusOf(one) >= 200)
  const isDone = () => {
    const answers = finals()
    const last = answers.at(-1)
    return client.ending !== null || answers.length >= most || (last !== undefined && statusOf(last) >= 400)
  }
  await client.until(isDone, `${most} answers`)
  const last = finals().at(-1)
  // A refusal must end the connection by itself; after a good answer it is our turn.
  if (!last || statusOf(last) < 400) client.end()
  await client.untilEnded()
  const unfinished = await readUnfinished(rig.upstream, unread)
  return { upstream: rig.requests.slice(before), unfinished, ...readClient(client) }
}

function readClient(client: RawConnection): Pick<CaseResult, 'answers' | 'residue'> {
  const all = takeAnswers(client.received)
  const residue = client.received.toString('latin1', all.at(-1)?.end ?? 0)
  return { answers: all.filter((one) => statusOf(one) >= 200), residue }
}

/** What reached the upstream and is no whole request, beyond what was there before. */
async function readUnfinished(
  upstream: RawUpstream,
  before: readonly number[],
): Promise<CaseResult['unfinished']> {
  const unfinished: { head: string; body: Buffer }[] = []
  for (const [index, connection] of upstream.connections.entries()) {
    if (connection.unread === (before[index] ?? 0)) continue
    // Nobody may complete it later: the proxy must give the connection up.
    await connection.untilEnded()
    const at = connection.size - connection.unread
    const part = takeUnfinished(connection.received, at)
    unfinished.push(part ?? { head: connection.text.slice(at), body: Buffer.alloc(0) })
  }
  return unfinished
}

/** Why `result` is not what `expected` says, or null when it is. */
export function mismatch(result: CaseResult, expected: Expectation): string | null {
  const statuses = result.answers.map(statusOf)
  const allowed = expected.answers.map((each) => (typeof each === 'number' ? [each] : each))
  if (
    statuses.length !== allowed.length ||
    !allowed.every((each, index) => each.includes(statuses[index] as number))
  ) {
    return `answered ${JSON.stringify(statuses)}, not ${JSON.stringify(expected.answers)}`
  }
  if (result.residue !== '') return `the client got more: ${JSON.stringify(result.residue)}`
  const last = result.answers.at(-1)
  if (last && statusOf(last) >= 400 && fieldOf(last, 'connection') !== 'close') {
    return 'the refusal does not say Connection: close'
  }
  if (result.upstream.length !== expected.upstream.length) {
    return `the upstream got ${JSON.stringify(result.upstream.map(show))}, not ${expected.upstream.length} requests`
  }
  for (const [index, wanted] of expected.upstream.entries()) {
    const found = result.upstream[index] as WireMessage
    const isSame =
      found.head === wanted.head &&
      found.body.toString('latin1') === (wanted.body ?? '') &&
      found.trailers === (wanted.trailers ?? '')
    if (!isSame) return `the upstream got ${JSON.stringify(show(found))}, not ${JSON.stringify(wanted)}`
  }
  return unfinishedMismatch(result.unfinished, expected.unfinished)
}

function unfinishedMismatch(found: CaseResult['unfinished'], wanted: Forwarded | undefined): string | null {
  const [first, ...more] = found
  if (!first) return null
  const isAllowed =
    wanted !== undefined &&
    more.length === 0 &&
    first.head === wanted.head &&
    (wanted.body ?? '').startsWith(first.body.toString('latin1'))
  return isAllowed
    ? null
    : `the upstream got a part of ${JSON.stringify(first.head)} ${JSON.stringify(String(first.body))}`
}

function show(message: WireMessage): Forwarded {
  const { head, trailers } = message
  return { head, body: message.body.toString('latin1'), trailers }
}

/** Null when one of the case's expectations is met; else why none is. */
export function verdict(result: CaseResult, each: SmugglingCase): string | null {
  const reasons = each.expected.map((expected) => mismatch(result, expected))
  return reasons.includes(null) ? null : reasons.join('; or ')
}
