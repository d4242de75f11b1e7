import type { Log } from '../../chains/context.ts'
import type { Direction } from '../../chains/model.ts'
import type { Counter, Gauge } from '../../chains/telemetry.ts'
import type { Clock } from '../../chains/tools.ts'
import type { Generation } from '../generation.ts'
import type { ReadBuffers } from '../net/read-buffers.ts'
import type { Sweeper } from '../net/sweeper.ts'

/** What all client connections of a worker share. */
export interface Edge {
  readonly sweeper: Sweeper
  readonly buffers: ReadBuffers
  readonly clock: Clock
  readonly log: Log
  /** The generation that new exchanges enter. */
  readonly generation: Generation
  /** Whether connections close after the answer at hand. */
  readonly isDraining: boolean
  readonly counters: Readonly<Record<Direction, EdgeCounters>>
  /** Makes an id that no other exchange of this proxy has. */
  nextId(): string
}

/** What the edge itself counts; the rest is the metrics filter's. */
export interface EdgeCounters {
  readonly activeRequests: Gauge
  /** Requests that were refused before a chain saw them, by failure code. */
  readonly refused: (code: string) => Counter
}

/** A client connection, as the listener that accepted it sees it. */
export interface ClientConnection {
  /** Whether nothing is in flight on it, so that it can be closed without loss. */
  readonly isIdle: boolean
  /** Closes it when what is in flight has been answered; at once if nothing is. */
  drain(): void
  /** Closes it now. */
  destroy(): void
}
