import type { Context } from '../../chains/context.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { ByteStream } from '../../chains/stream.ts'

/** Where a plugin wants to go. */
export interface NetworkTarget {
  readonly host: string
  readonly port: number
}

/** Limits of one call-out, in milliseconds; 0 takes the sidecar's own. */
export interface NetworkTimeouts {
  readonly connectMs: number
  readonly idleMs: number
}

/**
 * How a sandbox reaches the network; the proxy gives it. Who may go where is
 * decided by the caller, before.
 *
 * Connections are pooled by target and `pool`, shared by all exchanges of the
 * worker, and end with the generation.
 */
export interface Network {
  /** Sends a request and resolves with the head of its answer. Rejects with a `ProxyError`. Bodies as in the chains. */
  request(
    request: HttpRequest,
    cx: Context,
    target: NetworkTarget,
    pool: string,
    timeouts: NetworkTimeouts,
  ): Promise<HttpResponse>
  /** Opens a raw connection. Rejects with a `ProxyError` of the connect kind. */
  connect(cx: Context, target: NetworkTarget, timeouts: NetworkTimeouts): Promise<ByteStream>
  /** Our HTTP/1.1 codec on a stream that the caller brings: sends one request, resolves with the answer. */
  exchange(stream: ByteStream, request: HttpRequest): Promise<HttpResponse>
  /** Our HTTP/1.1 codec as a server on a stream: calls `handle` for each request in order, until the stream ends. */
  serve(stream: ByteStream, cx: Context, handle: (request: HttpRequest) => Promise<HttpResponse>): void
}
