import { fuelExport, type MeterOptions, meter, tickImport } from '../meter.ts'

/** Options under which nothing runs out. */
export const ample: MeterOptions = {
  mode: 'trap',
  initialFuel: 2 ** 31 - 1,
  maxPages: 1_000,
  maxTable: 10_000,
}

/** Both modes; every test of behaviour holds in both. */
export const modes = ['trap', 'tick'] as const

/** A metered module that runs. */
export interface Metered {
  readonly exports: WebAssembly.Exports
  /** Calls an exported function. */
  run(name: string, ...values: readonly unknown[]): unknown
  readonly fuel: WebAssembly.Global
  /** How often the host was asked for fuel. */
  readonly ticks: number
}

/** Meters a module and starts it. In tick mode the host gives `refills`, and then -1 for ever. */
export function startMetered(
  bytes: Uint8Array,
  options: Partial<MeterOptions> = {},
  imports: WebAssembly.Imports = {},
  refills: readonly number[] = [],
): Metered {
  let ticks = 0
  const tick = (): number => refills[ticks++] ?? -1
  const metered = meter(bytes, { ...ample, ...options })
  const module = new WebAssembly.Module(new Uint8Array(metered))
  const all = { ...imports, [tickImport.module]: { [tickImport.name]: tick } }
  const { exports } = new WebAssembly.Instance(module, all)
  return {
    exports,
    run: (name, ...values) => call(exports, name, values),
    fuel: exports[fuelExport] as WebAssembly.Global,
    get ticks() {
      return ticks
    },
  }
}

/** Calls an export that must be a function. */
export function call(exports: WebAssembly.Exports, name: string, values: readonly unknown[] = []): unknown {
  return (exports[name] as (...values: readonly unknown[]) => unknown)(...values)
}

/** What a call gives: its results, or how it failed. Never throws. */
export function outcome(run: () => unknown): string {
  try {
    const result = run()
    return String(Array.isArray(result) ? result.join() : result)
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}
