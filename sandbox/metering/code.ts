import type { Additions } from './additions.ts'
import { BranchHints } from './branch-hints.ts'
import type { CallGraph } from './call-graph.ts'
import type { Charges } from './charges.ts'
import { EventKind } from './events.ts'
import { type Indexes, movedFunction } from './indexes.ts'
import { MeterRefusal } from './refusal.ts'
import type { Survey } from './survey.ts'
import { valuesPerInstruction } from './weights.ts'
import { Writer } from './writer.ts'

/** V8 takes no function with more bytes. */
const mostBytes = 7_654_321
const callOpcode = 0x10

/** What is needed to write the code of a metered module. */
export interface CodePlan {
  readonly bytes: Uint8Array
  readonly indexes: Indexes
  readonly survey: Survey
  readonly graph: CallGraph
  readonly charges: Charges
  readonly cap: number
}

/** The code of a module's own functions. */
export interface Bodies {
  /** One after the other; how many there are is not written. */
  readonly bytes: Uint8Array
  /** A custom section that goes before the code. */
  readonly hints: Uint8Array | null
}

/** Writes the bodies of the module's own functions with their charges. */
export function writeBodies(plan: CodePlan): Bodies {
  const { survey, bytes, indexes } = plan
  const out = new Writer(Math.ceil(bytes.length * 1.25) + 64)
  const body = new Writer(0x1000)
  const hints = new BranchHints()
  const branches: number[] = []
  for (let index = 0; index < survey.functions; index += 1) {
    body.clear()
    branches.length = 0
    writeBody(plan, index, body, branches)
    if (body.length > mostBytes)
      throw new MeterRefusal(
        `a function that would have ${body.length} bytes with its charges; ${mostBytes} are allowed`,
        survey.start[index] as number,
      )
    out.block(body.written)
    hints.add(movedFunction(indexes.importedFunctions + index, indexes), branches)
  }
  return { bytes: out.written, hints: hints.section() }
}

/** Writes the bodies of the helpers; how many there are is not written. */
export function writeHelpers(additions: Additions): Uint8Array {
  const out = new Writer(0x100)
  for (const { body } of additions.helpers) out.block(Uint8Array.from(body))
  return out.written
}

function writeBody(plan: CodePlan, index: number, out: Writer, branches: number[]): void {
  const { bytes, survey, graph, charges, cap, indexes } = plan
  const { events } = survey
  let copied = survey.start[index] as number
  const copyUpTo = (place: number): void => {
    out.copy(bytes, copied, place)
    copied = place
  }
  const take = (units: number): void => {
    out.append(charges.take(units))
    if (charges.branchBeforeEnd !== null) branches.push(out.length - charges.branchBeforeEnd)
  }
  if (graph.isCharged[index]) {
    copyUpTo(survey.code[index] as number)
    const zeroing = Math.floor((survey.locals[index] as number) / valuesPerInstruction)
    take(Math.min(cap, survey.outside[index] as number) + zeroing)
  }
  const end = survey.firstEvent[index + 1] as number
  for (let event = survey.firstEvent[index] as number; event < end; event += 1) {
    const kind = events.kind[event] as EventKind
    const operand = events.operand[event] as number
    const units = (events.surcharge[event] as number) + (kind === EventKind.heavy ? operand : 0)
    const isMoved = isReference(kind) && movedFunction(operand, indexes) !== operand
    if (units === 0 && !isMoved && kind !== EventKind.loop && kind !== EventKind.bulk) continue
    const at = events.at[event] as number
    const behind = at + (events.size[event] as number)
    copyUpTo(at)
    if (units > 0) take(units)
    if (kind === EventKind.loop) {
      copyUpTo(behind)
      take(Math.min(cap, operand))
    } else if (isMoved) {
      copyUpTo(at + 1)
      out.u32(movedFunction(operand, indexes))
      copied = behind
    } else if (kind === EventKind.bulk) {
      out.byte(callOpcode)
      out.u32(charges.bulk(at, behind))
      copied = behind
    }
  }
  copyUpTo(survey.end[index] as number)
}

function isReference(kind: EventKind): boolean {
  return kind === EventKind.call || kind === EventKind.returnCall || kind === EventKind.reference
}
