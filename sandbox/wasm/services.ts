import type { PluginSpec } from '../../chains/plugins.ts'
import type { PluginHost } from '../plugin/contract.ts'
import { makeCallOuts } from './callouts/call-outs.ts'
import type { CallOutListener, CallOuts, ForeignFunctions, MetricsPort, SharedState } from './contract.ts'
import { foreignFunctions } from './shared/foreign-functions.ts'
import { WasmMetrics } from './shared/metrics.ts'

/** What all Proxy-Wasm plugins of a worker have of it. */
export interface WasmServices {
  readonly shared: SharedState
  readonly foreign: ForeignFunctions
  /** The metrics of one instance; it ends with that. */
  metrics(spec: PluginSpec, host: PluginHost): MetricsPort & Disposable
  callOuts(spec: PluginSpec, host: PluginHost, listener: CallOutListener, nextId: () => number): CallOuts
}

/** The services of a worker, which has this part of the shared state. */
export function wasmServices(shared: SharedState): WasmServices {
  return {
    shared,
    foreign: foreignFunctions(),
    metrics: ({ name }, { metrics }) => new WasmMetrics(name, metrics, shared),
    callOuts: makeCallOuts,
  }
}
