import type { Log } from '../chains/context.ts'
import type { Direction, Listener, Model } from '../chains/model.ts'
import { SharedState } from '../chains/shared-state.ts'
import type { Meter } from '../chains/telemetry.ts'
import type { Clock } from '../chains/tools.ts'
import type { FaultyPlugin } from '../sandbox/plugin/roster.ts'
import type { PluginStatus } from '../sandbox/plugin/status.ts'
import { type ChainListing, listChains } from './chain-listing.ts'
import type { ClientConnection, Edge, EdgeCounters } from './downstream/edge.ts'
import { type ConnectionRegistry, ListenerSocket } from './downstream/listener.ts'
import { type EndpointStatus, listEndpoints } from './endpoint-listing.ts'
import { Generation, noPlugins, type PluginsToLoad, type WorkerPlugins } from './generation.ts'
import { ReadBuffers } from './net/read-buffers.ts'
import { Sweeper } from './net/sweeper.ts'
import { systemClock } from './system-clock.ts'

/** What the data side of one worker needs of its process. */
export interface DataPlaneOptions {
  readonly log: Log
  readonly meter: Meter
  /** Takes one access log line without line end; never blocks. */
  readonly writeAccessLog: (line: string) => void
  /** Whether several workers share each port. */
  readonly reusePort: boolean
  /** Put before the exchange ids of this worker, so that they are unique in the process. */
  readonly idPrefix: string
  readonly plugins: WorkerPlugins
}

/** An address that is listened on, with the port the kernel chose when the config said 0. */
export interface BoundListener {
  readonly direction: Direction
  readonly host: string
  readonly port: number
}

/** A generation that is built but does not serve yet. Exactly one of its two methods is called, once. */
export interface PreparedGeneration {
  /** In the order of `model.listeners`. */
  readonly listeners: readonly BoundListener[]
  readonly chains: ChainListing
  /** Things an operator should know, such as a chain that names a plugin that is not there. */
  readonly warnings: readonly string[]
  /** Plugins that could not be loaded, for which a stand-in acts. */
  readonly faulty: readonly FaultyPlugin[]
  /** Swaps it in; cannot fail. Ports that are no longer named are closed, the old generation retires. */
  commit(): void
  /** Lets go of everything that was built. */
  discard(): Promise<void>
}

/** The data side of one worker, whether it is a thread or a test. */
export interface DataPlane {
  /**
   * Builds generation `id` beside the one that runs: everything that can fail.
   * Rejects with an `Error` whose message is one clear line; nothing has
   * changed then. `ports`, when given, are the ports to bind in place of the
   * model's (in the order of its listeners), so that all workers share those
   * which the first one was given. Without `plugins` a model that has some is refused.
   */
  prepare(
    id: number,
    model: Model,
    ports?: readonly number[],
    plugins?: PluginsToLoad,
  ): Promise<PreparedGeneration>
  /** The endpoints of the generation that runs. */
  endpoints(): readonly EndpointStatus[]
  /** The plugins of the generation that runs. */
  plugins(): readonly PluginStatus[]
  /** Brings gauges up to date that nobody counts as they change. */
  measure(): void
  /** Ids of the generations that still have exchanges in them, the running one first. */
  generations(): readonly { readonly id: number; readonly exchanges: number }[]
  /**
   * Stops accepting, closes idle connections, answers what is in flight with
   * `Connection: close`. Resolves when the last exchange has left, or after
   * `deadlineMs`, when what is left has been destroyed.
   */
  drain(deadlineMs: number): Promise<void>
  /** Destroys everything at once. */
  close(): Promise<void>
}

/** Makes the data side of one worker. It does nothing until a generation is committed. */
export function createDataPlane(options: DataPlaneOptions): DataPlane {
  return new Worker(options)
}

interface OpenListener {
  readonly socket: ListenerSocket
  readonly port: number
}

class Worker implements DataPlane, Edge {
  readonly sweeper = new Sweeper()
  readonly buffers = new ReadBuffers()
  readonly clock: Clock = systemClock
  readonly log: Log
  readonly counters: Readonly<Record<Direction, EdgeCounters>>
  isDraining = false
  readonly #options: DataPlaneOptions
  readonly #state = new SharedState()
  readonly #connections = new Set<ClientConnection>()
  readonly #registries: Readonly<Record<Direction, ConnectionRegistry>>
  readonly #generations: Generation[] = []
  /** Stays set after {@link close}, for connections that end later. */
  #current: Generation | null = null
  #listeners = new Map<string, OpenListener>()
  #exchangeId = 0
  #connectionId = 0

  constructor(options: DataPlaneOptions) {
    this.#options = options
    this.log = options.log
    this.counters = {
      inbound: edgeCounters(options.meter, 'inbound'),
      outbound: edgeCounters(options.meter, 'outbound'),
    }
    this.#registries = { inbound: this.#registry('inbound'), outbound: this.#registry('outbound') }
  }

  get generation(): Generation {
    return this.#current as Generation
  }

  nextId(): string {
    this.#exchangeId += 1
    return `${this.#options.idPrefix}-${this.#exchangeId.toString(36)}`
  }

