import { test } from 'tap'
import { beside } from '../support/nothing-left.ts'
import type { SmugglingCase } from './case.ts'
import { corpus } from './corpus.ts'
import { openRig, runCase, verdict } from './run-case.ts'

async function judge(each: SmugglingCase): Promise<string | null> {
  await using rig = await openRig(each.limits)
  return verdict(await runCase(rig, each, [each.bytes]), each)
}

for (const [topic, cases] of Object.entries(corpus)) {
  test(`hostile requests about ${topic} reach the upstream as they should, or not at all`, (t) =>
    beside(
      t,
      cases.map((each) => [
        each.name,
        async (t) => {
          t.equal(await judge(each), null, JSON.stringify(each.bytes.slice(0, 300)))
        },
      ]),
    ))
}

test('no two cases have one name', async (t) => {
  const names = Object.values(corpus).flatMap((cases) => cases.map(({ name }) => name))
  t.equal(new Set(names).size, names.length)
})
