import { test } from 'tap'
import type { MeterOptions } from './meter.ts'
import { featureImports, featureModules } from './testing/feature-modules.ts'
import { call, modes, outcome, startMetered } from './testing/instances.ts'

const variants: readonly Partial<MeterOptions>[] = modes.flatMap((mode) => [
  { mode },
  { mode, leaf: 0, keepNames: true },
  { mode, cap: 1, leaf: 0 },
])

for (const { what, bytes, calls } of featureModules) {
  test(`${what}: works as without metering`, async (t) => {
    const told: number[] = []
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(bytes),
      featureImports((value) => told.push(value)),
    )
    const expected = calls.map(([name, ...values]) => outcome(() => call(exports, name, values)))
    for (const options of variants) {
      const toldNow: number[] = []
      const metered = startMetered(
        bytes,
        options,
        featureImports((value) => toldNow.push(value)),
      )
      const results = calls.map(([name, ...values]) => outcome(() => metered.run(name, ...values)))
      t.same(results, expected, JSON.stringify(options))
      t.same(toldNow, told)
      t.same(memoryOf(metered.exports), memoryOf(exports))
    }
  })
}

function memoryOf(exports: WebAssembly.Exports): Buffer | null {
  const { memory } = exports
  return memory instanceof WebAssembly.Memory ? Buffer.from(memory.buffer) : null
}
