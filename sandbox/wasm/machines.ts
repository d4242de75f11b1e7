import { createHash } from 'node:crypto'
import type { PluginSpec, WasmSettings } from '../../chains/plugins.ts'
import type { PluginHost } from '../plugin/contract.ts'
import type { VirtualMachine } from './contract.ts'
import { createVirtualMachine } from './proxy-wasm/virtual-machine.ts'
import type { WasmServices } from './services.ts'

/** A plugin's hold on an instance. When the last is given back, the instance is gone. */
export interface MachineLease extends Disposable {
  readonly vm: VirtualMachine
}

interface Machine {
  readonly vm: VirtualMachine
  holders: number
  close(): void
}

/** The instances of one worker: one for each module, VM id, VM configuration and environment. */
export class Machines {
  readonly #services: WasmServices
  readonly #machines = new Map<string, Machine>()

  constructor(services: WasmServices) {
    this.#services = services
  }

  /** The instance of that plugin, a fresh one if there is none or it is dead. Throws a `PluginError` when it cannot be started. */
  lease(spec: PluginSpec, settings: WasmSettings, host: PluginHost): MachineLease {
    const key = keyOf(spec, settings)
    let machine = this.#machines.get(key)
    if (!machine || machine.vm.isDead) {
      machine = this.#start(spec, host)
      this.#machines.set(key, machine)
    }
    const held = machine
    held.holders += 1
    let isHeld = true
    return {
      vm: held.vm,
      [Symbol.dispose]: () => {
        if (!isHeld) return
        isHeld = false
        held.holders -= 1
        if (held.holders > 0) return
        if (this.#machines.get(key) === held) this.#machines.delete(key)
        held.close()
      },
    }
  }

  #start(spec: PluginSpec, host: PluginHost): Machine {
    const metrics = this.#services.metrics(spec, host)
    const { shared, foreign } = this.#services
    try {
      const vm = createVirtualMachine(spec, host, { shared, foreign, metrics })
      const close = () => {
        vm[Symbol.dispose]()
        metrics[Symbol.dispose]()
      }
      return { vm, holders: 0, close }
    } catch (thrown) {
      metrics[Symbol.dispose]()
      throw thrown
    }
  }
}

/** What may be shared. The limit on memory is in the module; capabilities hold for an instance as a whole. */
function keyOf({ policy }: PluginSpec, settings: WasmSettings): string {
  const { digest, vmId, vmConfiguration, environment, capabilities } = settings
  const parts = [
    digest,
    vmId,
    Buffer.from(vmConfiguration).toString('base64'),
    JSON.stringify(Object.entries(environment).sort(([one], [other]) => (one < other ? -1 : 1))),
    JSON.stringify(capabilities && [...capabilities].sort()),
    String(policy.limits.memoryMiB),
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
