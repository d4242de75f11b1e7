import type { PluginSpec, WasmSettings } from '../../../chains/plugins.ts'
import type { PluginLoader } from '../../plugin/contract.ts'
import { httpWasmLoader } from '../http-wasm/http-wasm-plugin.ts'
import { compileWasm } from '../module/compile.ts'
import { wasmServices } from '../services.ts'
import { SharedStateHome } from '../shared/home.ts'
import { WorkerSharedState } from '../shared/worker-state.ts'
import { wasmLoader } from '../wasm-plugin.ts'
import { type GuestParts, guest } from './guests.ts'

/** The loader of a worker, with the state of one. */
export interface TestLoader extends Disposable {
  readonly loader: PluginLoader
  /** That plugin with a guest as its module. */
  specOf(spec: PluginSpec, parts: GuestParts, settings?: Partial<WasmSettings>): PluginSpec
}

/** A loader as a worker has it. */
export function openLoader(): TestLoader {
  const home = new SharedStateHome()
  const shared = new WorkerSharedState(home.seat())
  return {
    loader: wasmLoader(wasmServices(shared), httpWasmLoader()),
    specOf(spec, parts, settings = {}) {
      const { memoryMiB } = spec.policy.limits
      const { module } = compileWasm(guest(parts), { name: spec.origin, memoryMiB })
      const wasm: WasmSettings = {
        abi: 'proxy-wasm',
        module,
        digest: JSON.stringify(parts),
        rootId: 'root of it',
        vmId: '',
        vmConfiguration: new Uint8Array(0),
        configuration: new Uint8Array(0),
        environment: {},
        bodyWhileHeadersHeld: false,
        capabilities: null,
        ...settings,
      }
      return { ...spec, language: 'wasm', source: '', wasm }
    },
    [Symbol.dispose]() {
      shared[Symbol.dispose]()
      home[Symbol.dispose]()
    },
  }
}
