import { hex } from './refusal.ts'

/**
 * What follows an opcode, and what it does to the flow of control.
 *
 * Up to `lastPlain` an instruction needs no more than that its immediates are
 * passed over; the others matter to metering.
 */
export const Shape = {
  unknown: 0,
  plain: 1,
  /** One number of any width: an index, or the value of i32.const and i64.const. */
  number: 2,
  oneByte: 3,
  fourBytes: 4,
  eightBytes: 5,
  sixteenBytes: 6,
  memory: 7,
  memoryAndLane: 8,
  lastPlain: 8,
  global: 9,
  types: 10,
  heapType: 11,
  functionReference: 12,
  block: 13,
  loop: 14,
  if: 15,
  else: 16,
  end: 17,
  tryTable: 18,
  catch: 19,
  catchAll: 20,
  delegate: 21,
  branch: 22,
  branchIf: 23,
  branchTable: 24,
  /** Goes nowhere in this function: return, unreachable. */
  leave: 25,
  throw: 26,
  throwReference: 27,
  call: 28,
  returnCall: 29,
  callIndirect: 30,
  returnCallIndirect: 31,
  callReference: 32,
  returnCallReference: 33,
  /** One index, and costs more than it seems. */
  heavyIndex: 34,
  heavyMemory: 35,
  /** Works on as many bytes or entries as its last operand says. One index, or two. */
  bulk: 36,
  bulkTwoIndexes: 37,
  prefix: 38,
} as const

/** One of {@link Shape}. */
export type Shape = (typeof Shape)[keyof typeof Shape]

/** From the first to the last opcode, both included: they have this shape. */
type Row = readonly [shape: Shape, first: number, last?: number]

/** Opcodes of one byte. What is not listed is refused. */
export const plainOpcodes = table(0x100, [
  [Shape.leave, 0x00],
  [Shape.plain, 0x01],
  [Shape.block, 0x02],
  [Shape.loop, 0x03],
  [Shape.if, 0x04],
  [Shape.else, 0x05],
  [Shape.block, 0x06], // try of the legacy exceptions
  [Shape.catch, 0x07],
  [Shape.throw, 0x08, 0x09], // throw, rethrow
  [Shape.throwReference, 0x0a],
  [Shape.end, 0x0b],
  [Shape.branch, 0x0c],
  [Shape.branchIf, 0x0d],
  [Shape.branchTable, 0x0e],
  [Shape.leave, 0x0f],
  [Shape.call, 0x10],
  [Shape.callIndirect, 0x11],
  [Shape.returnCall, 0x12],
  [Shape.returnCallIndirect, 0x13],
  [Shape.callReference, 0x14],
  [Shape.returnCallReference, 0x15],
  [Shape.delegate, 0x18],
  [Shape.catchAll, 0x19],
  [Shape.plain, 0x1a, 0x1b], // drop, select
  [Shape.types, 0x1c], // select with its type
  [Shape.tryTable, 0x1f],
  [Shape.number, 0x20, 0x22], // locals
  [Shape.global, 0x23, 0x24],
  [Shape.number, 0x25], // table.get
  [Shape.heavyIndex, 0x26], // table.set
  [Shape.memory, 0x28, 0x3e],
  [Shape.number, 0x3f], // memory.size
  [Shape.heavyIndex, 0x40], // memory.grow
  [Shape.number, 0x41, 0x42],
  [Shape.fourBytes, 0x43],
  [Shape.eightBytes, 0x44],
  [Shape.plain, 0x45, 0xc4], // comparisons, arithmetic, conversions, sign extensions
  [Shape.heapType, 0xd0],
  [Shape.plain, 0xd1], // ref.is_null
  [Shape.functionReference, 0xd2],
  [Shape.plain, 0xd4], // ref.as_non_null
  [Shape.branchIf, 0xd5, 0xd6], // br_on_null, br_on_non_null
  [Shape.prefix, 0xfb, 0xfe],
])

/** What follows the prefixes, by prefix; of that for GC nothing is metered. */
export const prefixedOpcodes: ReadonlyMap<number, Uint8Array> = new Map([
  [
    0xfc,
    table(0x12, [
      [Shape.plain, 0x00, 0x07], // conversions that saturate
      [Shape.bulkTwoIndexes, 0x08], // memory.init
      [Shape.number, 0x09], // data.drop
      [Shape.bulkTwoIndexes, 0x0a], // memory.copy
      [Shape.bulk, 0x0b], // memory.fill
      [Shape.bulkTwoIndexes, 0x0c], // table.init
      [Shape.number, 0x0d], // elem.drop
      [Shape.bulkTwoIndexes, 0x0e], // table.copy
      [Shape.bulk, 0x0f], // table.grow
      [Shape.number, 0x10], // table.size
      [Shape.bulk, 0x11], // table.fill
    ]),
  ],
  [
    0xfd,
    table(0x114, [
      [Shape.memory, 0x00, 0x0b],
      [Shape.sixteenBytes, 0x0c, 0x0d], // v128.const, i8x16.shuffle
      [Shape.plain, 0x0e, 0x14],
      [Shape.oneByte, 0x15, 0x22], // lanes
      [Shape.plain, 0x23, 0x53],
      [Shape.memoryAndLane, 0x54, 0x5b],
      [Shape.memory, 0x5c, 0x5d],
      [Shape.plain, 0x5e, 0xff],
      [Shape.plain, 0x100, 0x113], // relaxed
      ...simdHoles().map((hole): Row => [Shape.unknown, hole]),
    ]),
  ],
  [
    0xfe,
    table(0x4f, [
      [Shape.heavyMemory, 0x00], // memory.atomic.notify
      [Shape.memory, 0x01, 0x02],
      [Shape.oneByte, 0x03], // fence
      [Shape.memory, 0x10, 0x4e],
    ]),
  ],
])

/** Opcodes that V8 knows, and that are refused by name; all others are called unknown. */
const refusedPrefixes: ReadonlyMap<number, string> = new Map([
  [0xfb, 'GC or strings'],
  [0xe0, 'stack switching'],
  [0xe1, 'stack switching'],
  [0xe2, 'stack switching'],
  [0xe3, 'stack switching'],
  [0xe4, 'stack switching'],
  [0xe5, 'stack switching'],
  [0xd3, 'GC'],
])

/** The name of an opcode in a refusal, with why it is refused. */
export function refusedOpcode(opcode: number, second?: number): string {
  const name = second === undefined ? hex(opcode) : `${hex(opcode)} ${hex(second)}`
  return `opcode ${name} (${refusedPrefixes.get(opcode) ?? 'unknown'})`
}

/** Numbers between 0x5e and 0xff that SIMD leaves free. */
function simdHoles(): number[] {
  return [
    0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3,
    0xd4, 0xe2, 0xee,
  ]
}

function table(size: number, rows: readonly Row[]): Uint8Array {
  const shapes = new Uint8Array(size)
  for (const [shape, first, last = first] of rows) shapes.fill(shape, first, last + 1)
  return shapes
}
