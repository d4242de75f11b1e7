/** What happens to an exchange when a plugin fails in it (design part 4). */
export const errorPolicies = ['close', 'open', 'previous'] as const
/** One of {@link errorPolicies}: answer 503, go on as if it were not there, or let the last good version take over. */
export type ErrorPolicy = (typeof errorPolicies)[number]

/** Whether a plugin does anything, and whether what it does counts. */
export const pluginModes = ['enforce', 'shadow', 'off'] as const
/** One of {@link pluginModes}. */
export type PluginMode = (typeof pluginModes)[number]

/** In what languages scripts can be written. */
export const scriptLanguages = ['pipyjs', 'javascript'] as const
/** In what a plugin can be given: a script in one of {@link scriptLanguages}, or a WebAssembly module. */
export const pluginLanguages = [...scriptLanguages, 'wasm'] as const
/** One of {@link pluginLanguages}. */
export type PluginLanguage = (typeof pluginLanguages)[number]

/** How a plugin is run, whatever it is written in. */
export interface PluginPolicy {
  readonly onError: ErrorPolicy
  readonly mode: PluginMode
  /** Who gets this version; the rest keep the one before, or none. Null is everyone. */
  readonly canary: Canary | null
  readonly limits: PluginLimits
  readonly grants: GrantPolicy
}

/** A share of the exchanges. With both tests an exchange that passes either is chosen. */
export interface Canary {
  /** 0 to 100, or null. */
  readonly percent: number | null
  /** Lower-case name, exact value; or null. */
  readonly header: { readonly name: string; readonly value: string } | null
}

/** What one plugin may use up in one worker. */
export interface PluginLimits {
  /** Time for one call into it. */
  readonly callMs: number
  readonly memoryMiB: number
  /** Bytes of bodies that are held for it, for each exchange. */
  readonly bufferKiB: number
  /** How long an exchange may wait for it (promises, `wait`, call-outs). */
  readonly pauseMs: number
}

/** What a plugin may reach beyond its exchange. */
export interface PluginGrants {
  /** `host:port` it may connect to; `*` for either part. */
  readonly connect: readonly string[]
  /** Names of environment variables. */
  readonly env: readonly string[]
  /** Whether it may use state shared between workers and plugins. */
  readonly shared: boolean
  /** Whether a PipyJS script sees all of the config: its secrets, and what other plugins are configured with. */
  readonly config: boolean
}

/** What a policy says of {@link PluginGrants}; what that comes to, the sandbox finds out with the configs at hand. */
export interface GrantPolicy extends Omit<PluginGrants, 'connect'> {
  /** Null, where nobody says: wherever the plugin's own configs name. An empty list is nowhere. */
  readonly connect: readonly string[] | null
}

/** What a plugin that is a WebAssembly module is run with. Can be cloned to another thread; the module is shared then. */
export interface WasmSettings {
  /** What the module was written for: Proxy-Wasm (Envoy, Istio), or the http-wasm handler ABI (Traefik). */
  readonly abi: 'proxy-wasm' | 'http-wasm'
  /** Checked, metered and compiled. */
  readonly module: WebAssembly.Module
  /** SHA-256 of the file as its author built it, in hex. */
  readonly digest: string
  /** Istio's `pluginName`: which of the module's root contexts is meant. */
  readonly rootId: string
  /** Plugins of one `vmId`, module, VM configuration and environment share one instance in a worker. */
  readonly vmId: string
  readonly vmConfiguration: Uint8Array
  readonly configuration: Uint8Array
  /** What the module sees of an environment: what the manifest gives it, and nothing else. */
  readonly environment: Readonly<Record<string, string>>
  /** Whether body callbacks come while headers are held (Envoy's `allow_on_headers_stop_iteration`). */
  readonly bodyWhileHeadersHeld: boolean
  /** Host functions and callbacks that the module may use, by name (Envoy's capability restriction); null is all. */
  readonly capabilities: readonly string[] | null
}

/** One version of one plugin, as plain data, ready to be loaded. */
export interface PluginSpec {
  readonly name: string
  /** Stands in logs and metrics; made from the content when nobody gave one. */
  readonly version: string
  readonly language: PluginLanguage
  /** As its author wrote it (`pipyjs`), or compiled to one ES module (`javascript`). */
  readonly source: string
  /** Where the source came from, for messages: a path, or `Plugin NAME`. */
  readonly origin: string
  /** The line in `origin` on which the source begins, less one; and what its lines are indented by. For positions. */
  readonly lineOffset: number
  readonly columnOffset: number
  /** Source map (version 3, JSON) of a compiled source, or null. */
  readonly sourceMap: string | null
  /** Where it stands in a chain; the chains themselves name it `plugins/NAME.js`. */
  readonly priority: number
  readonly policy: PluginPolicy
  /** The version before, for `canary` and for `onError: previous`; null when there is none. */
  readonly previous: PluginSpec | null
  /** Why there is nothing to load: it could not be compiled. Missing or empty otherwise. */
  readonly faults?: readonly PluginTextFault[]
  /** Of plugins whose language is `wasm`, and of no others; their `source` is empty. */
  readonly wasm?: WasmSettings
}

/** Something that is wrong with the text of a plugin. Lines and columns begin with 1; both are 0 for the whole. */
export interface PluginTextFault {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** What holds when nobody says otherwise. */
export const defaultPluginPolicy: PluginPolicy = {
  onError: 'close',
  mode: 'enforce',
  canary: null,
  limits: { callMs: 50, memoryMiB: 32, bufferKiB: 1_024, pauseMs: 30_000 },
  grants: { connect: null, env: [], shared: false, config: false },
}
