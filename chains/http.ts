import type { Body } from './body.ts'
import type { HeaderList } from './headers.ts'
import type { ByteStream } from './stream.ts'

/**
 * The head of a request, and its body.
 *
 * The object belongs to the filter that holds it: change it freely before
 * handing it on, and not after. Hop-by-hop fields are gone from `headers`
 * before the first filter sees it, and so is everything that frames the body.
 */
export interface HttpRequest {
  readonly version: '1.0' | '1.1' | '2'
  method: string
  /** Path and query byte for byte as received; `host:port` for CONNECT, `*` for OPTIONS to the server as a whole. */
  path: string
  /** With `host` in it, always; a request that came in absolute form has the authority of its target there. */
  headers: HeaderList
  /** Null when there is none. */
  body: Body | null
  /** The protocol that the client offers to switch to (`Upgrade`), in its own spelling, or null. */
  upgrade: string | null
  /** Whether the client waits for `100 Continue` before it sends the body. */
  expectsContinue: boolean
}

/** The head of a final response, and its body. Belongs to whoever holds it, like a request. */
export interface HttpResponse {
  status: number
  /** The reason phrase; empty means the usual one of that status. */
  reason: string
  headers: HeaderList
  /** Null when there is none: HEAD, 204, 304, or an empty answer of our own. */
  body: Body | null
  /**
   * The connection behind a `101`, or behind a 2xx to CONNECT: raw bytes both
   * ways from here on, and `body` is null. Whoever drops such a response must
   * destroy it.
   */
  tunnel: ByteStream | null
  /** The protocol that a `101` switches to, or null. */
  upgrade: string | null
  /** What the upstream's `Content-Length` said for an answer to HEAD or a 304, which has no body to measure. */
  declaredLength: number | null
}

/** An answer of our own, with a short body or none. */
export function localResponse(status: number, headers: HeaderList, body: Body | null): HttpResponse {
  return { status, reason: '', headers, body, tunnel: null, upgrade: null, declaredLength: null }
}
