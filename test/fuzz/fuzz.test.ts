import { test } from 'tap'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { describe, type Finding, fuzz, shrink } from './run.ts'

/** Fixed, so that a failure can be seen again; `npm run fuzz` takes others. */
const seed = 20_260_101
const messages = 20_000

test('what we accept, llhttp accepts with the same framing, in whatever pieces it comes', async (t) => {
  await using _left = assertNothingLeft(t)
  const findings: Finding[] = []
  const tally = await fuzz(seed, messages, (finding) => findings.push(finding))
  for (const finding of findings.slice(0, 10)) t.fail(describe(finding, await shrink(finding)))
  t.equal(findings.length, 0, 'no sample is read in two ways')
  t.ok(
    tally.accepted > messages / 4,
    `enough was accepted for the comparison to mean something: ${tally.accepted}`,
  )
  t.ok(tally.refused > messages / 10, `enough was refused: ${tally.refused}`)
})
