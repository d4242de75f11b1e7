import type { Context, Log } from './context.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import type { Cluster, Endpoint } from './model.ts'
import type { SharedScope } from './shared-state.ts'
import type { ByteStream } from './stream.ts'
import type { Meter } from './telemetry.ts'

/** What built-in filters need of the world around the chains; the proxy gives it, one set for each worker. */
export interface Tools {
  readonly clock: Clock
  /** 0 to 1, 1 not included. */
  readonly random: () => number
  readonly meter: Meter
  /** State that outlives a push, by a stable key. */
  readonly shared: SharedScope
  /** Takes one line of the access log, without its line end. Never blocks; drops when its reader is too slow. */
  readonly writeAccessLog: (line: string) => void
  readonly upstream: Upstream
  readonly log: Log
}

/** Time, and waiting. */
export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number
  /** Wall time, in milliseconds since 1970. */
  wallTime(): number
  /** Calls `callback` once after `ms` milliseconds, unless the result is called first. Keeps no process alive. */
  after(ms: number, callback: () => void): () => void
}

/** How the last built-in filter reaches an endpoint. */
export interface Upstream {
  /**
   * Sends a request to an endpoint of `cluster` and resolves with the head of
   * its answer. Rejects with a `ProxyError` whose traits say whether something
   * was sent. Interim answers go to {@link Context.interim}. It changes nothing
   * in the request, and leaves the body of one that was not sent untouched, so
   * that the next endpoint can be given the same.
   */
  request(request: HttpRequest, cx: Context, cluster: Cluster, endpoint: Endpoint): Promise<HttpResponse>
  /** Opens a raw connection to an endpoint. Rejects with a `ProxyError` of the connect kind. */
  connect(cx: Context, cluster: Cluster, endpoint: Endpoint): Promise<ByteStream>
}
