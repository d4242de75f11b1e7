import type { PluginSpec, WasmSettings } from '../../../chains/plugins.ts'
import { fuelExport, tickImport } from '../../metering/meter.ts'
import { PluginError } from '../../plugin/contract.ts'
import { Watch } from '../../quickjs/watch.ts'
import {
  type AbiVersion,
  abiVersions,
  type HostContext,
  status,
  type VirtualMachine,
  type VirtualMachineHost,
  type VirtualMachinePorts,
} from '../contract.ts'
import { markerOf } from '../module/host-functions.ts'
import type { Wasi } from '../wasi.ts'
import { type CallbackName, callbackNames } from './callbacks.ts'
import type { Access, Caller, HostFunction } from './caller.ts'
import { failureOf } from './failure.ts'
import { GuestLog } from './guest-log.ts'
import { GuestMemory } from './guest-memory.ts'
import { hostImports } from './imports/all.ts'
import { wasiOf } from './imports/wasi.ts'
import { checkPhase, type Phase } from './phases.ts'

/** Time for a guest to start and to read its configuration; or the time of a call, where that is more. */
export const loadMs = 2_000
/** Contexts that an instance can have at once. */
export const maxContexts = 100_000

/**
 * Makes an instance of `spec.wasm.module` and runs its start functions: a millisecond, and what they take.
 * Throws a `PluginError` when they fail. `spec` is whom log lines and errors name until a context is called.
 */
export function createVirtualMachine(
  spec: PluginSpec,
  host: VirtualMachineHost,
  ports: VirtualMachinePorts,
): VirtualMachine {
  return new Machine(spec, host, ports)
}

type GuestFunction = (...args: readonly number[]) => unknown

class Machine implements VirtualMachine, Caller {
  readonly abi: AbiVersion
  readonly settings: WasmSettings
  readonly memory = new GuestMemory((weight) => this.worked(weight))
  readonly log: GuestLog
  readonly host: VirtualMachineHost
  readonly ports: VirtualMachinePorts
  callback: CallbackName | null = null
  readonly #owner: PluginSpec
  readonly #watch = new Watch()
  readonly #callbacks = new Map<CallbackName, GuestFunction>()
  readonly #contexts = new Map<number, HostContext>()
  readonly #deathListeners = new Set<(error: Error) => void>()
  readonly #wasi: Wasi
  #phase: Phase = 'starting'
  #lastId = 0
  /** The context that was called, and the one the guest chose in its place. */
  #called: HostContext | null = null
  #chosen: HostContext | null = null
  #isRunning = false
  #afterCall: (() => void)[] = []
  /** What a host function failed with: a guest may catch it, but not go on. */
  #fault: { readonly cause: unknown } | null = null
  #death: PluginError | null = null

  constructor(spec: PluginSpec, host: VirtualMachineHost, ports: VirtualMachinePorts) {
    if (!spec.wasm) throw new Error(`plugin ${spec.name} is no WebAssembly module`)
    this.#owner = spec
    this.settings = spec.wasm
    this.host = host
    this.ports = ports
    this.log = new GuestLog(host.tools)
    this.#wasi = wasiOf(this)
    const exported = new Set(WebAssembly.Module.exports(spec.wasm.module).map(({ name }) => name))
    this.abi = abiVersions.findLast((one) => exported.has(markerOf(one))) ?? '0.2.1'
    this.#start(spec.wasm.module)
  }

  get isDead(): boolean {
    return this.#death !== null
  }

  get memoryBytes(): number {
    return this.memory.size
  }

  get spec(): PluginSpec {
    return this.#called?.root.spec ?? this.#owner
  }

