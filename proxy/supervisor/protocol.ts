import type { MessagePort } from 'node:worker_threads'
import type { Model } from '../../chains/model.ts'
import type { FaultyPlugin } from '../../sandbox/plugin/roster.ts'
import type { SandboxCode } from '../../sandbox/plugin/sandbox-code.ts'
import type { PluginStatus } from '../../sandbox/plugin/status.ts'
import type { SharedSeat } from '../../sandbox/wasm/shared/home.ts'
import type { ChainListing } from '../chain-listing.ts'
import type { BoundListener } from '../data-plane.ts'
import type { EndpointStatus } from '../endpoint-listing.ts'
import type { LogLevel } from '../telemetry/log.ts'
import type { MetricSnapshot } from '../telemetry/metric-snapshot.ts'

/** What a worker thread is born with; its `workerData`. */
export interface WorkerSetup {
  /** Never used twice in a process, so that a replacement is told from the one before. */
  readonly workerId: number
  /** Put before exchange ids, so that they are unique in the process and between processes. */
  readonly idPrefix: string
  /** Whether other workers listen on the same ports. */
  readonly reusePort: boolean
  readonly logLevel: LogLevel
  /** One 32-bit number that the worker counts up as long as its event loop turns. */
  readonly heartbeat: SharedArrayBuffer
  readonly heartbeatMs: number
  /** Leads to what plugins share between workers. */
  readonly keyValues: MessagePort
}

/** A generation that a worker is to build. */
export interface Order {
  readonly generation: number
  readonly model: Model
  /** What runs its scripts; null when it has none. */
  readonly code: SandboxCode | null
  /** Plugins for which a stand-in may act when they cannot be loaded. */
  readonly tolerated: 'all' | readonly FaultyPlugin[]
}

/** What a worker says of a generation that it has built. */
export interface PreparedReport {
  /** In the order of `model.listeners`, with the ports that were bound. */
  readonly listeners: readonly BoundListener[]
  readonly chains: ChainListing
  readonly warnings: readonly string[]
  /** Plugins that could not be loaded, and for which a stand-in acts. */
  readonly faulty: readonly FaultyPlugin[]
}

/** A generation that still has exchanges in it. */
export interface GenerationLoad {
  readonly id: number
  readonly exchanges: number
}

/**
 * All that the main thread asks of a worker, and what it answers.
 *
 * `prepare`, `commit` and `discard` are worked off in the order in which they
 * came; the rest is answered at once.
 */
export interface Conversations {
  prepare: {
    question: Order & {
      readonly ports: readonly number[]
      /** The worker's part of what WebAssembly plugins share; null when the model has none of them. */
      readonly wasmSeat: SharedSeat | null
    }
    answer: PreparedReport
  }
  commit: { question: { readonly generation: number }; answer: null }
  /** A generation that is not there is no error. */
  discard: { question: { readonly generation: number }; answer: null }
  metrics: { question: null; answer: MetricSnapshot }
  endpoints: { question: null; answer: readonly EndpointStatus[] }
  plugins: { question: null; answer: readonly PluginStatus[] }
  generations: { question: null; answer: readonly GenerationLoad[] }
  logLevel: { question: { readonly level: LogLevel }; answer: null }
  reopenLogs: { question: null; answer: null }
  drain: { question: { readonly deadlineMs: number }; answer: null }
  /** Closes what is open and flushes the access log; the main thread then ends the thread. */
  stop: { question: null; answer: null }
}

/** The name of a question. */
export type Kind = keyof Conversations
/** What goes with a question. */
export type Question<K extends Kind> = Conversations[K]['question']
/** What comes back. */
export type Answer<K extends Kind> = Conversations[K]['answer']

/** A message to a worker; `request` comes back in its answer. */
export type ToWorker = {
  [K in Kind]: { readonly kind: K; readonly request: number; readonly question: Question<K> }
}[Kind]

/** A message from a worker. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly request: number; readonly answer: Answer<Kind> }
  | { readonly kind: 'failure'; readonly request: number; readonly reason: string }
