import { test } from 'tap'
import { beside } from '../support/nothing-left.ts'
import type { SmugglingCase } from './case.ts'
import { corpus } from './corpus.ts'
import { openRig, runCase, verdict } from './run-case.ts'

/** The input cut once at each byte, and once at all of them. */
function* cuts(bytes: string): Generator<readonly string[]> {
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.slice(0, at), bytes.slice(at)]
  yield [...bytes]
}

/** The first cut that changes the outcome, with what it was. */
async function firstDifference(each: SmugglingCase): Promise<string | null> {
  await using rig = await openRig(each.limits)
  for (const pieces of cuts(each.bytes)) {
    const reason = await runCase(rig, each, pieces).then(
      (result) => verdict(result, each),
      (trouble: unknown) => String(trouble),
    )
    if (reason) return `${reason} when the first piece is ${JSON.stringify(pieces[0])}`
  }
  return null
}

test('where the input is cut into pieces changes nothing', (t) =>
  beside(
    t,
    Object.values(corpus)
      .flat()
      .filter((each) => each.isCutEverywhere)
      .map((each) => [
        each.name,
        async (t) => {
          t.equal(await firstDifference(each), null)
        },
      ]),
    4,
  ))
