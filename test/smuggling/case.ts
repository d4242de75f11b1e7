import type { Limits } from '../../chains/settings.ts'

/** A message that the upstream is to receive, byte for byte but for where chunks are cut. */
export interface Forwarded {
  /** Start line and fields with their line ends, without the empty line. */
  readonly head: string
  /** With chunk framing taken off. */
  readonly body?: string
  /** Trailer lines with their line ends. */
  readonly trailers?: string
}

/** What may rightly come of a case. */
export interface Expectation {
  /** Statuses of the answers, in order; the last may be one of several where the RFC leaves the choice. */
  readonly answers: readonly (number | readonly number[])[]
  /** The whole requests that reached the upstream, in order. */
  readonly upstream: readonly Forwarded[]
  /** A request that may have reached the upstream in part, and must never be whole there. */
  readonly unfinished?: Forwarded
}

/** One hostile input, and what may come of it. */
export interface SmugglingCase {
  /** A sentence. */
  readonly name: string
  /** What the client sends, one character for each byte. */
  readonly bytes: string
  /** Several where the RFC leaves the choice and each is safe. */
  readonly expected: readonly Expectation[]
  readonly limits?: Partial<Limits>
  /** Whether the client ends its half at once, instead of after the last answer. */
  readonly endsAtOnce?: boolean
  /** Whether it is run again with the input cut at every byte, and byte by byte. */
  readonly isCutEverywhere?: boolean
}

/** What a case may say beside its bytes and what comes of them. */
export type Extras = Omit<SmugglingCase, 'name' | 'bytes' | 'expected'>

/** The usual Host line. */
export const host = 'Host: app.test'

/** Joins lines with CRLF and ends the head. */
export function head(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A head as {@link Forwarded} spells it: each line with its end, without the empty line. */
export function lines(...each: string[]): string {
  return `${each.join('\r\n')}\r\n`
}

/** A POST with chunked framing; `chunks` is its body as it stands on the wire. */
export function chunkedPost(chunks: string, ...fields: string[]): string {
  return head('POST /up HTTP/1.1', host, ...fields, 'Transfer-Encoding: chunked') + chunks
}

/** What the upstream gets of {@link chunkedPost}. */
export function forwardedPost(body: string, trailers?: string, ...fields: string[]): Forwarded {
  const start = lines('POST /up HTTP/1.1', host, ...fields, 'Transfer-Encoding: chunked')
  return trailers === undefined ? { head: start, body } : { head: start, body, trailers }
}

/** What the upstream gets of a plain `GET` of that path. */
export function forwardedGet(path = '/', ...fields: string[]): Forwarded {
  return { head: lines(`GET ${path} HTTP/1.1`, host, ...fields) }
}

/** Refused before anything reached the upstream. */
export function refused(
  status: number | readonly number[],
  name: string,
  bytes: string,
  extras: Extras = {},
): SmugglingCase {
  return { name, bytes, expected: [{ answers: [status], upstream: [] }], ...extras }
}

/** Refused in the middle of its body: the upstream may have seen a part, and never an end. */
export function cutOff(
  status: number | readonly number[],
  name: string,
  bytes: string,
  unfinished: Forwarded,
  extras: Extras = {},
): SmugglingCase {
  return { name, bytes, expected: [{ answers: [status], upstream: [], unfinished }], ...extras }
}

/** Answered 200 for each of `upstream`, which are all that the upstream got. */
export function passed(
  name: string,
  bytes: string,
  upstream: readonly Forwarded[],
  extras: Extras = {},
): SmugglingCase {
  return { name, bytes, expected: [{ answers: upstream.map(() => 200), upstream }], ...extras }
}

/** The first requests are answered, and what follows them is refused. */
export function passedThenRefused(
  status: number | readonly number[],
  name: string,
  bytes: string,
  upstream: readonly Forwarded[],
  extras: Extras = {},
): SmugglingCase {
  return { name, bytes, expected: [{ answers: [...upstream.map(() => 200), status], upstream }], ...extras }
}

/** One of several outcomes, each of them safe. */
export function either(
  name: string,
  bytes: string,
  expected: readonly Expectation[],
  extras: Extras = {},
): SmugglingCase {
  return { name, bytes, expected, ...extras }
}

/** Refused with this status, as one of several outcomes. */
export function refusal(status: number | readonly number[]): Expectation {
  return { answers: [status], upstream: [] }
}

/** Passed on as these messages, as one of several outcomes. */
export function passage(...upstream: Forwarded[]): Expectation {
  return { answers: upstream.map(() => 200), upstream }
}
