import type { PluginSpec, WasmSettings } from '../../../chains/plugins.ts'
import { PluginError, PluginFault } from '../../plugin/contract.ts'
import {
  type BufferType,
  bufferType,
  type CallOutListener,
  type CallOuts,
  type HeaderMap,
  type MapType,
  mapType,
  type RootContext,
  type Status,
  status,
  type VirtualMachine,
  type VirtualMachineHost,
} from '../contract.ts'
import type { CallbackName } from './callbacks.ts'
import { readOnlyMap } from './read-only-map.ts'
import { TickTimer } from './tick-timer.ts'

/** How long a root context may take to end, once it was told to. */
export const endMs = 30_000

/** What a root context is made from. */
export interface RootContextOptions {
  readonly vm: VirtualMachine
  readonly spec: PluginSpec
  readonly host: VirtualMachineHost
  /** Makes the call-outs; `nextId` numbers them. */
  readonly callOuts: (listener: CallOutListener, nextCallId: () => number) => CallOuts
  /** Attributes that hold without a stream (node, metadata, …); those of the plugin itself are known. `path` is latin1. */
  readonly property: (path: readonly string[]) => Uint8Array | null
}

/** Makes a root context, which does nothing until it is started. */
export function createRootContext(options: RootContextOptions): RootContext {
  return new Root(options)
}

/** What a call-out brought, for as long as the guest is told of it. */
interface Delivery {
  readonly maps?: Partial<Record<MapType, HeaderMap>>
  readonly buffer?: { readonly type: BufferType; readonly bytes: Uint8Array }
  readonly status?: { readonly code: number; readonly message: string }
}

const nothing = new Uint8Array(0)
const noDelivery: Delivery = {}
const noStatus = { code: 0, message: '' } as const

class Root implements RootContext, CallOutListener {
  readonly id: number
  readonly root = this
  readonly exchange = null
  readonly spec: PluginSpec
  readonly settings: WasmSettings
  readonly meter: VirtualMachineHost['meter']
  readonly calls: CallOuts
  readonly #vm: VirtualMachine
  readonly #clock: RootContextOptions['host']['tools']['clock']
  readonly #property: RootContextOptions['property']
  readonly #ticks: TickTimer
  #state: 'new' | 'running' | 'waiting-for-done' | 'ended' = 'new'
  #delivery: Delivery = noDelivery
  #ended: () => void = () => undefined
  #stopWaiting: () => void = () => undefined
  #stopListening: () => void = () => undefined

  constructor({ vm, spec, host, callOuts, property }: RootContextOptions) {
    if (!spec.wasm) throw new Error(`plugin ${spec.name} is no WebAssembly module`)
    this.#vm = vm
    this.#clock = host.tools.clock
    this.#property = property
    this.id = vm.nextId()
    this.spec = spec
    this.settings = spec.wasm
    this.meter = host.meter
    this.#ticks = new TickTimer(host.tools.clock, () => this.#deliver('proxy_on_tick', noDelivery, 0))
    this.calls = callOuts(this, () => vm.nextId())
  }

