import { test } from 'tap'
import { type MeterOptions, meter } from './meter.ts'
import { budget, type GeneratedModule, generateModule } from './testing/generate.ts'
import { ample, call, modes, outcome, startMetered } from './testing/instances.ts'

const modules = Array.from({ length: 60 }, (_, index) => ({ seed: index + 1, ...generateModule(index + 1) }))

const variants: readonly Partial<MeterOptions>[] = [
  ...modes.map((mode) => ({ mode })),
  { mode: 'trap', leaf: 0, cap: 1 },
  { mode: 'tick', leaf: 0, cap: 4 },
]

/** What all calls give and tell the host, and what they leave in memory. */
interface Behaviour {
  readonly results: readonly string[]
  readonly told: readonly number[]
  readonly memory: string
}

function behaviour(
  start: (imports: WebAssembly.Imports) => WebAssembly.Exports,
  calls: GeneratedModule['calls'],
): Behaviour {
  const told: number[] = []
  const exports = start({ host: { log: (value: number) => told.push(value) } })
  const results = calls.map(([name, ...values]) => callWithBudget(exports, name, values))
  const { buffer } = exports.memory as WebAssembly.Memory
  return { results, told, memory: Buffer.from(buffer).toString('latin1') }
}

function callWithBudget(exports: WebAssembly.Exports, name: string, values: readonly unknown[]): string {
  const left = exports.budget as WebAssembly.Global
  left.value = budget
  return outcome(() => call(exports, name, values))
}

const unmetered = ({ bytes, calls }: GeneratedModule): Behaviour =>
  behaviour((imports) => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports, calls)

test('made up modules are valid, and most of their calls give something', async (t) => {
  const results = modules.flatMap((module) => unmetered(module).results)
  const given = results.filter((result) => !result.includes(':'))
  t.ok(given.length > results.length / 4, `${given.length} of ${results.length}`)
})

test('metered modules give the same results, traps, calls of the host and memory', async (t) => {
  for (const module of modules) {
    const expected = unmetered(module)
    for (const options of variants) {
      const actual = behaviour(
        (imports) => startMetered(module.bytes, options, imports).exports,
        module.calls,
      )
      const isSame = JSON.stringify(actual) === JSON.stringify(expected)
      if (!isSame) t.same(actual.results, expected.results, `seed ${module.seed}, ${JSON.stringify(options)}`)
      t.ok(isSame, `seed ${module.seed}`)
    }
  }
})

test('a module runs to its end with just the fuel that it takes, and not with one unit less', async (t) => {
  for (const { seed, bytes, calls } of modules) {
    const run = (initialFuel: number) => {
      const metered = startMetered(bytes, { initialFuel }, { host: { log: () => {} } })
      const results = calls.map(([name, ...values]) => callWithBudget(metered.exports, name, values))
      return { results, left: metered.fuel.value as number }
    }
    const enough = run(ample.initialFuel)
    const taken = ample.initialFuel - enough.left
    t.same(run(taken), { results: enough.results, left: 0 }, `seed ${seed} takes ${taken}`)
    if (taken > 0) t.ok(run(taken - 1).left < 0, `seed ${seed} with ${taken - 1}`)
  }
})

test('metering is the same every time', async (t) => {
  for (const { bytes } of modules.slice(0, 20))
    t.same(Buffer.from(meter(bytes, ample)), Buffer.from(meter(bytes, ample)))
})
