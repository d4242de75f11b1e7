import type { WasmSettings } from '../../../chains/plugins.ts'
import { type ManualClock, manualClock, recordingTools } from '../../../chains/policy/testing.ts'
import type { PluginErrorKind } from '../../plugin/contract.ts'
import { testSpec } from '../../plugin/testing/kit.ts'
import type {
  CallOutListener,
  CallOuts,
  RootContext,
  VirtualMachine,
  VirtualMachineHost,
  VirtualMachinePorts,
} from '../contract.ts'
import { status } from '../contract.ts'
import { compileWasm } from '../module/compile.ts'
import { createRootContext } from '../proxy-wasm/root-context.ts'
import { createVirtualMachine } from '../proxy-wasm/virtual-machine.ts'
import { foreignFunctions } from '../shared/foreign-functions.ts'
import { SharedStateHome } from '../shared/home.ts'
import { WasmMetrics } from '../shared/metrics.ts'
import { WorkerSharedState } from '../shared/worker-state.ts'

/** What a test says of a plugin, beside its module. */
export interface WorldOptions {
  readonly settings?: Partial<WasmSettings>
  readonly callMs?: number
  readonly memoryMiB?: number
  /** Time as the test has it; otherwise that of the machine. */
  readonly clock?: ManualClock
}

/** A guest with its VM and a root context that is not started, and what was seen of it from outside. */
export interface World extends Disposable {
  readonly vm: VirtualMachine
  readonly root: RootContext
  readonly lines: { readonly level: string; readonly text: string }[]
  readonly failures: { readonly kind: PluginErrorKind; readonly message: string }[]
  readonly calls: TestCallOuts
  readonly ports: VirtualMachinePorts
  /** Another plugin in the same VM. */
  another(name: string, settings?: Partial<WasmSettings>): RootContext
}

/** Call-outs that go nowhere: the test answers them. */
export interface TestCallOuts {
  listener: CallOutListener | null
  readonly asked: { readonly id: number; readonly upstream: string }[]
  isDisposed: boolean
}

/** Loads a guest as a worker would, with the real shared state and foreign functions, but with no network. */
export function openWorld(bytes: Uint8Array, options: WorldOptions = {}): World {
  const { callMs = 200, memoryMiB = 4 } = options
  const code = compileWasm(bytes, { name: 'guest.wasm', memoryMiB })
  const limits = { callMs, memoryMiB, bufferKiB: 64, pauseMs: 1_000 }
  const specOf = (name: string, settings?: Partial<WasmSettings>) =>
    testSpec(name, { limits }, { language: 'wasm', wasm: { ...settingsOf(code.module), ...settings } })
  const lines: { level: string; text: string }[] = []
  const failures: { kind: PluginErrorKind; message: string }[] = []
  const host = hostOf(lines, failures, options.clock ?? manualClock())
  const calls: TestCallOuts = { listener: null, asked: [], isDisposed: false }
  const home = new SharedStateHome()
  const shared = new WorkerSharedState(home.seat())
  const silent = { add() {}, set() {}, observe() {} }
  const metrics = new WasmMetrics('tried', { metric: () => silent }, shared)
  const ports = { shared, foreign: foreignFunctions(), metrics }
  const close = () => {
    metrics[Symbol.dispose]()
    shared[Symbol.dispose]()
    home[Symbol.dispose]()
  }
  try {
    const spec = specOf('tried', options.settings)
    const vm = createVirtualMachine(spec, host, ports)
    const rootOf = (of: typeof spec) =>
      createRootContext({ vm, spec: of, host, callOuts: callOutsInto(calls), property: () => null })
    return {
      ...{ vm, lines, failures, calls, ports },
      root: rootOf(spec),
      another: (name, settings) => rootOf(specOf(name, settings)),
      [Symbol.dispose]() {
        vm[Symbol.dispose]()
        close()
      },
    }
  } catch (error) {
    close()
    throw error
  }
}

function settingsOf(module: WebAssembly.Module): WasmSettings {
  return {
    abi: 'proxy-wasm',
    module,
    digest: '',
    rootId: 'root of it',
    vmId: 'machine',
    vmConfiguration: Buffer.from('of the vm'),
    configuration: Buffer.from('of the plugin!'),
    environment: {},
    bodyWhileHeadersHeld: false,
    capabilities: null,
  }
}

function hostOf(
  lines: { level: string; text: string }[],
  failures: { kind: PluginErrorKind; message: string }[],
  clock: ManualClock,
): VirtualMachineHost {
  const keep = (level: string) => (text: string) => void lines.push({ level, text })
  const log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
  return {
    tools: { ...recordingTools({ clock }), log },
    meter: {
      called: () => {},
      failed: (kind, { message }) => void failures.push({ kind, message }),
      restarted: () => {},
    },
  }
}

function callOutsInto(calls: TestCallOuts) {
  return (listener: CallOutListener, nextId: () => number): CallOuts => {
    calls.listener = listener
    const ask = (upstream: string) => {
      const id = nextId()
      calls.asked.push({ id, upstream })
      return { id }
    }
    return {
      http: (upstream) => ask(upstream),
      grpcCall: (upstream) => ask(Buffer.from(upstream).toString()),
      grpcStream: (upstream) => ask(Buffer.from(upstream).toString()),
      grpcSend: () => status.ok,
      grpcEnd: () => status.ok,
      [Symbol.dispose]: () => {
        calls.isDisposed = true
      },
    }
  }
}