  start(): void {
    if (this.#state !== 'new') throw new Error('a root context is started once')
    this.#state = 'running'
    this.#vm.register(this)
    this.#stopListening = this.#vm.onDeath(() => this.#end())
    const { vmConfiguration, configuration } = this.settings
    try {
      this.#vm.call('proxy_on_context_create', this, 0)
      if (this.#vm.call('proxy_on_vm_start', this, vmConfiguration.length) === 0) {
        throw new PluginFault(this.spec, null, 'its proxy_on_vm_start refused to start')
      }
      if (this.#vm.call('proxy_on_configure', this, configuration.length) === 0) {
        const given = `of ${configuration.length} bytes`
        throw new PluginFault(this.spec, null, `its proxy_on_configure refused the configuration ${given}`)
      }
    } catch (cause) {
      this[Symbol.dispose]()
      if (!(cause instanceof PluginError)) throw cause
      const fault = new PluginFault(this.spec, null, `it failed at its start: ${cause.message}`)
      fault.cause = cause
      throw fault
    }
  }

  end(ended: () => void): void {
    if (this.#state !== 'running') {
      this[Symbol.dispose]()
      ended()
      return
    }
    this.#ended = ended
    this.#state = 'waiting-for-done'
    this.#stopWaiting = this.#clock.after(endMs, () => this.#finish())
    const isDone = this.#guarded('proxy_on_done', 0) !== 0
    if (isDone) this.#finish()
  }

  [Symbol.dispose](): void {
    this.#ended = () => undefined
    this.#end()
  }

  done(): Status {
    if (this.#state !== 'waiting-for-done') return status.notFound
    this.#vm.afterCall(() => this.#finish())
    return status.ok
  }

  setTickPeriod(ms: number): void {
    if (this.#state !== 'ended') this.#ticks.set(ms)
  }

  lastStatus(): { readonly code: number; readonly message: string } {
    return this.#delivery.status ?? noStatus
  }

  readableMap(type: MapType): HeaderMap | null {
    return this.#delivery.maps?.[type] ?? null
  }

  writableMap(): HeaderMap | null {
    return null
  }

  buffer(type: BufferType): Uint8Array | null {
    if (type === bufferType.vmConfiguration) return this.settings.vmConfiguration
    if (type === bufferType.pluginConfiguration) return this.settings.configuration
    const delivered = this.#delivery.buffer
    return delivered?.type === type ? delivered.bytes : null
  }

  spliceBuffer(): Status {
    return status.badArgument
  }

  property(path: readonly string[]): Uint8Array | null {
    return this.#property(path)
  }

  setProperty(): Status {
    return status.notFound
  }

  /** There is no stream that could be paused: as with one that is not, this does nothing. */
  continueStream(): Status {
    return status.ok
  }

  closeStream(): Status {
    return status.ok
  }

  sendLocalResponse(): Status {
    return status.badArgument
  }

  clearRouteCache(): void {}

  queueReady(token: number): void {
    this.#deliver('proxy_on_queue_ready', noDelivery, token)
  }

  httpDone(...[id, answer, outcome]: Parameters<CallOutListener['httpDone']>): void {
    const { headers = [], body = nothing, trailers = [] } = answer ?? {}
    const delivery: Delivery = {
      status: outcome,
      ...(answer && {
        maps: {
          [mapType.callResponseHeaders]: readOnlyMap(headers),
          [mapType.callResponseTrailers]: readOnlyMap(trailers),
        },
        buffer: { type: bufferType.callResponseBody, bytes: body },
      }),
    }
    const counts = [headers.length / 2, body.length, trailers.length / 2] as const
    this.#deliver('proxy_on_http_call_response', delivery, id, ...counts)
  }

  grpcInitialMetadata(id: number, metadata: readonly string[]): void {
    const maps = { [mapType.grpcInitialMetadata]: readOnlyMap(metadata) }
    this.#deliver('proxy_on_grpc_receive_initial_metadata', { maps }, id, metadata.length / 2)
  }

  grpcMessage(id: number, message: Uint8Array): void {
    const buffer = { type: bufferType.grpcMessage, bytes: message }
    this.#deliver('proxy_on_grpc_receive', { buffer }, id, message.length)
  }

  grpcTrailingMetadata(id: number, metadata: readonly string[]): void {
    const maps = { [mapType.grpcTrailingMetadata]: readOnlyMap(metadata) }
    this.#deliver('proxy_on_grpc_receive_trailing_metadata', { maps }, id, metadata.length / 2)
  }

  grpcClosed(id: number, code: number, message: string): void {
    this.#deliver('proxy_on_grpc_close', { status: { code, message } }, id, code)
  }

  /** Calls the guest with what it is told of, when no call is running; nothing once this has ended. */
  #deliver(callback: CallbackName, delivery: Delivery, ...args: Arguments): void {
    this.#vm.afterCall(() => {
      if (this.#state !== 'running' && this.#state !== 'waiting-for-done') return
      this.#delivery = delivery
      this.#guarded(callback, ...args)
      this.#delivery = noDelivery
    })
  }

  /** A call that nobody waits for: who runs the plugin is told of a failure by its meter, and by the death of the VM. */
  #guarded(callback: CallbackName, ...args: Arguments): number | null {
    if (this.#vm.isDead) return null
    try {
      return this.#vm.call(callback, this, ...args)
    } catch (cause) {
      if (cause instanceof PluginError) return null
      throw cause
    }
  }

  /** The guest is done, or has had its time. */
  #finish(): void {
    if (this.#state !== 'waiting-for-done') return
    this.#release()
    this.#guarded('proxy_on_delete', 0)
    this.#end()
  }

  #end(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#release()
    this.#stopListening()
    this.#vm.forget(this.id)
    this.#ended()
  }

  #release(): void {
    this.#stopWaiting()
    this.#ticks[Symbol.dispose]()
    this.calls[Symbol.dispose]()
  }
}

type Arguments = readonly [a: number, b?: number, c?: number, d?: number, e?: number]
