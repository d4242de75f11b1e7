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
  /** Towards the peer. */
  readonly writable: StreamSink
  /** Ends both ways at once; with an error the peer sees a reset. Harmless when done already. */
  destroy(error?: ProxyError): void
}

/** A sink that wakes its source when it has room again. */
export interface StreamSink extends BodySink {
  /** Resumed by the sink when it has room again after `write` answered false. Set by {@link relay}. */
  source: Body | null
}

/** Sends all that `from` brings into `to`, with back-pressure. Ends `to` with it; returns at once. */
export function relay(from: Body, to: StreamSink): void {
  to.source = from
  from.open(to)
}
