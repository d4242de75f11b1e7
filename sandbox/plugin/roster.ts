import type { Mount, Mounts } from '../../chains/assemble.ts'
import type { HttpFilter, TcpFilter } from '../../chains/filter.ts'
import { type ChainName, chainNames, type Model } from '../../chains/model.ts'
import type { PluginLanguage, PluginSpec } from '../../chains/plugins.ts'
import type { Gauge } from '../../chains/telemetry.ts'
import type { Tools } from '../../chains/tools.ts'
import { PluginFault, type PluginHost, type PluginLoader, type SandboxedPlugin } from './contract.ts'
import { labelsOf, PluginHealth } from './health.ts'
import type { KeyValue } from './kv.ts'
import { type Callable, ModuleResolver } from './modules.ts'
import type { Network } from './network.ts'
import { httpPolicy, type LoadedPlugin, type LoadedVersion, tcpPolicy } from './policy.ts'
import type { ScriptMetricsRegistry } from './script-metrics.ts'
import { type PluginStatus, statusOf } from './status.ts'

/** Who can run what, by the language of the source. */
export type PluginLoaders = Readonly<Partial<Record<PluginLanguage, PluginLoader>>>

/** What {@link PluginRoster.load} needs of the worker and its generation. */
export interface RosterOptions {
  readonly model: Model
  readonly loaders: PluginLoaders
  readonly tools: Tools
  /** A network for one plugin; the roster disposes of it. */
  readonly networkOf: (spec: PluginSpec) => Network & Disposable
  readonly keyValueOf: (plugin: string) => KeyValue
  readonly metrics: ScriptMetricsRegistry
  /** Whether a stand-in may act by `onError` for a plugin that cannot be loaded. */
  readonly mayStandIn: (spec: PluginSpec) => boolean
  /** Awaited between two plugins, because loading one blocks for some milliseconds. */
  readonly breathe: () => Promise<void>
}

/** A plugin that cannot be loaded, as the worker tells the main thread. */
export interface FaultyPlugin {
  readonly name: string
  readonly version: string
  /** Why, with its place, and what becomes of its exchanges; one line. */
  readonly message: string
}

/** Plugins that cannot be loaded, and that nobody may stand in for. The message is one line. */
export class FaultyPlugins extends Error {
  override readonly name = 'FaultyPlugins'
  readonly faults: readonly PluginFault[]

  constructor(faults: readonly PluginFault[]) {
    super(faults.map(({ message }) => message).join('; '))
    this.faults = faults
  }
}

/** Every plugin of one generation in one worker, loaded once however often it is mounted. */
export class PluginRoster implements Disposable {
  readonly #options: RosterOptions
  readonly #resolver: ModuleResolver
  readonly #plugins = new Map<string, RosterEntry>()
  /** What plugins were given, and hold no longer when they are disposed of. */
  readonly #lent: Disposable[] = []

  private constructor(options: RosterOptions) {
    this.#options = options
    this.#resolver = new ModuleResolver(options.model, options.tools, this.#plugins)
  }

  /**
   * Loads all plugins of a model. Rejects with {@link FaultyPlugins} when one cannot be loaded and must not be stood
   * in for; nothing is held then.
   */
  static async load(options: RosterOptions): Promise<PluginRoster> {
    const roster = new PluginRoster(options)
    const faults: PluginFault[] = []
    for (const spec of options.model.plugins) {
      await options.breathe()
      const { fault } = roster.#add(spec).loaded.newest
      if (fault && !options.mayStandIn(spec)) faults.push(fault)
    }
    if (faults.length === 0) return roster
    roster[Symbol.dispose]()
    throw new FaultyPlugins(faults)
  }

  /** What chains are built with. */
  get mounts(): Mounts {
    return new Map([...this.#plugins].map(([name, entry]) => [stepOf(name), entry]))
  }

  /** The plugins that a stand-in acts for. */
  get faulty(): readonly FaultyPlugin[] {
    return [...this.#plugins.values()].flatMap(({ loaded: { newest } }) => {
      const { fault, spec } = newest
      if (!fault) return []
      const { name, version, policy } = spec
      const message = `${fault.message}; its exchanges end by onError: ${policy.onError}`
      return [{ name, version, message }]
    })
  }

  /** One line for each version before that cannot take over, and each canary whose others are without a plugin. */
  get warnings(): readonly string[] {
    return [...this.#plugins.values()].flatMap(({ loaded: { newest, previous } }) => {
      if (previous?.fault) return [`${previous.fault.message}; it cannot take over`]
      const { canary, mode } = newest.spec.policy
      if (mode !== 'enforce' || !canary || canary.percent === 100 || newest.spec.previous) return []
      const { name, version, origin } = newest.spec
      return [
        `${origin}: plugin ${name}: is a canary (${version}) without a version before it: exchanges that are not chosen run without the plugin`,
      ]
    })
  }

