import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Random } from '../../test/fuzz/random.ts'
import { type MeterOptions, meter } from './meter.ts'
import { MeterRefusal } from './refusal.ts'
import { featureModules } from './testing/feature-modules.ts'
import { generateModule } from './testing/generate.ts'
import { ample, modes } from './testing/instances.ts'
import { mutate } from './testing/mutate.ts'

const quickjs = new Uint8Array(
  await readFile(fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'))),
)

const modules = [
  ...featureModules.map(({ bytes }) => bytes),
  ...Array.from({ length: 20 }, (_, seed) => generateModule(seed).bytes),
]

/** Why a module that V8 takes may be refused. */
const reasons = /GC|shared|begins with|memories;|name of ours|stack switching/

interface Tally {
  metered: number
  refused: number
  readonly wrong: string[]
}

/** Meters a module that may be anything, and notes what must not happen. */
function tryModule(bytes: Uint8Array<ArrayBuffer>, options: MeterOptions, what: string, tally: Tally): void {
  const isValid = WebAssembly.validate(bytes)
  try {
    const metered = new Uint8Array(meter(bytes, options))
    tally.metered += 1
    const isMeteredValid = WebAssembly.validate(metered)
    if (isValid && !isMeteredValid) tally.wrong.push(`${what}: was valid, and is no more`)
    if (!isValid && isMeteredValid) tally.wrong.push(`${what}: was not valid, and is now`)
  } catch (error) {
    tally.refused += 1
    if (!(error instanceof MeterRefusal)) tally.wrong.push(`${what}: ${(error as Error).stack}`)
    else if (!/^[^\n]+ at byte \d+$/.test(error.message)) tally.wrong.push(`${what}: ${error.message}`)
    else if (isValid && !reasons.test(error.message)) tally.wrong.push(`${what}: ${error.message}`)
  }
}

test('what 2,000 broken modules give is a refusal, or as valid as they are', async (t) => {
  const tally: Tally = { metered: 0, refused: 0, wrong: [] }
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const random = new Random(seed)
    const isQuickjs = seed % 20 === 0
    const base = isQuickjs ? quickjs : random.pick(modules)
    const options = { ...ample, mode: random.pick(modes), keepNames: random.chance(0.5) }
    tryModule(mutate(base, random), options, `seed ${seed}`, tally)
  }
  t.same(tally.wrong, [])
  t.ok(tally.metered > 200 && tally.refused > 200, `${tally.metered} metered, ${tally.refused} refused`)
})

test('every beginning of a module is refused, or as valid as it is', async (t) => {
  const tally: Tally = { metered: 0, refused: 0, wrong: [] }
  for (const { what, bytes } of featureModules)
    for (let length = 0; length < bytes.length; length += 1)
      tryModule(bytes.slice(0, length), ample, `${length} bytes of ${what}`, tally)
  t.same(tally.wrong, [])
})