  get context(): HostContext {
    const chosen = this.#chosen
    if (chosen !== null && this.#contexts.get(chosen.id) === chosen) return chosen
    if (this.#called === null) throw new Error('no context is called')
    return this.#called
  }

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  register(context: HostContext): void {
    if (this.#contexts.size >= maxContexts) {
      throw new PluginError(context.root.spec, 'limit', null, `it has ${maxContexts} contexts already`)
    }
    this.#contexts.set(context.id, context)
  }

  forget(id: number): void {
    this.#contexts.delete(id)
  }

  setEffectiveContext(id: number): boolean {
    const context = id === 0 ? null : this.#contexts.get(id)
    if (context === undefined) return false
    this.#chosen = context
    return true
  }

  worked(weight: number): void {
    if (weight > 0) this.#watch.called(weight)
  }

  has(callback: CallbackName): boolean {
    return this.#callbacks.has(callback)
  }

  call(callback: CallbackName, context: HostContext, a: number, b = 0, c = 0, d = 0, e = 0): number | null {
    if (this.#death) throw this.#isDeadFor(context)
    const run = this.#callbacks.get(callback)
    if (run === undefined) return null
    const result = this.#enter(callback, context, () => run(context.id, a, b, c, d, e))
    return typeof result === 'number' ? result : 0
  }

  afterCall(action: () => void): void {
    if (this.#isRunning) this.#afterCall.push(action)
    else action()
  }

  onDeath(listener: (error: Error) => void): () => void {
    this.#deathListeners.add(listener)
    return () => this.#deathListeners.delete(listener)
  }

  [Symbol.dispose](): void {
    if (!this.#death) this.#die(new PluginError(this.#owner, 'crash', null, 'its instance was disposed of'))
  }

  #start(module: WebAssembly.Module): void {
    const imports = {
      ...hostImports(this, this.#wasi, (...host) => this.#guarded(...host)),
      [tickImport.module]: { [tickImport.name]: () => (this.#fault ? -1 : this.#watch.tick()) },
    }
    this.#run('its start function', loadMs, () => {
      const { exports } = new WebAssembly.Instance(module, imports)
      this.#attach(exports)
      this.#runStartFunctions(exports)
    })
    this.#phase = 'started'
  }

  #attach(exports: WebAssembly.Exports): void {
    this.#watch.attach(exports[fuelExport] as WebAssembly.Global)
    const allocate = (exports.malloc ?? exports.proxy_on_memory_allocate) as (size: number) => number
    this.memory.attach(exports.memory as WebAssembly.Memory, (size) => {
      const before = this.#phase
      this.#phase = 'allocating'
      try {
        return allocate(size)
      } finally {
        this.#phase = before
      }
    })
    const allowed = this.settings.capabilities
    for (const name of callbackNames) {
      const exported = exports[name]
      if (typeof exported !== 'function' || (allowed && !allowed.includes(name))) continue
      this.#callbacks.set(name, exported as GuestFunction)
    }
  }

  /** A reactor initializes and then runs its main function, if it has one; a command has only `_start`. */
  #runStartFunctions(exports: WebAssembly.Exports): void {
    const run = (name: string, ...args: readonly number[]): boolean => {
      const exported = exports[name]
      if (typeof exported !== 'function') return false
      exported(...args)
      return true
    }
    if (run('_initialize')) run('main', 0, 0) || run('__main_void')
    else run('_start')
  }

  #guarded(name: string, access: Access, run: HostFunction): HostFunction {
    const arity = run.length
    return (...args) => {
      if (this.#fault) throw this.#fault.cause
      if (this.#death) throw this.#death
      try {
        checkPhase(name, access, this.#phase)
        this.#watch.called(1)
        // Old SDKs declare some functions with fewer parameters than they have.
        return args.length < arity ? status.unimplemented : run(...args)
      } catch (cause) {
        this.#fault ??= { cause }
        throw cause
      }
    }
  }

  /** Calls into the guest for a context, and does then what was deferred; a call inside that has its own. */
  #enter(callback: CallbackName, context: HostContext, run: () => unknown): unknown {
    if (this.#isRunning) throw new Error('a guest cannot be entered while it runs')
    const { root } = context
    const deferred: (() => void)[] = []
    const { meter } = root
    const { clock } = this.host.tools
    const startedAt = clock.now()
    const exchange = context.exchange ?? undefined
    this.#called = context
    this.callback = callback
    this.#afterCall = deferred
    const isLoading = root.id === context.id && loading.has(callback)
    const callMs = root.spec.policy.limits.callMs
    let result: unknown
    try {
      result = this.#run(callback, isLoading ? Math.max(loadMs, callMs) : callMs, run)
    } catch (cause) {
      meter.called(clock.now() - startedAt, exchange)
      if (cause instanceof PluginError) meter.failed(cause.kind, cause, exchange)
      throw cause
    } finally {
      this.#called = null
      this.#chosen = null
      this.callback = null
    }
    meter.called(clock.now() - startedAt, exchange)
    for (const action of deferred) action()
    return result
  }

  /** Runs the guest. Whatever goes wrong in there is its end. */
  #run(name: string, limitMs: number, run: () => unknown): unknown {
    this.#watch.start(limitMs)
    this.#isRunning = true
    try {
      const result = run()
      if (this.#fault) throw this.#fault.cause
      if (this.#death) throw this.#death
      if (this.#watch.isStopped) throw new Error('it was stopped')
      return result
    } catch (thrown) {
      // It was disposed of by something that it called itself.
      if (this.#death) throw this.#death
      const error = failureOf(this.#fault?.cause ?? thrown, {
        spec: this.spec,
        name,
        watch: this.#watch,
        memoryBytes: this.memory.size,
      })
      this.#isRunning = false
      this.#die(error)
      throw error
    } finally {
      this.#isRunning = false
      this.#wasi.flush()
    }
  }

  /** Nothing of the instance is kept: its memory can be collected although this object is still held. */
  #die(error: PluginError): void {
    this.#death = error
    this.#afterCall = []
    this.#callbacks.clear()
    this.#contexts.clear()
    this.memory.detach()
    const listeners = [...this.#deathListeners]
    this.#deathListeners.clear()
    for (const listener of listeners) listener(error)
  }

  #isDeadFor(context: HostContext): PluginError {
    const { kind = 'crash', message = '' } = this.#death ?? {}
    return new PluginError(context.root.spec, kind, null, `its instance is dead: ${message}`)
  }
}

/** What a root context does before it can be used. */
const loading: ReadonlySet<CallbackName> = new Set([
  'proxy_on_context_create',
  'proxy_on_vm_start',
  'proxy_on_configure',
])
