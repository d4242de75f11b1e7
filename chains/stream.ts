import type { Body, BodySink } from './body.ts'
import type { ProxyError } from './failures.ts'

/**
 * One side of a connection, as raw bytes both ways.
 *
 * Each way ends on its own (half-close): `readable` ends when the peer will
 * send no more, `writable.end` tells the peer that we will not. Whoever holds
 * it must destroy it or bring both ways to their end.
 */
export interface ByteStream {
  /** What the peer sends. */
  readonly readable: Body
  /** Towards the peer. `onDrain` of {@link relay} is how it says that it has room again. */
  readonly writable: StreamSink
  /** Ends both ways at once; with an error the peer sees a reset. Harmless when done already. */
  destroy(error?: ProxyError): void
}

/** A sink that can say when it has room again. */
export interface StreamSink extends BodySink {
  /** Called by the sink when it has room again after `write` answered false. One listener: the last one set. */
  onDrain: (() => void) | null
}

/** Sends all that `from` brings into `to`, with back-pressure. Ends `to` with it; returns at once. */
export function relay(from: Body, to: StreamSink): void {
  to.onDrain = () => from.resume()
  from.open(to)
}
