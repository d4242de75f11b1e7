import { parseArgs } from 'node:util'
import { describe, type Finding, fuzz, shrink } from './run.ts'

/** The long fuzz: `node test/fuzz/long.ts --messages 1000000 --seed 7`. Exits with 1 at the first finding. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, messages: { type: 'string', default: '1000000' } },
  })
  const messages = Number(values.messages)
  const first = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
  if (!Number.isSafeInteger(messages) || messages < 1 || !Number.isSafeInteger(first)) {
    console.error('usage: long.ts [--seed N] [--messages N]')
    return 2
  }
  const step = 20_000
  let accepted = 0
  let refused = 0
  for (let done = 0; done < messages; done += step) {
    const seed = first + done / step
    const findings: Finding[] = []
    const tally = await fuzz(seed, Math.min(step, messages - done), (finding) => findings.push(finding))
    accepted += tally.accepted
    refused += tally.refused
    const [finding] = findings
    if (finding) {
      console.error(`seed ${seed}: ${findings.length} samples are read in two ways; the first:`)
      console.error(describe(finding, await shrink(finding)))
      return 1
    }
    console.log(
      `seed ${seed}: ${done + tally.samples} samples, ${accepted} messages accepted, ${refused} samples refused`,
    )
  }
  return 0
}

process.exitCode = await main()
