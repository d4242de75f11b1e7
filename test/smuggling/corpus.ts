import type { SmugglingCase } from './case.ts'
import { chunkCases } from './chunks.ts'
import { framingCases } from './framing.ts'
import { headCases } from './heads.ts'
import { hopByHopCases } from './hop-by-hop.ts'
import { targetCases } from './targets.ts'

/** Every hostile request, by topic. */
export const corpus: Readonly<Record<string, readonly SmugglingCase[]>> = {
  framing: framingCases,
  chunks: chunkCases,
  heads: headCases,
  targets: targetCases,
  'hop by hop': hopByHopCases,
}
