import type { Declarations } from './declarations.ts'
import type { EventKind } from './events.ts'
import type { Reader } from './reader.ts'
import type { Survey } from './survey.ts'
import { valuesPerInstruction } from './weights.ts'

const noLoop = -1

/** The walk through the instructions of one function after the other: where it stands, and what it has counted. */
export class Walk {
  readonly reader: Reader
  readonly declarations: Declarations
  readonly survey: Survey
  /** The weight of the instructions since the last event. */
  weight = 0
  callsUnknown = false
  /** The weight of this function so far. */
  #total = 0
  /** The weight of the innermost open loop, or of what is in no loop, so far. */
  #region = 0
  // The open blocks: their loop's event, what counted before that loop, and the weight of a jump to them.
  readonly #loops: number[] = []
  readonly #regionsBefore: number[] = []
  readonly #jumpWeights: number[] = []

  constructor(reader: Reader, declarations: Declarations, survey: Survey) {
    this.reader = reader
    this.declarations = declarations
    this.survey = survey
  }

  /** How many blocks are open beside the function itself. */
  get depth(): number {
    return this.#loops.length - 1
  }

  /** Begins with the next function, itself a block that can be jumped out of. */
  begin(): void {
    this.weight = 0
    this.callsUnknown = false
    this.#total = 0
    this.#region = 0
    this.#loops.length = 0
    this.#regionsBefore.length = 0
    this.#jumpWeights.length = 0
    this.#open(noLoop, 0)
  }

  /** Notes the instruction that begins at `at` and was read last. */
  note(kind: EventKind, at: number, operand = 0): number {
    const { events } = this.survey
    this.#total += this.weight
    this.#region += this.weight
    const size = Math.min(this.reader.at - at, 0xff)
    const event = events.add(kind, at, size, this.weight, operand)
    this.weight = 0
    return event
  }

  openBlock(kind: EventKind, at: number, arityWeight: number): void {
    this.weight += arityWeight
    this.note(kind, at)
    this.#open(noLoop, arityWeight)
  }

  openLoop(kind: EventKind, at: number, arityWeight: number): void {
    this.weight += arityWeight
    const event = this.note(kind, at)
    this.#open(event, arityWeight)
    this.#region = 1
  }

  /** Closes the innermost block; false if that was the function itself. */
  close(kind: EventKind, at: number): boolean {
    this.note(kind, at)
    const loop = this.#loops.pop() as number
    const regionBefore = this.#regionsBefore.pop() as number
    this.#jumpWeights.pop()
    if (loop !== noLoop) {
      this.survey.events.operand[loop] = this.#region
      this.#region = regionBefore
    }
    return this.#loops.length > 0
  }

  /** Reads the label of a jump, counts what the jump moves, and returns the label. */
  label(): number {
    const at = this.reader.at
    const label = this.reader.u32()
    const weight = this.#jumpWeights[this.depth - label]
    if (weight === undefined) throw this.reader.refusal(`label ${label} of ${this.depth + 1}`, at)
    this.weight += weight
    return label
  }

  /** What the parameters and results of a type of function weigh. */
  typeWeight(type: number): number {
    return Math.floor((this.declarations.typeArities[type] as number) / valuesPerInstruction)
  }

  /** Enters the counts of the function that was just read. */
  finish(index: number): void {
    const { survey } = this
    survey.total[index] = this.#total
    survey.outside[index] = this.#region
    survey.callsUnknown[index] = this.callsUnknown ? 1 : 0
  }

  #open(loop: number, jumpWeight: number): void {
    this.#loops.push(loop)
    this.#regionsBefore.push(this.#region)
    this.#jumpWeights.push(jumpWeight)
  }
}
