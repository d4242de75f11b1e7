import { checkGlobal, type Indexes, readMovedFunction } from './indexes.ts'
import { plainOpcodes, prefixedOpcodes, refusedOpcode, Shape } from './opcodes.ts'
import type { Reader } from './reader.ts'
import { hex } from './refusal.ts'
import { skipHeapType } from './types.ts'
import type { Writer } from './writer.ts'

/** Of the opcodes without immediates those that a constant may have: add, sub and mul of the integers. */
const constantArithmetic: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e])
const numberOpcodes: ReadonlySet<number> = new Set([0x41, 0x42])
const vectorPrefix = 0xfd
const vectorConstant = 0x0c
const getGlobal = 0x23

/** Copies a constant expression, its `end` included, with functions renumbered. Nothing is charged in it: it cannot loop. */
export function copyConstant(reader: Reader, writer: Writer, indexes: Indexes): void {
  for (;;) {
    const at = reader.at
    const opcode = reader.byte()
    const shape = plainOpcodes[opcode]
    if (shape === Shape.functionReference) {
      const moved = readMovedFunction(reader, indexes)
      writer.byte(opcode)
      writer.u32(moved)
      continue
    }
    skipConstantImmediates(reader, opcode, at, indexes)
    writer.copy(reader.bytes, at, reader.at)
    if (shape === Shape.end) return
  }
}

function skipConstantImmediates(reader: Reader, opcode: number, at: number, indexes: Indexes): void {
  const shape = plainOpcodes[opcode]
  if (shape === Shape.end || constantArithmetic.has(opcode)) return
  if (numberOpcodes.has(opcode)) reader.skipNumber()
  else if (shape === Shape.fourBytes) reader.skip(4)
  else if (shape === Shape.eightBytes) reader.skip(8)
  else if (shape === Shape.heapType) skipHeapType(reader, indexes.types)
  else if (opcode === getGlobal) checkGlobal(reader, reader.u32(), indexes, at)
  else if (shape === Shape.prefix) skipVector(reader, opcode, at)
  else if (shape === Shape.unknown) throw reader.refusal(refusedOpcode(opcode), at)
  else throw reader.refusal(`opcode ${hex(opcode)} in a constant`, at)
}

function skipVector(reader: Reader, opcode: number, at: number): void {
  const second = reader.u32()
  if (opcode === vectorPrefix && second === vectorConstant) reader.skip(16)
  else if (prefixedOpcodes.get(opcode)?.[second])
    throw reader.refusal(`opcode ${hex(opcode)} ${hex(second)} in a constant`, at)
  else throw reader.refusal(refusedOpcode(opcode, second), at)
}
