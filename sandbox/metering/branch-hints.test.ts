import { test } from 'tap'
import { meter } from './meter.ts'
import { Reader } from './reader.ts'
import { openSection, Section, splitSections } from './sections.ts'
import { generateModule } from './testing/generate.ts'
import { ample } from './testing/instances.ts'

/** By function: where in its body there are branches that are hardly ever taken. */
function hintsOf(bytes: Uint8Array): Map<number, number[]> {
  const hints = new Map<number, number[]>()
  const [span] = splitSections(bytes).custom
  if (!span) return hints
  const reader = new Reader(bytes, span.start, span.end)
  reader.block()
  for (let functions = reader.u32(); functions > 0; functions -= 1) {
    const index = reader.u32()
    const branches = Array.from({ length: reader.u32() }, () => {
      const branch = reader.u32()
      reader.skip(2)
      return branch
    })
    hints.set(index, branches)
  }
  reader.expectEnd('the hints')
  return hints
}

function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  const reader = openSection(splitSections(bytes), Section.code)
  return reader ? Array.from({ length: reader.u32() }, () => reader.block()) : []
}

test('V8 is told which branches ask for fuel, and no others', async (t) => {
  const importedFunctions = 2
  let seen = 0
  for (let seed = 1; seed <= 10; seed += 1) {
    const metered = meter(generateModule(seed).bytes, { ...ample, mode: 'tick' })
    const bodies = bodiesOf(metered)
    for (const [index, branches] of hintsOf(metered)) {
      const body = bodies[index - importedFunctions] ?? new Uint8Array()
      for (const branch of branches) {
        seen += 1
        // Less than zero, if, no type, call.
        t.same([...body.subarray(branch - 1, branch + 3)], [0x48, 0x04, 0x40, 0x10], `seed ${seed}`)
      }
      t.same(
        branches,
        branches.toSorted((one, other) => one - other),
      )
    }
  }
  t.ok(seen > 50, `${seen} branches`)
})

test('branches to a trap need no hint', async (t) => {
  t.same(splitSections(meter(generateModule(1).bytes, ample)).custom, [])
})