  async prepare(
    id: number,
    model: Model,
    ports?: readonly number[],
    plugins: PluginsToLoad = noPlugins,
  ): Promise<PreparedGeneration> {
    const generation = await this.#build(id, model, plugins)
    const opened = new Map<string, OpenListener>()
    const bound: BoundListener[] = []
    try {
      for (const [index, listener] of model.listeners.entries()) {
        const key = listenerKey(listener, index)
        const wanted = ports?.[index] ?? listener.port
        const open = this.#listeners.get(key) ?? (await this.#open(listener, wanted))
        opened.set(key, open)
        bound.push({ direction: listener.direction, host: listener.host, port: open.port })
      }
    } catch (error) {
      await this.#discard(generation, opened)
      throw error
    }
    return {
      listeners: bound,
      chains: listChains(generation.chains),
      warnings: [...generation.chains.warnings, ...generation.plugins.warnings],
      faulty: generation.plugins.faulty,
      commit: () => this.#commit(generation, opened),
      discard: () => this.#discard(generation, opened),
    }
  }

  endpoints(): readonly EndpointStatus[] {
    return listEndpoints(this.generation)
  }

  plugins(): readonly PluginStatus[] {
    return this.#current?.plugins.status() ?? []
  }

  measure(): void {
    for (const { plugins } of this.#generations) plugins.measure()
  }

  generations(): readonly { readonly id: number; readonly exchanges: number }[] {
    return this.#generations.map(({ id, exchanges }) => ({ id, exchanges }))
  }

  async drain(deadlineMs: number): Promise<void> {
    this.isDraining = true
    await this.#closeListeners()
    for (const connection of [...this.#connections]) connection.drain()
    const deadline = this.clock.now() + deadlineMs
    while (this.#connections.size > 0 && this.clock.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await this.close()
  }

  async close(): Promise<void> {
    this.isDraining = true
    await this.#closeListeners()
    for (const connection of [...this.#connections]) connection.destroy()
    for (const generation of this.#generations.splice(0)) generation.retire(() => {})
  }

  async #build(id: number, model: Model, plugins: PluginsToLoad): Promise<Generation> {
    const scope = this.#state.scope()
    const { meter, log, writeAccessLog } = this.#options
    try {
      return await Generation.build({
        id,
        model,
        scope,
        tools: { clock: this.clock, random: Math.random, meter, writeAccessLog, log },
        plugins: { ...plugins, ...this.#options.plugins },
        upstreamShared: {
          sweeper: this.sweeper,
          buffers: this.buffers,
          readerLimits: { ...model.limits, maxBodyBytes: 0, kind: 'response' },
          bodyIdleMs: model.timeouts.idleMs,
          streamIdleMs: model.timeouts.idleMs,
        },
      })
    } catch (error) {
      scope[Symbol.dispose]()
      throw error
    }
  }

  async #open(listener: Listener, port: number): Promise<OpenListener> {
    const socket = new ListenerSocket(this, this.#registries[listener.direction], listener)
    return { socket, port: await socket.listen(port, this.#options.reusePort) }
  }

  #commit(generation: Generation, opened: Map<string, OpenListener>): void {
    const before = this.#listeners
    this.#listeners = opened
    const [old] = this.#generations
    this.#generations.unshift(generation)
    this.#current = generation
    generation.activate()
    for (const [index, listener] of generation.model.listeners.entries()) {
      opened.get(listenerKey(listener, index))?.socket.serve(listener)
    }
    for (const [key, { socket }] of before) if (!opened.has(key)) void socket.close()
    old?.retire(() => {
      const index = this.#generations.indexOf(old)
      if (index >= 0) this.#generations.splice(index, 1)
    })
  }

  async #discard(generation: Generation, opened: Map<string, OpenListener>): Promise<void> {
    generation.retire(() => {})
    for (const [key, { socket }] of opened) if (!this.#listeners.has(key)) await socket.close()
  }

  async #closeListeners(): Promise<void> {
    const open = [...this.#listeners.values()]
    this.#listeners = new Map()
    await Promise.all(open.map(({ socket }) => socket.close()))
  }

  #registry(direction: Direction): ConnectionRegistry {
    const { meter } = this.#options
    return {
      all: this.#connections,
      accepted: meter.counter('pillion_connections_total', { direction }),
      active: meter.gauge('pillion_connections_active', { direction }),
      rejected: (reason) => meter.counter('pillion_connections_rejected_total', { direction, reason }),
      nextId: () => {
        this.#connectionId += 1
        return this.#connectionId
      },
    }
  }
}

/** What makes two listeners the same across a push. A port that the kernel chooses is kept by its place. */
function listenerKey(listener: Listener, index: number): string {
  const port = listener.port === 0 ? `any${index}` : listener.port
  return `${listener.direction} ${listener.host} ${port}`
}

function edgeCounters(meter: Meter, direction: Direction): EdgeCounters {
  return {
    activeRequests: meter.gauge('pillion_requests_active', { direction }),
    refused: (code) => meter.counter('pillion_failures_total', { direction, code, blame: 'client' }),
  }
}
