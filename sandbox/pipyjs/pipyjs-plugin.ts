import type { HttpFilter, TcpFilter } from '../../chains/filter.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import {
  type FailureListener,
  PluginError,
  type PluginHost,
  type PluginLoader,
  pluginFailure,
  type SandboxedPlugin,
  type SandboxUsage,
  type TellingFilter,
} from '../plugin/contract.ts'
import type { GuestSession } from './guest-session.ts'
import { compilePlan } from './runtime/compile.ts'
import { Exchange } from './runtime/exchange.ts'
import { HttpRun } from './runtime/http-run.ts'
import type { PipelineLayout } from './runtime/pipeline.ts'
import { Quotas } from './runtime/quota.ts'
import { Runtime } from './runtime/runtime.ts'
import { TcpRun } from './runtime/tcp-run.ts'

/** Makes the guest of a plugin: evaluates its script, and throws a `PluginFault` when that cannot be. */
export type SessionFactory = (spec: PluginSpec, host: PluginHost, quotas: Quotas) => GuestSession

/** The loader of PipyJS plugins. Each plugin is one guest; one that died is followed by a fresh one. */
export function pipyJsLoader(createSession: SessionFactory): PluginLoader {
  return (spec, host) => new PipyJsPlugin(spec, host, createSession)
}

/** A guest, and where its exchanges begin; null when the script has no entrance. */
interface Instance {
  readonly runtime: Runtime
  readonly entrance: PipelineLayout | null
}

type Enterable = Instance & { readonly entrance: PipelineLayout }

const isEnterable = (instance: Instance): instance is Enterable => instance.entrance !== null

class PipyJsPlugin implements SandboxedPlugin {
  readonly #spec: PluginSpec
  readonly #host: PluginHost
  readonly #createSession: SessionFactory
  readonly #hasEntrance: boolean
  #instance: Instance | null
  #isDisposed = false

  constructor(spec: PluginSpec, host: PluginHost, createSession: SessionFactory) {
    this.#spec = spec
    this.#host = host
    this.#createSession = createSession
    this.#instance = this.#load()
    this.#hasEntrance = this.#instance.entrance !== null
  }

  http(): TellingFilter | null {
    if (!this.#hasEntrance) return null
    return Object.assign(this.#httpFilter(null), {
      telling: (failed: FailureListener) => this.#httpFilter(failed),
    })
  }

  tcp(): TcpFilter | null {
    if (!this.#hasEntrance) return null
    return (stream, cx, next) => {
      const { runtime, entrance } = this.#living()
      return new TcpRun(runtime, stream, cx, next).run(entrance)
    }
  }

  usage(): SandboxUsage {
    const runtime = this.#instance?.runtime
    return { heapBytes: runtime?.session.memoryBytes ?? 0, exchanges: runtime?.lines.size ?? 0 }
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#end('the plugin was taken out')
  }

  #httpFilter(failed: FailureListener | null): HttpFilter {
    return (request, cx, next) => {
      const { runtime, entrance } = this.#living()
      const exchange = new Exchange(runtime, { kind: 'http', request, next })
      return new HttpRun(exchange, cx, failed).run(entrance, request)
    }
  }

  /** The guest, or a fresh one when it has died. Throws the `ProxyError` that an exchange without one fails with. */
  #living(): Enterable {
    const instance = this.#instance
    if (instance && !instance.runtime.session.isDead && isEnterable(instance)) return instance
    return this.#restart()
  }

  #restart(): Enterable {
    if (this.#isDisposed) throw this.#failure('the plugin was taken out')
    this.#end('its instance died')
    this.#host.meter.restarted()
    try {
      this.#instance = this.#load()
    } catch (thrown) {
      throw this.#failure(
        `it could not be started again: ${thrown instanceof Error ? thrown.message : thrown}`,
      )
    }
    if (isEnterable(this.#instance)) return this.#instance
    throw this.#failure('its script has no entrance any more')
  }

  #load(): Instance {
    const { tools } = this.#host
    const quotas = new Quotas(this.#spec.name, tools.clock, tools.shared)
    const session = this.#createSession(this.#spec, this.#host, quotas)
    try {
      quotas.loaded()
      const runtime = new Runtime(this.#spec, this.#host, session, quotas)
      return { runtime, entrance: compilePlan(session.plan, this.#spec, this.#host) }
    } catch (thrown) {
      session[Symbol.dispose]()
      throw thrown
    }
  }

  /** Lets go of the guest. What is still in it ends by a failure. */
  #end(reason: string): void {
    const instance = this.#instance
    this.#instance = null
    instance?.runtime.close(reason)
    instance?.runtime.session[Symbol.dispose]()
  }

  #failure(reason: string) {
    return pluginFailure(new PluginError(this.#spec, 'crash', null, reason))
  }
}
