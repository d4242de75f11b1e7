import type { Context, Log } from '../../../chains/context.ts'
import type { PluginSpec, WasmSettings } from '../../../chains/plugins.ts'
import { fuelExport, tickImport } from '../../metering/meter.ts'
import { PluginError, PluginFault, type PluginHost } from '../../plugin/contract.ts'
import { Watch } from '../../quickjs/watch.ts'
import { type CompilerFunction, handlerModule } from '../module/host-functions.ts'
import { createWasi, type Wasi, wasiModules } from '../wasi.ts'
import { allFeatures, type HttpWasmExchange } from './exchange.ts'
import { handlerFunctions } from './functions.ts'
import { GuestFault, GuestMemory } from './guest-memory.ts'

/** Lines that a guest may log in one call. */
const mostLines = 100
type AnyFunction = (...args: never[]) => unknown

/**
 * One instance of a module, for one exchange at a time: what a guest remembers between `handle_request` and
 * `handle_response` is in its memory. Any failure is the end of it.
 */
export class HttpWasmGuest {
  readonly #spec: PluginSpec
  readonly #host: PluginHost
  readonly #settings: WasmSettings
  readonly #watch = new Watch()
  readonly #wasi: Wasi
  readonly #log: Log
  #memory: GuestMemory | null = null
  #fuel: WebAssembly.Global | null = null
  #exports: WebAssembly.Exports | null = null
  #exchange: HttpWasmExchange | null = null
  #features = 0
  #fault: GuestFault | null = null
  /** A function of ours was entered and has not returned: V8's stack may have overflowed in it. */
  #isInHost = false
  #lines = 0

