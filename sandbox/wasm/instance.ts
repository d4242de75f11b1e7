import type { Context } from '../../chains/context.ts'
import { asProxyError, type ProxyError } from '../../chains/failures.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { Clock } from '../../chains/tools.ts'
import {
  PluginError,
  PluginFault,
  type PluginHost,
  type PluginMeter,
  pluginFailure,
} from '../plugin/contract.ts'
import type { LiveStream, StreamHost, StreamParts } from './binding/stream-host.ts'
import type { RootContext } from './contract.ts'
import type { MachineLease, Machines } from './machines.ts'
import { nodeProperty } from './proxy-wasm/properties/node.ts'
import { type PropertyStore, StreamProperties } from './proxy-wasm/properties/stream-properties.ts'
import { createRootContext } from './proxy-wasm/root-context.ts'
import type { WasmServices } from './services.ts'

/** What one is made from. */
export interface PluginInstanceOptions {
  readonly spec: PluginSpec
  readonly host: PluginHost
  readonly services: WasmServices
  readonly machines: Machines
  readonly store: PropertyStore
}

/**
 * One plugin in one instance of its module: a root context, and the streams in it. When the instance dies, the
 * streams that wait for it end at once, and the others when they come to it. Throws a {@link PluginFault} when it cannot be started.
 */
export class PluginInstance implements StreamHost, Disposable {
  readonly root: RootContext
  readonly meter: PluginMeter
  readonly clock: Clock
  readonly #lease: MachineLease
  readonly #store: PropertyStore
  readonly #streams = new Set<LiveStream>()
  readonly #stopListening: () => void

  constructor({ spec, host, services, machines, store }: PluginInstanceOptions) {
    const { wasm } = spec
    if (!wasm) throw new PluginFault(spec, null, 'there is no module; a Wasm plugin has one')
    this.meter = host.meter
    this.clock = host.tools.clock
    this.#store = store
    this.#lease = leased(spec, () => machines.lease(spec, wasm, host))
    const { vm } = this.#lease
    this.#stopListening = vm.onDeath((error) => this.#died(error))
    this.root = createRootContext({
      vm,
      spec,
      host,
      callOuts: (listener, nextId) => services.callOuts(spec, host, listener, nextId),
      property: (path) => nodeProperty(host.model, path),
    })
    try {
      this.root.start()
    } catch (thrown) {
      this[Symbol.dispose]()
      throw thrown
    }
  }

  get isDead(): boolean {
    return this.#lease.vm.isDead
  }

  get memoryBytes(): number {
    return this.#lease.vm.memoryBytes
  }

  /** How many are not over. */
  get streams(): number {
    return this.#streams.size
  }

  open<Stream extends LiveStream>(make: (parts: StreamParts) => Stream, cx: Context): Stream {
    const { root, clock } = this
    const properties = new StreamProperties(cx, clock, root, this.#store)
    const onEnd = (stream: LiveStream) => void this.#streams.delete(stream)
    const stream = make({ vm: this.#lease.vm, root, properties, onEnd })
    this.#streams.add(stream)
    return stream
  }

  /** Ends what is in it, lets the guest say that it is done, and gives the instance back after that. */
  unload(): void {
    const error = pluginFailure(new PluginError(this.root.spec, 'crash', null, 'it was unloaded'))
    this.#endStreams(error)
    this.root.end(() => this[Symbol.dispose]())
  }

  [Symbol.dispose](): void {
    this.#stopListening()
    this.root[Symbol.dispose]()
    this.#lease[Symbol.dispose]()
  }

  #endStreams(error: ProxyError): void {
    for (const stream of [...this.#streams]) {
      stream.fail(error)
      stream.end(null)
    }
  }

  #died(thrown: Error): void {
    const error = thrown instanceof PluginError ? pluginFailure(this.#own(thrown)) : asProxyError(thrown)
    for (const stream of [...this.#streams]) if (stream.isHeld) stream.fail(error)
  }

  /** The one that died in a call for another plugin died for this one too: its own policy holds here. */
  #own(error: PluginError): PluginError {
    const { spec } = this.root
    if (error.plugin === spec.name && error.version === spec.version) return error
    return new PluginError(spec, error.kind, null, `its instance is dead: ${error.message}`)
  }
}

/** A module that does not even start is a plugin that cannot be loaded. */
function leased(spec: PluginSpec, lease: () => MachineLease): MachineLease {
  try {
    return lease()
  } catch (thrown) {
    if (!(thrown instanceof PluginError) && !(thrown instanceof RangeError)) throw thrown
    throw new PluginFault(spec, null, thrown.message)
  }
}
