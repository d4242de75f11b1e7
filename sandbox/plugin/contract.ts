import type { HttpFilter, TcpFilter } from '../../chains/filter.ts'
import type { ChainName, Model } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { Tools } from '../../chains/tools.ts'
import type { Network } from './network.ts'

/**
 * What a sandbox makes of one version of one plugin in one worker. The wall,
 * whatever language is behind it: PipyJS, JavaScript or WebAssembly.
 *
 * Filters reject with a `ProxyError` (`PLUGIN_THREW`, `PLUGIN_OVER_LIMIT`) when the
 * plugin failed, and never otherwise than the exchange itself would. They
 * do nothing about `onError`, `mode` and `canary`: that is done around them.
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

/** What a sandbox tells of each call into a plugin; counted by whoever runs it. */
export interface PluginMeter {
  /** A call into the sandbox ended after `ms` of wall time on this thread (which it had for itself). */
  called(ms: number): void
  /** A call failed. The exchange ends by policy. */
  failed(kind: PluginErrorKind, error: PluginError): void
  /** The instance died and a fresh one took its place. */
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
  /** Resolves a file name of a script (`modules/outbound-http-default.js`, `plugins/x.js`) to a filter of the same kind; null when there is none. */
  httpModule(file: string): HttpFilter | null
  tcpModule(file: string): TcpFilter | null
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

  constructor(spec: PluginSpec, position: PluginPosition | null, reason: string) {
    const place = position ? `${position.file}:${position.line}:${position.column}: ` : ''
    super(`${place}plugin ${spec.name}: ${reason}`)
    this.plugin = spec.name
    this.version = spec.version
    this.position = position
  }
}

/** A plugin that failed in a call; the message is one line with name, version and place. */
export class PluginError extends Error {
  override readonly name: string = 'PluginError'
  readonly kind: PluginErrorKind
  readonly position: PluginPosition | null

  constructor(spec: PluginSpec, kind: PluginErrorKind, position: PluginPosition | null, reason: string) {
    const place = position ? ` at ${position.file}:${position.line}:${position.column}` : ''
    super(`plugin ${spec.name} (${spec.version})${place}: ${reason}`)
    this.kind = kind
    this.position = position
  }
}
