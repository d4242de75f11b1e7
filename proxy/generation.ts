import { type Acceptance, acceptance } from '../chains/accept.ts'
import { type BuiltChains, buildChains } from '../chains/assemble.ts'
import { findModule } from '../chains/catalogue.ts'
import { type RefusalLog, refusalLog } from '../chains/filters/access-log.ts'
import type { Direction, Model } from '../chains/model.ts'
import type { SharedScope } from '../chains/shared-state.ts'
import type { Tools } from '../chains/tools.ts'
import type { KeyValue } from '../sandbox/plugin/kv.ts'
import { type FaultyPlugin, type PluginLoaders, PluginRoster } from '../sandbox/plugin/roster.ts'
import type { ScriptMetricsRegistry } from '../sandbox/plugin/script-metrics.ts'
import { PluginNetwork } from './plugin-network/plugin-network.ts'
import type { UpstreamShared } from './upstream/shared.ts'
import { UpstreamDirectory } from './upstream/upstream.ts'

/** What plugins need of their worker, whatever the generation. */
export interface WorkerPlugins {
  /** What a plugin keeps beside the traffic, by its name. */
  readonly keyValueOf: (plugin: string) => KeyValue
  readonly metrics: ScriptMetricsRegistry
}

/** What has to be known to load the plugins of one generation. */
export interface PluginsToLoad {
  readonly loaders: PluginLoaders
  /**
   * Plugins whose faults do not matter, because a stand-in acts for them already: those of the generation that
   * runs, or `all` at the first start.
   */
  readonly tolerated: 'all' | readonly Pick<FaultyPlugin, 'name' | 'version'>[]
}

/** For models without plugins. */
export const noPlugins: PluginsToLoad = { loaders: {}, tolerated: [] }

/** What a generation is built from, beside its model. */
export interface GenerationOptions {
  readonly id: number
  readonly model: Model
  /** This generation's own view of the state that outlives it; disposed of when it is gone. */
  readonly scope: SharedScope
  readonly tools: Omit<Tools, 'upstream' | 'shared'>
  readonly plugins: WorkerPlugins & PluginsToLoad
  readonly upstreamShared: UpstreamShared
}

/** What is made before the chains, because it takes time. */
interface Foundation {
  readonly tools: Tools
  readonly upstream: UpstreamDirectory
  readonly plugins: PluginRoster
}

/**
 * One accepted config, ready to serve. It never changes.
 *
 * A push makes a new one beside the old. New exchanges enter the new one; the
 * old one lets go of everything when the last exchange has left it, which for a
 * long download or a WebSocket may be long after.
 */
export class Generation {
  readonly id: number
  readonly model: Model
  readonly chains: BuiltChains
  readonly accept: Readonly<Record<Direction, Acceptance>>
  /** Where requests are logged that are refused before the HTTP chain; null where that chain does not log either. */
  readonly refusalLogs: Readonly<Record<Direction, RefusalLog | null>>
  readonly upstream: UpstreamDirectory
  readonly plugins: PluginRoster
  readonly #scope: SharedScope
  #exchanges = 0
  #isRetired = false
  #onGone: (() => void) | null = null

  private constructor(options: GenerationOptions, { tools, upstream, plugins }: Foundation) {
    const { model, scope } = options
    this.id = options.id
    this.model = model
    this.#scope = scope
    this.upstream = upstream
    this.plugins = plugins
    this.chains = buildChains(model, { inbound: tools, outbound: tools }, plugins.mounts)
    this.accept = {
      inbound: acceptance(model, 'inbound', tools),
      outbound: acceptance(model, 'outbound', tools),
    }
    const log = (direction: Direction) =>
      logsHttp(model, direction) ? refusalLog(direction, tools, model) : null
    this.refusalLogs = { inbound: log('inbound'), outbound: log('outbound') }
  }

  /**
   * Builds everything that can fail. Rejects with an `Error` with one clear line, and then holds nothing but the
   * scope, which is the caller's until it resolves. Blocks for some milliseconds for each plugin, one at a time.
   */
  static async build(options: GenerationOptions): Promise<Generation> {
    const { model, scope, upstreamShared: shared } = options
    const upstream = new UpstreamDirectory({ model, scope, meter: options.tools.meter, shared })
    const tools: Tools = { ...options.tools, shared: scope, upstream }
    const plugins = await loadPlugins(options, tools)
    try {
      return new Generation(options, { tools, upstream, plugins })
    } catch (thrown) {
      plugins[Symbol.dispose]()
      throw thrown
    }
  }

  /** Exchanges that are in it. */
  get exchanges(): number {
    return this.#exchanges
  }

  /** It serves from now on. Cannot fail. */
  activate(): void {
    this.upstream.activate()
  }

  /** Counts an exchange in. Each is to be counted out once, with {@link leave}. */
  enter(): void {
    this.#exchanges += 1
  }

  /** Counts an exchange out. */
  leave(): void {
    this.#exchanges -= 1
    this.#letGo()
  }

  /** Nothing new will enter. Calls `onGone` when the last exchange has left, which may be at once. */
  retire(onGone: () => void): void {
    this.#isRetired = true
    this.#onGone = onGone
    this.#letGo()
  }

  #letGo(): void {
    if (!this.#isRetired || this.#exchanges > 0) return
    const onGone = this.#onGone
    this.#onGone = null
    if (!onGone) return
    this.plugins[Symbol.dispose]()
    this.#scope[Symbol.dispose]()
    onGone()
  }
}

function logsHttp(model: Model, direction: Direction): boolean {
  const chain = `${direction}-http` as const
  return model.chains[chain].some(({ name }) => findModule(chain, name)?.name === 'access-logging')
}

function loadPlugins(options: GenerationOptions, tools: Tools): Promise<PluginRoster> {
  const { model, plugins, upstreamShared: shared } = options
  const { tolerated } = plugins
  return PluginRoster.load({
    ...plugins,
    model,
    tools,
    networkOf: ({ name }) => new PluginNetwork({ plugin: name, model, meter: tools.meter, shared }),
    mayStandIn: ({ name, version }) =>
      tolerated === 'all' || tolerated.some((faulty) => faulty.name === name && faulty.version === version),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  })
}
