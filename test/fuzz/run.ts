import { cutDifference, difference } from './compare.ts'
import { generate, type Sample } from './generate.ts'
import { Oracle } from './oracle.ts'
import { parseAll } from './ours.ts'
import { Random } from './random.ts'

/** How many samples the oracle reads beside each other. */
const batch = 100

/** A sample that two readers read in two ways. */
export interface Finding {
  readonly sample: Sample
  /** Where it was cut, when it is the pieces that make the difference. */
  readonly cuts: readonly number[]
  readonly reason: string
}

/** What a run did. */
export interface Tally {
  readonly samples: number
  /** Messages that ours took as a whole. */
  readonly accepted: number
  /** Samples that ours refused, at any place. */
  readonly refused: number
}

/** Reads `count` samples from `seed` on; calls `onFinding` for each that is read in two ways. */
export async function fuzz(
  seed: number,
  count: number,
  onFinding: (finding: Finding) => void,
): Promise<Tally> {
  using oracle = new Oracle()
  const random = new Random(seed)
  const tally = { samples: 0, accepted: 0, refused: 0 }
  while (tally.samples < count) {
    const samples = Array.from({ length: Math.min(batch, count - tally.samples) }, () => generate(random))
    const theirs = await oracle.parse(samples)
    for (const [index, sample] of samples.entries()) {
      const ours = parseAll(sample, [])
      tally.accepted += ours.messages.filter(({ isWhole }) => isWhole).length
      if (ours.refusal !== null) tally.refused += 1
      const reason = difference(ours, theirs[index] as (typeof theirs)[number], sample)
      if (reason) onFinding({ sample, cuts: [], reason })
      for (const cuts of someCuts(random, sample.bytes.length)) {
        const split = cutDifference(ours, parseAll(sample, cuts))
        if (split) onFinding({ sample, cuts, reason: split })
      }
    }
    tally.samples += samples.length
  }
  return tally
}

/** At one place, at a few, and sometimes at every byte. */
function someCuts(random: Random, length: number): number[][] {
  if (length < 2) return []
  const place = () => 1 + random.below(length - 1)
  const few = [...new Set([place(), place(), place()])].sort((a, b) => a - b)
  const every = random.chance(0.1) ? [Array.from({ length: length - 1 }, (_, at) => at + 1)] : []
  return [[place()], few, ...every]
}

/** Whether a sample is still read in two ways. */
async function isFinding(oracle: Oracle, sample: Sample): Promise<boolean> {
  const [theirs] = await oracle.parse([sample])
  return theirs !== undefined && difference(parseAll(sample, []), theirs, sample) !== null
}

/** Leaves out what does not matter to a finding: pieces of half its size first, single bytes last. */
export async function shrink(finding: Finding): Promise<Sample> {
  if (finding.cuts.length > 0) return finding.sample
  using oracle = new Oracle()
  let { sample } = finding
  for (let size = sample.bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= sample.bytes.length; ) {
      const bytes = Buffer.concat([sample.bytes.subarray(0, at), sample.bytes.subarray(at + size)])
      const smaller = { ...sample, bytes }
      if (bytes.length > 0 && (await isFinding(oracle, smaller))) sample = smaller
      else at += size
    }
  }
  return sample
}

/** A finding as text that can be run again. */
export function describe(finding: Finding, shrunk: Sample): string {
  const { sample, cuts, reason } = finding
  return [
    `${sample.kind}${sample.kind === 'response' ? ` to ${sample.method}` : ''}: ${reason}`,
    `  cuts:   ${JSON.stringify(cuts)}`,
    `  bytes:  ${sample.bytes.toString('hex')}`,
    `  shrunk: ${shrunk.bytes.toString('hex')}`,
    `          ${JSON.stringify(shrunk.bytes.toString('latin1'))}`,
  ].join('\n')
}
