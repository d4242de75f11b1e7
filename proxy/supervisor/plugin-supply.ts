import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Log } from '../../chains/context.ts'
import type { Model } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import { KeyValueStore } from '../../sandbox/plugin/kv.ts'
import { serveKeyValue } from '../../sandbox/plugin/kv-port.ts'
import type { SandboxCode } from '../../sandbox/plugin/sandbox-code.ts'
import type { SharedSeat, SharedStateHome } from '../../sandbox/wasm/shared/home.ts'
import type { Order, PreparedReport } from './protocol.ts'
import type { WorkerThread } from './worker-thread.ts'

/** A generation that serves, as far as the next one builds on it. */
export interface Serving {
  readonly order: Order
  readonly report: PreparedReport
}

/** What {@link PluginSupply} works with. */
export interface PluginSupplyOptions {
  readonly log: Log
  readonly prepareLimitMs: number
  /** Called once, when the first script comes. */
  readonly loadCode?: () => Promise<SandboxCode>
}

/** What the main thread has for the plugins of all workers: the code that runs them, and what they share. */
export class PluginSupply implements Disposable {
  readonly #options: PluginSupplyOptions
  readonly #store = new KeyValueStore()
  readonly #seats = new WeakMap<WorkerThread, SharedSeat>()
  #code: Promise<SandboxCode> | null = null
  #home: Promise<SharedStateHome> | null = null

  constructor(options: PluginSupplyOptions) {
    this.#options = options
  }

  /**
   * What workers are told to build, after `serving` or as the first. Rejects with one clear line when what runs
   * plugins cannot be loaded.
   */
  async order(generation: number, model: Model, serving: Serving | null): Promise<Order> {
    const code = specsOf(model).some(({ language }) => language !== 'wasm') ? await this.#loadCode() : null
    return { generation, model, code, tolerated: serving?.report.faulty ?? 'all' }
  }

  /** Has a worker build a generation, with its part of what WebAssembly plugins share. Rejects as it does. */
  async prepare(thread: WorkerThread, order: Order, ports: readonly number[]): Promise<PreparedReport> {
    const hasWasm = specsOf(order.model).some(({ wasm }) => wasm !== undefined)
    const wasmSeat = hasWasm ? await this.#seatOf(thread) : null
    return thread.ask('prepare', { ...order, ports, wasmSeat }, this.#options.prepareLimitMs)
  }

  /** The way of a new worker to what plugins share. It ends with the worker. */
  openPort(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    serveKeyValue(port1, this.#store)
    return port2
  }

  /** A model has come into service: what plugins kept that are no longer there is forgotten. */
  serving(model: Model): void {
    this.#store.keepOnly(new Set(model.plugins.map(({ name }) => name)))
  }

  [Symbol.dispose](): void {
    void this.#home?.then((home) => home[Symbol.dispose]())
  }

  async #seatOf(thread: WorkerThread): Promise<SharedSeat> {
    const home = await this.#openHome()
    const known = this.#seats.get(thread)
    if (known) return known
    const seat = home.seat()
    this.#seats.set(thread, seat)
    thread.onExit(() => home.vacate(seat))
    return seat
  }

  /** Made for the first module, because it takes memory. */
  #openHome(): Promise<SharedStateHome> {
    this.#home ??= import('../../sandbox/wasm/shared/home.ts').then(
      ({ SharedStateHome }) => new SharedStateHome(this.#options.log),
    )
    return this.#home
  }

  async #loadCode(): Promise<SandboxCode> {
    this.#code ??= (this.#options.loadCode ?? loadCode)()
    try {
      return await this.#code
    } catch (thrown) {
      this.#code = null
      throw thrown
    }
  }
}

const specsOf = ({ plugins }: Model): readonly PluginSpec[] =>
  plugins.flatMap((spec) => (spec.previous ? [spec, spec.previous] : [spec]))

/** The sandboxes are large, and many sidecars have no plugin. */
async function loadCode(): Promise<SandboxCode> {
  return (await import('../../sandbox/plugin/sandbox-code.ts')).loadSandboxCode()
}
