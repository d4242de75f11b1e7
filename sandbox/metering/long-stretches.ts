import { type CallGraph, calleeWeight } from './call-graph.ts'
import { EventKind } from './events.ts'
import type { Survey } from './survey.ts'
import { instructionsPerUnit } from './weights.ts'

/** What is known of an open block: how much is unpaid on the worst way to its end, and for an `if` at its beginning. */
interface Block {
  unpaid: number
  readonly before: number
}

/** A loop is jumped to at its head, which charges; so jumps to it say nothing of its end. */
const isLoop = -1

/**
 * Charges long ways through code without loops and entries.
 *
 * Loop heads and entries charge a few units, whatever follows, because few of
 * the instructions that follow will run: think of an interpreter's switch. But
 * a way that runs through more than a unit may stand for is charged again on
 * the way. This follows all ways at once, with the worst one wherever they
 * meet, and sets the surcharge of events.
 */
export function chargeLongStretches(
  survey: Survey,
  graph: CallGraph,
  importedFunctions: number,
  cap: number,
): void {
  for (let index = 0; index < survey.functions; index += 1) {
    if ((graph.expanded[index] as number) <= cap * instructionsPerUnit) continue
    chargeFunction(survey, graph, importedFunctions, cap, index)
  }
}

function chargeFunction(
  survey: Survey,
  graph: CallGraph,
  importedFunctions: number,
  cap: number,
  index: number,
): void {
  const { kind, weight, operand, surcharge } = survey.events
  const most = cap * instructionsPerUnit
  const end = survey.firstEvent[index + 1] as number
  const blocks: Block[] = [{ unpaid: 0, before: 0 }]
  let unpaid = 0
  for (let event = survey.firstEvent[index] as number; event < end; event += 1) {
    const eventKind = kind[event] as EventKind
    const eventOperand = operand[event] as number
    unpaid += weight[event] as number
    if (eventKind === EventKind.call) unpaid += calleeWeight(graph, eventOperand, importedFunctions)
    if (unpaid > most) {
      const charges = Math.floor(unpaid / most)
      surcharge[event] = charges * cap
      unpaid -= charges * most
    }
    if (eventKind === EventKind.loop)
      unpaid = Math.max(0, unpaid - Math.min(cap, eventOperand) * instructionsPerUnit)
    unpaid = follow(blocks, eventKind, eventOperand, unpaid, most)
  }
}

/** What is unpaid behind an event, when `unpaid` is so before it. */
function follow(blocks: Block[], kind: EventKind, operand: number, unpaid: number, most: number): number {
  const block = blocks.at(-1)
  switch (kind) {
    case EventKind.block:
      blocks.push({ unpaid: 0, before: 0 })
      return unpaid
    case EventKind.loop:
      blocks.push({ unpaid: isLoop, before: 0 })
      return unpaid
    case EventKind.if:
      // Counts for the end too: there may be no else.
      blocks.push({ unpaid, before: unpaid })
      return unpaid
    case EventKind.else:
      raise(block, unpaid)
      return block?.before ?? unpaid
    case EventKind.end:
      blocks.pop()
      return Math.max(unpaid, block?.unpaid ?? 0)
    case EventKind.branch:
      raise(blocks.at(-1 - operand), unpaid)
      return unpaid
    case EventKind.leave:
    case EventKind.returnCall:
      return 0
    case EventKind.catch:
      raise(block, unpaid)
      return most
    case EventKind.caught:
      raise(blocks.at(-1 - operand), most)
      return unpaid
    default:
      return unpaid
  }
}

function raise(block: Block | undefined, unpaid: number): void {
  if (block && block.unpaid !== isLoop) block.unpaid = Math.max(block.unpaid, unpaid)
}
