import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Model } from '../../chains/model.ts'
import { KeyValueStore } from '../../sandbox/plugin/kv.ts'
import { serveKeyValue } from '../../sandbox/plugin/kv-port.ts'
import type { SandboxCode } from '../../sandbox/plugin/sandbox-code.ts'
import type { Order, PreparedReport } from './protocol.ts'

/** A generation that serves, as far as the next one builds on it. */
export interface Serving {
  readonly order: Order
  readonly report: PreparedReport
}

/** What the main thread has for the plugins of all workers: the code that runs them, and what they share. */
export class PluginSupply {
  readonly #load: () => Promise<SandboxCode>
  readonly #store = new KeyValueStore()
  #code: Promise<SandboxCode> | null = null

  /** `load` is called once, when the first plugin comes. */
  constructor(load: () => Promise<SandboxCode> = loadCode) {
    this.#load = load
  }

  /**
   * What workers are told to build, after `serving` or as the first. Rejects with one clear line when what runs
   * plugins cannot be loaded.
   */
  async order(generation: number, model: Model, serving: Serving | null): Promise<Order> {
    const code = model.plugins.length > 0 ? await this.#loadCode() : null
    return { generation, model, code, tolerated: serving?.report.faulty ?? 'all' }
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

  async #loadCode(): Promise<SandboxCode> {
    this.#code ??= this.#load()
    try {
      return await this.#code
    } catch (thrown) {
      this.#code = null
      throw thrown
    }
  }
}

/** The sandboxes are large, and many sidecars have no plugin. */
async function loadCode(): Promise<SandboxCode> {
  return (await import('../../sandbox/plugin/sandbox-code.ts')).loadSandboxCode()
}
