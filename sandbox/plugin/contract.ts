import type { Context } from '../../chains/context.ts'
import { type FailureCode, ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, TcpFilter } from '../../chains/filter.ts'
import type { ChainName, Model } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { Tools } from '../../chains/tools.ts'
import type { KeyValue } from './kv.ts'
import type { Network } from './network.ts'
import type { ScriptMetrics } from './script-metrics.ts'

/**
 * What a sandbox makes of one version of one plugin in one worker. The wall,
 * whatever language is behind it: PipyJS, JavaScript or WebAssembly.
 *
 * Filters reject with a {@link pluginFailure} when the plugin failed, and so do
 * bodies and streams that come out of it; never otherwise than the exchange
 * itself would. They do nothing about `onError`, `mode` and `canary`: that is done around them.
 * After a crash the next exchange gets a fresh instance.
 */
export interface SandboxedPlugin extends Disposable {
  /** The filter for one chain; null when the plugin has nothing to do there. Asked once a mount. */
  http(chain: ChainName): HttpFilter | null
  tcp(chain: ChainName): TcpFilter | null
  /** What it uses at this moment. */
  usage(): SandboxUsage
  /** Frees the instance. Exchanges that are still in it end by `PLUGIN_THREW`. */
  [Symbol.dispose](): void
}

/** What one plugin uses in one worker. */
export interface SandboxUsage {
  readonly heapBytes: number
  /** Exchanges that hold something in the sandbox. */
  readonly exchanges: number
}

/**
 * What a sandbox tells of each call into a plugin; counted by whoever runs it. `cx` is the exchange that it was
 * for: it says under which chain the call is counted. Without it that is all chains of the plugin together.
 */
export interface PluginMeter {
  /** A call into the sandbox ended after `ms` of wall time on this thread (which it had for itself). */
  called(ms: number, cx?: Context): void
  /** A call failed. The exchange ends by policy. */
  failed(kind: PluginErrorKind, error: PluginError, cx?: Context): void
  /** The instance died. Told once for each, when a fresh one is made in its place, whether that comes up or not. */
  restarted(): void
}

/** How a plugin can fail, as metrics have it. */
export const pluginErrorKinds = ['exception', 'timeout', 'memory', 'crash', 'limit', 'pause'] as const
/**
 * One of {@link pluginErrorKinds}: it threw; it ran for too long; it used too much memory; its
 * instance died of something else; it held more bytes than it may; it kept an exchange waiting for too long.
 */
export type PluginErrorKind = (typeof pluginErrorKinds)[number]

/** What a sandbox is given beside the plugin. */
export interface PluginHost {
  readonly tools: Tools
  readonly model: Model
  readonly meter: PluginMeter
  readonly network: Network
  /** What the plugin shares with its instances in other workers; null unless it is granted. */
  readonly kv: KeyValue | null
  /** Where the plugin counts by names of its own. */
  readonly metrics: ScriptMetrics
  /** Resolves a file name of a script (`modules/outbound-http-default.js`, `plugins/x.js`) to a filter of the same kind; null when there is none. */
  httpModule(file: string): HttpFilter | null
  tcpModule(file: string): TcpFilter | null
}

/** Is told what an exchange fails with in a plugin, in place of its answer. */
export type FailureListener = (error: ProxyError, cx: Context) => void

/** A filter that can tell by itself when it fails: whoever wants to know need not listen to each of its promises. */
export interface TellingFilter extends HttpFilter {
  /** The same filter, which calls `failed` with whatever it rejects with. What it throws is not told. */
  telling(failed: FailureListener): HttpFilter
}

/**
 * Loads a plugin. Throws a {@link PluginFault} when it cannot be run; then it
 * holds nothing. Blocks for some milliseconds.
 */
export type PluginLoader = (spec: PluginSpec, host: PluginHost) => SandboxedPlugin

/** Where in a plugin something is, in its author's own file. Lines and columns begin with 1. */
export interface PluginPosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A plugin that cannot be loaded; the message is one clear line that says what would be right. */
export class PluginFault extends Error {
  override readonly name: string = 'PluginFault'
  readonly plugin: string
  readonly version: string
  readonly position: PluginPosition | null
  /** The message without name and place. */
  readonly reason: string

  constructor(spec: PluginSpec, position: PluginPosition | null, reason: string) {
    const place = position ? `${position.file}:${position.line}:${position.column}` : spec.origin
    super(`${place}: plugin ${spec.name}: ${reason}`)
    this.plugin = spec.name
    this.version = spec.version
    this.position = position
    this.reason = reason
  }
}

/** A plugin that failed in a call; the message is one line with name, version and place. */
export class PluginError extends Error {
  override readonly name: string = 'PluginError'
  readonly plugin: string
  readonly version: string
  readonly kind: PluginErrorKind
  readonly position: PluginPosition | null

  constructor(spec: PluginSpec, kind: PluginErrorKind, position: PluginPosition | null, reason: string) {
    const place = position ? ` at ${position.file}:${position.line}:${position.column}` : ''
    super(`plugin ${spec.name} (${spec.version})${place}: ${reason}`)
    this.plugin = spec.name
    this.version = spec.version
    this.kind = kind
    this.position = position
  }
}

const codes = {
  exception: 'PLUGIN_THREW',
  timeout: 'PLUGIN_OVER_LIMIT',
  memory: 'PLUGIN_OVER_LIMIT',
  crash: 'PLUGIN_THREW',
  limit: 'PLUGIN_OVER_LIMIT',
  pause: 'PLUGIN_OVER_LIMIT',
} as const satisfies Record<PluginErrorKind, FailureCode>

/** What an exchange fails with when a plugin does: the error is its cause, by which its policy knows it again. */
export function pluginFailure(error: PluginError): ProxyError {
  return new ProxyError(codes[error.kind], error.message, { cause: error })
}
