import type { Counter, Gauge } from '../../chains/telemetry.ts'
import type { ReaderLimits } from '../http1/message.ts'
import type { ReadBuffers } from '../net/read-buffers.ts'
import type { Sweeper } from '../net/sweeper.ts'
import type { TrafficCounters } from './traffic.ts'

/** What all pools of a worker share. */
export interface UpstreamShared {
  readonly sweeper: Sweeper
  readonly buffers: ReadBuffers
  readonly readerLimits: ReaderLimits
  /** Silence within a body after which it is given up; 0 is none. */
  readonly bodyIdleMs: number
  /** Silence of a tunnel after which it is given up; 0 is none. */
  readonly streamIdleMs: number
}

/** Where the pools of one cluster count. */
export interface PoolCounters {
  readonly opened: Counter
  readonly active: Gauge
  readonly overflow: Counter
  /** FSM's byte counters; null where FSM's metrics are off. */
  readonly traffic: TrafficCounters | null
  readonly connectFailure: (code: string) => Counter
}