  /** What each version does at this moment, in the order of the model. */
  status(): readonly PluginStatus[] {
    return [...this.#plugins.values()].flatMap(({ loaded: { newest, previous }, chains }) => [
      statusOf(newest, 'newest', chains),
      ...(previous ? [statusOf(previous, 'previous', chains)] : []),
    ])
  }

  /** Brings the gauges up to date. */
  measure(): void {
    for (const entry of this.#plugins.values()) entry.measure()
  }

  /** Frees everything; exchanges that are still in a plugin fail. */
  [Symbol.dispose](): void {
    for (const entry of this.#plugins.values()) entry[Symbol.dispose]()
    for (const one of this.#lent) one[Symbol.dispose]()
    this.#plugins.clear()
  }

  #add(spec: PluginSpec): RosterEntry {
    const { model, tools } = this.#options
    const { mode, canary, onError } = spec.policy
    const chains = chainsOf(model, spec.name)
    const needsPrevious = mode !== 'off' && (canary !== null || onError === 'previous')
    const newest = this.#version(spec, chains)
    const previous = needsPrevious && spec.previous ? this.#version(spec.previous, chains) : null
    const entry = new RosterEntry({ newest, previous }, chains, tools)
    this.#plugins.set(spec.name, entry)
    return entry
  }

  #version(spec: PluginSpec, chains: readonly ChainName[]): LoadedVersion {
    const { clock, log, meter, shared } = this.#options.tools
    const counts = shared.get(`plugin ${spec.name} ${spec.version}`, () => ({
      calls: 0,
      errors: 0,
      restarts: 0,
    }))
    const health = new PluginHealth({ spec, chains, counts, meter, clock, log })
    if (spec.policy.mode === 'off') return { spec, health, plugin: null, fault: null }
    try {
      return { spec, health, plugin: this.#load(spec, health), fault: null }
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      const fault = thrown instanceof PluginFault ? thrown : new PluginFault(spec, null, reason)
      health.lastFault = fault.message
      return { spec, health, plugin: null, fault }
    }
  }

  #load(spec: PluginSpec, health: PluginHealth): SandboxedPlugin {
    const { loaders, model, tools, networkOf, keyValueOf, metrics } = this.#options
    const [network, scriptMetrics] = [networkOf(spec), metrics.open(spec.name)]
    this.#lent.push(network, scriptMetrics)
    const host: PluginHost = {
      tools,
      model,
      meter: health,
      network,
      kv: spec.policy.grants.shared ? keyValueOf(spec.name) : null,
      metrics: scriptMetrics,
      httpModule: (file) => this.#resolver.http(spec.name, file),
      tcpModule: (file) => this.#resolver.tcp(spec.name, file),
    }
    const [textFault] = spec.faults ?? []
    if (textFault) throw new PluginFault(spec, textFault.line > 0 ? textFault : null, textFault.message)
    const load = loaders[spec.language]
    if (!load) throw new PluginFault(spec, null, `nothing here runs ${spec.language}`)
    return load(spec, host)
  }
}

/** One plugin of a generation: what a chain mounts, and other plugins call. */
class RosterEntry implements Mount, Callable, Disposable {
  readonly loaded: LoadedPlugin
  readonly chains: readonly ChainName[]
  readonly #http = new Map<ChainName, HttpFilter | null>()
  readonly #tcp = new Map<ChainName, TcpFilter | null>()
  readonly #heaps: readonly Heap[]

  constructor(loaded: LoadedPlugin, chains: readonly ChainName[], tools: Tools) {
    this.loaded = loaded
    this.chains = chains
    this.#heaps = versionsOf(loaded).map((version) => new Heap(version, tools))
  }

  get version(): string {
    return this.loaded.newest.spec.version
  }

  get mode(): Mount['mode'] {
    return this.loaded.newest.spec.policy.mode
  }

  http(chain: ChainName, builtIn: HttpFilter | null): HttpFilter | null {
    if (builtIn) return httpPolicy(this.loaded, chain, builtIn)
    if (!this.#http.has(chain)) this.#http.set(chain, httpPolicy(this.loaded, chain, null))
    return this.#http.get(chain) ?? null
  }

  tcp(chain: ChainName, builtIn: TcpFilter | null): TcpFilter | null {
    if (builtIn) return tcpPolicy(this.loaded, chain, builtIn)
    if (!this.#tcp.has(chain)) this.#tcp.set(chain, tcpPolicy(this.loaded, chain, null))
    return this.#tcp.get(chain) ?? null
  }

  measure(): void {
    for (const heap of this.#heaps) heap.measure()
  }

  [Symbol.dispose](): void {
    for (const heap of this.#heaps) heap[Symbol.dispose]()
    for (const { plugin, health } of versionsOf(this.loaded)) {
      plugin?.[Symbol.dispose]()
      health[Symbol.dispose]()
    }
  }
}

const versionsOf = ({ newest, previous }: LoadedPlugin): readonly LoadedVersion[] =>
  previous ? [newest, previous] : [newest]

/** The gauge of what one version holds, kept up to date by being asked. */
class Heap implements Disposable {
  readonly #gauge: Gauge
  readonly #plugin: SandboxedPlugin | null
  #shown = 0

  constructor({ spec, plugin }: LoadedVersion, { meter }: Tools) {
    this.#gauge = meter.gauge('pillion_plugin_heap_bytes', labelsOf(spec))
    this.#plugin = plugin
  }

  measure(): void {
    this.#show(this.#plugin?.usage().heapBytes ?? 0)
  }

  [Symbol.dispose](): void {
    this.#show(0)
  }

  #show(bytes: number): void {
    this.#gauge.add(bytes - this.#shown)
    this.#shown = bytes
  }
}

/** How chains name a plugin. */
const stepOf = (plugin: string): string => `plugins/${plugin}.js`

function chainsOf(model: Model, plugin: string): readonly ChainName[] {
  return chainNames.filter((chain) => model.chains[chain].some(({ name }) => name === stepOf(plugin)))
}