  /** Starts the guest within `loadMs`. Throws a {@link PluginFault} when it does not start. */
  constructor(spec: PluginSpec, settings: WasmSettings, host: PluginHost, loadMs: number) {
    this.#spec = spec
    this.#settings = settings
    this.#host = host
    this.#log = this.#boundedLog()
    this.#wasi = createWasi({
      memory: () => this.#memoryNow.memory,
      print: (descriptor, line) => this.#log[descriptor === 1 ? 'info' : 'error'](line),
      environment: settings.environment,
      exit: (code) => {
        throw new GuestFault(`it called proc_exit(${code})`, 'crash')
      },
    })
    try {
      this.#run(loadMs, () => this.#start())
    } catch (thrown) {
      throw thrown instanceof PluginFault ? thrown : new PluginFault(spec, null, this.#failure(thrown).reason)
    }
  }

  get isDead(): boolean {
    return this.#exports === null
  }

  get memoryBytes(): number {
    return this.#memory?.byteLength ?? 0
  }

  /** What it has turned on for all exchanges. */
  get features(): number {
    return this.#features
  }

  /** Calls `handle_request`. Throws a `PluginError`, and is dead then. */
  handleRequest(exchange: HttpWasmExchange): { readonly isNext: boolean; readonly context: number } {
    const result = this.#call(exchange, 'handle_request', (exported) => {
      const given = exported()
      if (typeof given !== 'bigint') throw new GuestFault('handle_request must give an i64')
      exchange.checkRequest()
      return given
    })
    return { isNext: (result & 0xffff_ffffn) === 1n, context: Number(BigInt.asIntN(32, result >> 32n)) }
  }

  /** Calls `handle_response`. Throws a `PluginError`, and is dead then. */
  handleResponse(exchange: HttpWasmExchange, context: number, isError: boolean): void {
    this.#call(exchange, 'handle_response', (exported) => exported(context, isError ? 1 : 0))
  }

  /** Forgets the instance; whatever it holds is free. */
  end(): void {
    this.#exports = null
    this.#memory = null
    this.#fuel = null
  }

  get #memoryNow(): GuestMemory {
    if (!this.#memory)
      throw new GuestFault('a function of the host cannot be called before memory is exported')
    return this.#memory
  }

  #start(): void {
    const { exports } = new WebAssembly.Instance(this.#settings.module, this.#imports())
    const { memory, [fuelExport]: fuel } = exports
    if (!fuel) throw new GuestFault('its module is not metered')
    if (!memory) throw new GuestFault('it exports no memory')
    for (const name of ['handle_request', 'handle_response']) {
      if (typeof exports[name] !== 'function') throw new GuestFault(`it exports no function ${name}`)
    }
    this.#memory = new GuestMemory(memory as WebAssembly.Memory)
    this.#fuel = fuel as WebAssembly.Global
    this.#watch.attach(this.#fuel)
    this.#exports = exports
    const begin = exports._initialize ?? exports._start
    if (typeof begin === 'function') begin()
  }

  #imports(): WebAssembly.Imports {
    const memory = () => this.#memoryNow
    const exchange = () => {
      if (!this.#exchange) throw new GuestFault('there is no exchange before handle_request')
      return this.#exchange
    }
    const functions = handlerFunctions({
      get memory() {
        return memory()
      },
      get exchange() {
        return exchange()
      },
      configuration: this.#settings.configuration,
      log: this.#log,
      enable: (bits) => this.#enable(bits),
    })
    const { capabilities } = this.#settings
    const handler = Object.entries(functions).map(([name, call]) => {
      const isAllowed = capabilities === null || capabilities.includes(name)
      return [name, this.#guarded(isAllowed ? call : () => refuse(name))] as const
    })
    const wasi = Object.entries(this.#wasi.functions).map(
      ([name, call]) => [name, this.#guarded(call)] as const,
    )
    return {
      [handlerModule]: Object.fromEntries(handler),
      env: compilerFunctions,
      ...Object.fromEntries(wasiModules.map((name) => [name, Object.fromEntries(wasi)])),
      [tickImport.module]: { [tickImport.name]: () => (this.#fault ? -1 : this.#watch.tick()) },
    }
  }

  /** A guest can catch what is thrown in here; so the fault is remembered, and its fuel is gone. */
  #guarded(call: AnyFunction): AnyFunction {
    return (...args) => {
      if (this.#fault) throw this.#fault
      if (this.#isInHost) throw new GuestFault('its stack overflowed', 'crash')
      this.#isInHost = true
      this.#watch.called(1)
      try {
        const result = call(...args)
        this.#isInHost = false
        return result
      } catch (thrown) {
        this.#fault =
          thrown instanceof GuestFault ? thrown : new GuestFault((thrown as Error).message, 'crash')
        if (this.#fuel) this.#fuel.value = 0
        throw this.#fault
      }
    }
  }

  #enable(bits: number): number {
    if (this.#exchange) {
      this.#exchange.features |= bits & allFeatures
      return this.#exchange.features
    }
    this.#features |= bits & allFeatures
    return this.#features
  }

  #call<T>(
    exchange: HttpWasmExchange,
    name: string,
    enter: (exported: (...args: number[]) => unknown) => T,
  ): T {
    const exported = this.#exports?.[name]
    if (typeof exported !== 'function')
      throw new PluginError(this.#spec, 'crash', null, 'its instance is gone')
    this.#exchange = exchange
    try {
      return this.#run(this.#spec.policy.limits.callMs, () => enter(exported as never), exchange.cx)
    } catch (thrown) {
      const { kind, reason } = this.#failure(thrown)
      const error = new PluginError(this.#spec, kind, null, `${reason} in ${name}`)
      this.#host.meter.failed(kind, error, exchange.cx)
      throw error
    } finally {
      this.#exchange = null
    }
  }

  /** Enters the guest. What it throws must go through {@link #failure}. */
  #run<T>(limitMs: number, enter: () => T, cx?: Context): T {
    this.#watch.start(limitMs)
    this.#lines = 0
    const begun = performance.now()
    try {
      const result = enter()
      if (this.#fault) throw this.#fault
      if (this.#isInHost) throw new GuestFault('its stack overflowed', 'crash')
      return result
    } finally {
      this.#wasi.flush()
      if (cx) this.#host.meter.called(performance.now() - begun, cx)
    }
  }

  /** Why it failed; the instance is over with that. */
  #failure(thrown: unknown): { readonly kind: PluginError['kind']; readonly reason: string } {
    const memory = this.#memory
    this.end()
    const fault = this.#fault ?? (thrown instanceof GuestFault ? thrown : null)
    if (this.#watch.isStopped)
      return { kind: 'timeout', reason: `ran for more than ${this.#watch.limitMs} ms` }
    if (fault) return { kind: fault.kind, reason: fault.message }
    const reason = thrown instanceof Error ? `${thrown.message}${place(thrown)}` : String(thrown)
    if (thrown instanceof WebAssembly.RuntimeError && memory?.isNearlyFull) {
      return {
        kind: 'memory',
        reason: `used the ${this.#spec.policy.limits.memoryMiB} MiB that it may have, and then: ${reason}`,
      }
    }
    return { kind: 'crash', reason }
  }

  #boundedLog(): Log {
    const fields = { plugin: this.#spec.name }
    const writer = (level: keyof Log) => (message: string) => {
      this.#lines += 1
      if (this.#lines > mostLines + 1) return
      this.#host.tools.log[level](
        this.#lines > mostLines ? `more than ${mostLines} lines in one call; the rest is dropped` : message,
        fields,
      )
    }
    return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
  }
}

const compilerFunctions = {
  pthread_equal: (one: number, other: number) => (one === other ? 1 : 0),
  emscripten_notify_memory_growth: () => {},
} satisfies Record<CompilerFunction, AnyFunction>

function refuse(name: string): never {
  throw new GuestFault(`it is not allowed to call ${name}`)
}

/** In which function of the module it was, if the module says its name. */
function place({ stack = '' }: Error): string {
  const name = /^\s+at (\S+) \(wasm:\/\//m.exec(stack)?.[1]
  return name ? ` (in function ${name.slice(0, 200)})` : ''
}
