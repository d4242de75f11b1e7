/** A loop head or function entry is charged at most this, unless the options say otherwise. */
export const defaultCap = 32

/** Functions that are not charged at entry have at most this many instructions, unless the options say otherwise. */
export const defaultLeaf = 120

/** How many instructions one unit may stand for: after more of them in straight code another charge follows. */
export const instructionsPerUnit = 16

/** An import is a step out of the module and back, without what the host does in it. */
export const importWeight = 32

/** Moving this many parameters, results or locals counts as one instruction. */
export const valuesPerInstruction = 8

/**
 * Units of instructions that leave compiled code, or that V8 does in C++, by
 * opcode. As measured: with these no unit stands for much more than a nanosecond.
 */
export const heavyInstructions: ReadonlyMap<number, number> = new Map([
  [0x08, 256], // throw
  [0x09, 256], // rethrow
  [0x0a, 256], // throw_ref
  [0x26, 32], // table.set
  [0x40, 64], // memory.grow
  [0xfe, 16], // memory.atomic.notify
])

/** What a bulk instruction costs: something for each, and then by length. */
export interface BulkWeight {
  readonly base: number
  /** Whether it moves bytes, of which eight are a unit, or entries of tables, each of which is 32. */
  readonly counts: 'bytes' | 'entries'
}

/** Bulk instructions by what follows their prefix 0xfc. */
export const bulkInstructions: ReadonlyMap<number, BulkWeight> = new Map<number, BulkWeight>([
  [0x08, { base: 32, counts: 'bytes' }], // memory.init
  [0x0a, { base: 8, counts: 'bytes' }], // memory.copy
  [0x0b, { base: 8, counts: 'bytes' }], // memory.fill
  [0x0c, { base: 32, counts: 'entries' }], // table.init
  [0x0e, { base: 32, counts: 'entries' }], // table.copy
  [0x0f, { base: 32, counts: 'entries' }], // table.grow
  [0x11, { base: 32, counts: 'entries' }], // table.fill
])

/** The power of two that is the number of bytes for a unit. */
export const bytesPerUnitShift = 3

/** The power of two that is the number of units for an entry of a table. */
export const unitsPerEntryShift = 5
