import type { Peer } from '../../chains/context.ts'
import type { PortRule } from '../../chains/model.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { Transport } from '../net/transport.ts'
import type { Edge } from './edge.ts'

/** Where the requests of a connection go: decided at accept, or for each request by its headers. */
export interface RequestOrigin {
  readonly peer: Peer
  readonly port: PortRule | null
  readonly isEgress: boolean
}

/** What a connection is told when it is made. */
export interface HttpConnectionOptions {
  readonly edge: Edge
  readonly transport: Transport
  /** What is known of the connection itself. */
  readonly peer: Peer
  /** Finds where a request goes, and takes out of its headers what was meant for us alone. Null refuses by reset. */
  readonly originOf: (head: RequestHead) => RequestOrigin | null
  /** Called once when the connection is gone. */
  readonly onGone: () => void
}
