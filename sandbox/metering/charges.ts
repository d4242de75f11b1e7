import type { Additions } from './additions.ts'
import type { Declarations } from './declarations.ts'
import { Reader } from './reader.ts'
import { type BulkWeight, bulkInstructions, bytesPerUnitShift, unitsPerEntryShift } from './weights.ts'
import { signed, unsigned } from './writer.ts'

const Opcode = {
  unreachable: 0x00,
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  select: 0x1b,
  getLocal: 0x20,
  getGlobal: 0x23,
  setGlobal: 0x24,
  constant: 0x41,
  isLessSigned: 0x48,
  isLessUnsigned: 0x49,
  add: 0x6a,
  subtract: 0x6b,
  shiftLeft: 0x74,
  shiftRight: 0x76,
  bulkPrefix: 0xfc,
} as const

const i32 = 0x7f
const noType = 0x40
const noLocals = 0x00
const tableGrow = 0x0f
const tableFill = 0x11

/** No table has so many entries; what asks for more fails, and must not overflow the counter before. */
const mostEntries = 2 ** 24

/** Code that counts the fuel down, for one module. */
export interface Charges {
  /** Takes so many units, and stops the module if that was too much. Leaves the stack as it is. */
  take(units: number): Uint8Array
  /** How many bytes before the end of that code its branch stands; null if V8 sees by itself that it is hardly ever taken. */
  readonly branchBeforeEnd: number | null
  /** The index of a helper that does what the bulk instruction between `start` and `end` does, and charges it. */
  bulk(start: number, end: number): number
}

/**
 * Writes the code of charges.
 *
 * With `tick`, the index of an imported function that gives new fuel, the
 * module asks that before it stops. It stops by a trap, always: an exception
 * from the host could be caught.
 */
export function makeCharges(
  bytes: Uint8Array,
  declarations: Declarations,
  additions: Additions,
  tick: number | null,
): Charges {
  const fuel = unsigned(declarations.indexes.globals)
  const whenEmpty =
    tick === null ? [Opcode.unreachable] : [Opcode.call, ...unsigned(askHost(additions, fuel, tick))]
  const known = new Map<number, Uint8Array>()
  const charge = (units: readonly number[]): number[] => takeUnits(fuel, units, whenEmpty)
  return {
    // A branch to a trap needs no hint. Behind the branch come its type, what it does, and the end.
    branchBeforeEnd: tick === null ? null : whenEmpty.length + 3,
    take(units) {
      const code = known.get(units) ?? Uint8Array.from(charge([Opcode.constant, ...signed(units)]))
      known.set(units, code)
      return code
    },
    bulk(start, end) {
      const instruction = [...bytes.subarray(start, end)]
      return additions.helper(instruction.join(), () =>
        bulkHelper(new Reader(bytes, start, end), instruction, declarations, additions, charge),
      )
    },
  }
}

function takeUnits(
  fuel: readonly number[],
  units: readonly number[],
  whenEmpty: readonly number[],
): number[] {
  return [
    ...[Opcode.getGlobal, ...fuel, ...units, Opcode.subtract, Opcode.setGlobal, ...fuel],
    ...ifEmpty(fuel, whenEmpty),
  ]
}

function ifEmpty(fuel: readonly number[], then: readonly number[]): number[] {
  const isEmpty = [Opcode.getGlobal, ...fuel, Opcode.constant, 0, Opcode.isLessSigned]
  return [...isEmpty, Opcode.if, noType, ...then, Opcode.end]
}

/** The helper that takes new fuel from the host. Apart, so that the code at each charge stays short. */
function askHost(additions: Additions, fuel: readonly number[], tick: number): number {
  return additions.helper('tick', () => ({
    type: additions.type([], []),
    body: [
      ...[noLocals, Opcode.call, ...unsigned(tick), Opcode.setGlobal, ...fuel],
      ...ifEmpty(fuel, [Opcode.unreachable]),
      Opcode.end,
    ],
  }))
}

function bulkHelper(
  reader: Reader,
  instruction: readonly number[],
  declarations: Declarations,
  additions: Additions,
  charge: (units: readonly number[]) => number[],
): { type: number; body: number[] } {
  reader.skip(1)
  const opcode = reader.u32()
  const at = reader.at
  const index = reader.u32()
  const weight = bulkInstructions.get(opcode) as BulkWeight
  const entryType = (): number[] => {
    const table = declarations.tables[index]
    if (!table) throw reader.refusal(`table ${index} of ${declarations.tables.length}`, at)
    return [...table.type]
  }
  const parameters =
    opcode === tableGrow ? [entryType(), [i32]] : [[i32], opcode === tableFill ? entryType() : [i32], [i32]]
  const length = parameters.length - 1
  const byLength = weight.counts === 'bytes' ? unitsOfBytes(length) : unitsOfEntries(length)
  return {
    type: additions.type(parameters, opcode === tableGrow ? [[i32]] : []),
    body: [
      noLocals,
      ...charge([...byLength, Opcode.constant, ...signed(weight.base), Opcode.add]),
      ...parameters.flatMap((_, parameter) => [Opcode.getLocal, parameter]),
      ...instruction,
      Opcode.end,
    ],
  }
}

function unitsOfBytes(length: number): number[] {
  return [Opcode.getLocal, length, Opcode.constant, bytesPerUnitShift, Opcode.shiftRight]
}

function unitsOfEntries(length: number): number[] {
  const most = [Opcode.constant, ...signed(mostEntries)]
  return [
    ...[Opcode.getLocal, length, ...most],
    ...[Opcode.getLocal, length, ...most, Opcode.isLessUnsigned, Opcode.select],
    ...[Opcode.constant, unitsPerEntryShift, Opcode.shiftLeft],
  ]
}
