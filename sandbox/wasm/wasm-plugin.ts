import type { PluginSpec } from '../../chains/plugins.ts'
import { Restarts } from '../javascript/restarts.ts'
import {
  PluginError,
  PluginFault,
  type PluginHost,
  type PluginLoader,
  pluginFailure,
  type SandboxedPlugin,
} from '../plugin/contract.ts'
import { httpFilter } from './binding/http.ts'
import { tcpFilter } from './binding/tcp.ts'
import { PluginInstance } from './instance.ts'
import { Machines } from './machines.ts'
import type { PropertyStore } from './proxy-wasm/properties/stream-properties.ts'
import { loadMs } from './proxy-wasm/virtual-machine.ts'
import type { WasmServices } from './services.ts'

/**
 * The loader of WebAssembly plugins, one for each worker: what it loads shares instances. Modules of the
 * other ABI go to `httpWasm`.
 */
export function wasmLoader(services: WasmServices, httpWasm: PluginLoader): PluginLoader {
  const machines = new Machines(services)
  const store: PropertyStore = new WeakMap()
  return (spec, host) => {
    if (!spec.wasm) throw new PluginFault(spec, null, 'there is no module; a Wasm plugin has one')
    if (spec.wasm.abi === 'http-wasm') return httpWasm(spec, host)
    const make = () => new PluginInstance({ spec, host, services, machines, store })
    const hold = holdShared(spec, spec.wasm.vmId, services)
    try {
      return proxyWasmPlugin(spec, host, make, hold)
    } catch (thrown) {
      hold[Symbol.dispose]()
      throw thrown
    }
  }
}

/** Keeps what a vm id shares for as long as the plugin is loaded, whatever instances die meanwhile. */
function holdShared(spec: PluginSpec, vmId: string, { shared }: WasmServices): Disposable {
  try {
    return shared.acquire(vmId)
  } catch (thrown) {
    throw new PluginFault(spec, null, thrown instanceof Error ? thrown.message : String(thrown))
  }
}

const httpCallbacks = ['request', 'response'].flatMap((way) =>
  (['headers', 'body', 'trailers'] as const).map((part) => `proxy_on_${way}_${part}` as const),
)
const tcpCallbacks = [
  'proxy_on_new_connection',
  'proxy_on_downstream_data',
  'proxy_on_upstream_data',
  'proxy_on_downstream_connection_close',
  'proxy_on_upstream_connection_close',
]
const streamCallbacks = ['proxy_on_context_create', 'proxy_on_done', 'proxy_on_log', 'proxy_on_delete']

/** Which kinds of chains its module has callbacks for. One that has but those of any stream is for HTTP. */
function kindsOf({ wasm }: PluginSpec): { readonly isHttp: boolean; readonly isTcp: boolean } {
  const names = wasm ? WebAssembly.Module.exports(wasm.module).map(({ name }) => name) : []
  const has = (callbacks: readonly string[]) => callbacks.some((callback) => names.includes(callback))
  const isTcp = has(tcpCallbacks)
  return { isTcp, isHttp: has(httpCallbacks) || (!isTcp && has(streamCallbacks)) }
}

function proxyWasmPlugin(
  spec: PluginSpec,
  host: PluginHost,
  make: () => PluginInstance,
  hold: Disposable,
): SandboxedPlugin {
  const restarts = new Restarts(host.tools.clock, spec.policy.limits.callMs, loadMs)
  const dead = (reason: string) => pluginFailure(new PluginError(spec, 'crash', null, reason))
  let instance = restarts.run(make)
  let isDisposed = false
  const current = () => {
    if (isDisposed) throw dead('it was taken out')
    if (!instance.isDead) return instance
    if (restarts.isHeldBack) throw dead('it is held back: it died, and starting it takes long')
    host.meter.restarted()
    instance[Symbol.dispose]()
    try {
      instance = restarts.run(make)
    } catch (thrown) {
      throw dead(`it could not be started again: ${thrown instanceof Error ? thrown.message : thrown}`)
    }
    return instance
  }
  const { isHttp, isTcp } = kindsOf(spec)
  return {
    http: () => (isHttp ? httpFilter(current) : null),
    tcp: () => (isTcp ? tcpFilter(current) : null),
    usage: () => ({ heapBytes: instance.memoryBytes, exchanges: instance.streams }),
    [Symbol.dispose]() {
      if (isDisposed) return
      isDisposed = true
      instance.unload()
      hold[Symbol.dispose]()
    },
  }
}
