import { MessageChannel } from 'node:worker_threads'
import type { Log } from '../chains/context.ts'
import type { Model } from '../chains/model.ts'
import { KeyValueClient } from '../sandbox/plugin/kv-port.ts'
import { makeLoaders, makeWasmLoader } from '../sandbox/plugin/loaders.ts'
import { FaultyPlugins } from '../sandbox/plugin/roster.ts'
import { loadSandboxCode } from '../sandbox/plugin/sandbox-code.ts'
import { SharedStateHome } from '../sandbox/wasm/shared/home.ts'
import type { Fault } from './config/fault.ts'
import { createDataPlane } from './data-plane.ts'
import { WorkerMeter } from './telemetry/worker-meter.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Loads every plugin of a model as a worker would, and lets go of it again: what a config cannot say by itself. Opens
 * no port. Gives all that would be refused, in the order of the model; not those that could not be compiled.
 */
export async function tryPlugins(model: Model): Promise<readonly Fault[]> {
  if (model.plugins.length === 0) return []
  using home = model.plugins.some(({ wasm }) => wasm) ? new SharedStateHome() : null
  const wasm = home && (await makeWasmLoader(home.seat(), silent))
  const loaders = makeLoaders(await loadSandboxCode(), wasm)
  const meter = new WorkerMeter()
  using keyValues = new KeyValueClient(new MessageChannel().port1)
  const plane = createDataPlane({
    log: silent,
    meter,
    writeAccessLog: () => {},
    reusePort: false,
    idPrefix: 'trial',
    plugins: { keyValueOf: (plugin) => keyValues.of(plugin), metrics: meter.scripts },
  })
  try {
    const prepared = await plane.prepare(1, { ...model, listeners: [] }, [], {
      loaders,
      tolerated: model.plugins.filter(({ faults = [] }) => faults.length > 0),
    })
    await prepared.discard()
    return []
  } catch (thrown) {
    if (!(thrown instanceof FaultyPlugins)) throw thrown
    return thrown.faults.map(({ plugin, position, reason }) => ({
      file: position?.file ?? model.plugins.find(({ name }) => name === plugin)?.origin ?? '',
      line: position?.line ?? 0,
      column: position?.column ?? 0,
      path: '',
      resource: `Plugin ${plugin}`,
      message: reason,
    }))
  }
}
