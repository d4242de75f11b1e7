import { fuelExport, tickImport } from '../metering/meter.ts'
import type { EngineCode, EngineLimits } from './contract.ts'
import { GuestMemory, OutOfGuestMemory } from './guest-memory.ts'
import { bindLibrary, importNames, type Library } from './library.ts'
import { systemImports } from './system.ts'
import { Values } from './values.ts'
import type { Watch } from './watch.ts'

/** What the guest's own stack may take. With more, V8's stack would be the first to overflow, which ruins the instance. */
const stackBytes = 32_768
const noRoom = 'there is no memory for a guest'

/** One instance of the engine, ready for a guest: its functions, its memory, and the runtime and context in it. */
export interface Instance {
  readonly library: Library
  readonly memory: GuestMemory
  readonly values: Values
  readonly runtime: number
  readonly context: number
  /** The address of a constant. */
  readonly undefinedValue: number
}

/** What QuickJS asks of its host. Numbers are addresses; results are owned by the engine, and 0 is none. */
export interface InstanceHooks {
  normalizeModule(base: string, name: string): number
  loadModule(name: string): number
  callFunction(count: number, address: number, id: number): number
}

/**
 * Makes an instance: about a millisecond. Nothing of it needs to be freed: it is
 * gone when nobody holds it any more, whatever state it is in.
 */
export function createInstance(
  code: EngineCode,
  limits: EngineLimits,
  watch: Watch,
  hooks: InstanceHooks,
): Instance {
  const memory = new GuestMemory(limits.heapBytes)
  const tick = () => {
    memory.worked()
    const fuel = watch.tick()
    if (watch.isLate) memory.interruptSoon()
    return fuel
  }
  const system = systemImports(memory)
  let isMade = false
  const imports = {
    ...system,
    memory: memory.memory,
    // A context seeds its random numbers with the time; instances that are made at once must not draw the same.
    dateNow: () => (isMade ? Date.now() : Math.random() * Number.MAX_SAFE_INTEGER),
    localTime: (seconds: bigint, result: number) => {
      watch.called(1)
      return system.localTime(seconds, result)
    },
    interrupt: () => watch.interrupt(),
    callFunction: (_context: number, _this: number, count: number, address: number, id: number) => {
      watch.called(1)
      return hooks.callFunction(count, address, id)
    },
    normalizeModule: (_runtime: number, _context: number, base: number, name: number) =>
      hooks.normalizeModule(memory.text(base), memory.text(name)),
    loadModule: (_runtime: number, _context: number, name: number) => hooks.loadModule(memory.text(name)),
    freeReference: () => undefined,
  }
  const named = Object.entries(importNames).map(([name, imported]) => [
    imported,
    imports[name as keyof typeof imports],
  ])
  const { exports } = new WebAssembly.Instance(code.module, {
    a: Object.fromEntries(named),
    [tickImport.module]: { [tickImport.name]: tick },
  })
  watch.attach(exports[fuelExport] as WebAssembly.Global)
  const library = bindLibrary(exports)
  library.construct()
  const runtime = library.newRuntime()
  if (runtime === 0) throw new OutOfGuestMemory(noRoom)
  library.setMemoryLimit(runtime, limits.heapBytes)
  library.setMaxStackSize(runtime, stackBytes)
  library.enableInterruptHandler(runtime)
  library.enableModuleLoader(runtime, 1)
  const context = library.newContext(runtime, 0)
  if (context === 0) throw new OutOfGuestMemory(noRoom)
  isMade = true
  memory.watch(runtime, context)
  const values = new Values(library, memory, context)
  return { library, memory, values, runtime, context, undefinedValue: library.getUndefined() }
}
