/** What the upstream does once it has sent its bytes. */
export type Afterwards = 'keeps' | 'ends' | 'resets'

/** What the client is to see of a hostile answer. */
export interface ClientView {
  /** Status of the final answer. */
  readonly status: number
  /** Its body, whole or as far as it may come. Not looked at when not given. */
  readonly body?: string
  /** Whether the client must be able to tell that the body is not whole. */
  readonly isTruncated?: boolean
}

/** One hostile answer of an upstream, and what may come of it. */
export interface AnswerCase {
  /** A sentence. */
  readonly name: string
  /** Sent as soon as the request is whole, one character for each byte. */
  readonly bytes: string
  /** Sent later, when the proxy has long taken the answer for whole. */
  readonly late?: string
  readonly afterwards: Afterwards
  readonly method?: 'GET' | 'HEAD'
  /** Several where each is safe. */
  readonly expected: readonly ClientView[]
  /** Whether the next request may go over the same connection; `either` where both are safe. */
  readonly reuse: boolean | 'either'
}

type Extras = Partial<Pick<AnswerCase, 'afterwards' | 'late' | 'method' | 'reuse'>>

/** Answered 502, and the connection is given up. */
export function garbage(name: string, bytes: string, extras: Extras = {}): AnswerCase {
  return { name, bytes, afterwards: 'keeps', reuse: false, expected: [{ status: 502 }], ...extras }
}

/** Passed on as a whole answer; by default the connection is used again. */
export function whole(
  name: string,
  bytes: string,
  body: string,
  extras: Extras = {},
  status = 200,
): AnswerCase {
  return { name, bytes, afterwards: 'keeps', reuse: true, expected: [{ status, body }], ...extras }
}

/** The head is passed on, and the client sees that the body is not whole. */
export function truncated(name: string, bytes: string, body: string, extras: Extras = {}): AnswerCase {
  // A proxy that has not yet passed the head on may still say 502.
  const expected = [{ status: 200, body, isTruncated: true }, { status: 502 }]
  return { name, bytes, afterwards: 'ends', reuse: false, expected, ...extras }
}

/** An answer's head; lines are joined with CRLF. */
export function answer(statusLine: string, ...fields: string[]): string {
  return `${[`HTTP/1.1 ${statusLine}`, ...fields].join('\r\n')}\r\n\r\n`
}
