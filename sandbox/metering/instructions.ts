import { EventKind } from './events.ts'
import { checkFunction, checkGlobal } from './indexes.ts'
import { plainOpcodes, prefixedOpcodes, refusedOpcode, Shape } from './opcodes.ts'
import type { Reader } from './reader.ts'
import { hex } from './refusal.ts'
import { readTypeIndex, skipHeapType, skipValueType, skipValueTypes } from './types.ts'
import type { Walk } from './walk.ts'
import { heavyInstructions } from './weights.ts'

/** In straight code a place for a charge is noted after so many instructions. */
const placeEvery = 64

/** Bytes behind an opcode of these shapes. */
const fixedSizes: Readonly<Record<number, number>> = {
  [Shape.oneByte]: 1,
  [Shape.fourBytes]: 4,
  [Shape.eightBytes]: 8,
  [Shape.sixteenBytes]: 16,
}

const memoryIndexFlag = 0x40
const largestAlignment = 0x1f
const emptyBlockType = 0x40
const largestCatchKind = 0x03
const catchesWithTag = 0x01

/**
 * Walks to the end of a function.
 *
 * Instructions are told apart as V8 does it, to the byte: were one longer here
 * than for V8, code could hide in the difference.
 */
export function walkInstructions(walk: Walk): void {
  const { reader } = walk
  for (;;) {
    const at = reader.at
    const opcode = reader.byte()
    let shape = plainOpcodes[opcode] as number
    if (shape === Shape.prefix) shape = prefixedShape(reader, opcode, at)
    walk.weight += 1
    if (shape > Shape.lastPlain) {
      if (walkNotable(walk, shape, opcode, at)) continue
      return
    }
    if (shape === Shape.unknown) throw reader.refusal(refusedOpcode(opcode), at)
    if (shape !== Shape.plain) skipImmediates(reader, shape)
    if (walk.weight >= placeEvery) walk.note(EventKind.place, reader.at)
  }
}

function prefixedShape(reader: Reader, opcode: number, at: number): number {
  const second = reader.u32()
  const shape = prefixedOpcodes.get(opcode)?.[second] ?? Shape.unknown
  if (shape === Shape.unknown) throw reader.refusal(refusedOpcode(opcode, second), at)
  return shape
}

function skipImmediates(reader: Reader, shape: number): void {
  if (shape === Shape.number) reader.skipNumber()
  else if (shape === Shape.memory) skipMemoryOperands(reader)
  else if (shape === Shape.memoryAndLane) {
    skipMemoryOperands(reader)
    reader.skip(1)
  } else reader.skip(fixedSizes[shape] as number)
}

function skipMemoryOperands(reader: Reader): void {
  const at = reader.at
  const flags = reader.u32()
  if (flags & memoryIndexFlag) reader.skipNumber()
  if ((flags & ~memoryIndexFlag) > largestAlignment)
    throw reader.refusal(`a memory access with the flags ${hex(flags)}`, at)
  reader.skipNumber()
}

/** Reads an instruction that is more than its immediates; false at the end of the function. */
function walkNotable(walk: Walk, shape: number, opcode: number, at: number): boolean {
  if (shape >= Shape.call) walkCallOrHeavy(walk, shape, opcode, at)
  else if (shape >= Shape.branch) walkJump(walk, shape, opcode, at)
  else if (shape >= Shape.block) return walkBlock(walk, shape, at)
  else walkReference(walk, shape, at)
  return true
}

function walkReference(walk: Walk, shape: number, at: number): void {
  const { reader } = walk
  const { indexes } = walk.declarations
  switch (shape) {
    case Shape.global:
      checkGlobal(reader, reader.u32(), indexes, at)
      return
    case Shape.types:
      skipValueTypes(reader, indexes.types)
      return
    case Shape.heapType:
      skipHeapType(reader, indexes.types)
      return
    case Shape.functionReference: {
      const index = reader.u32()
      checkFunction(reader, index, indexes, at)
      walk.note(EventKind.reference, at, index)
    }
  }
}

function walkBlock(walk: Walk, shape: number, at: number): boolean {
  const { reader } = walk
  switch (shape) {
    case Shape.block:
      walk.openBlock(EventKind.block, at, blockWeight(walk))
      return true
    case Shape.loop:
      walk.openLoop(EventKind.loop, at, blockWeight(walk))
      return true
    case Shape.if:
      walk.openBlock(EventKind.if, at, blockWeight(walk))
      return true
    case Shape.tryTable: {
      const weight = blockWeight(walk)
      walkCatches(walk, at)
      walk.openBlock(EventKind.block, at, weight)
      return true
    }
    case Shape.else:
      walk.note(EventKind.else, at)
      return true
    case Shape.catch:
      reader.skipNumber()
      walk.note(EventKind.catch, at)
      return true
    case Shape.catchAll:
      walk.note(EventKind.catch, at)
      return true
    case Shape.delegate:
      reader.skipNumber()
      if (!walk.close(EventKind.end, at)) throw reader.refusal('a delegate outside of a try', at)
      return true
    default:
      return walk.close(EventKind.end, at)
  }
}

function blockWeight(walk: Walk): number {
  const { reader } = walk
  const at = reader.at
  const byte = reader.byte()
  if (byte === emptyBlockType) return 0
  reader.at = at
  if (byte > emptyBlockType && byte < 0x80) {
    skipValueType(reader, walk.declarations.indexes.types)
    return 0
  }
  return walk.typeWeight(readTypeIndex(reader, walk.declarations.indexes.types))
}

function walkCatches(walk: Walk, at: number): void {
  const { reader } = walk
  const count = reader.count('catches')
  for (let index = 0; index < count; index += 1) {
    const kindAt = reader.at
    const kind = reader.byte()
    if (kind > largestCatchKind) throw reader.refusal(`catch of the kind ${kind}`, kindAt)
    if (kind <= catchesWithTag) reader.skipNumber()
    walk.note(EventKind.caught, at, walk.label())
  }
}

function walkJump(walk: Walk, shape: number, opcode: number, at: number): void {
  const { reader } = walk
  switch (shape) {
    case Shape.branch:
      walk.note(EventKind.branch, at, walk.label())
      break
    case Shape.branchIf:
      walk.note(EventKind.branch, at, walk.label())
      return
    case Shape.branchTable:
      for (let left = reader.count('targets'); left >= 0; left -= 1)
        walk.note(EventKind.branch, at, walk.label())
      break
    case Shape.throw:
      reader.skipNumber()
      walk.note(EventKind.heavy, at, heavyInstructions.get(opcode))
      break
    case Shape.throwReference:
      walk.note(EventKind.heavy, at, heavyInstructions.get(opcode))
      break
  }
  walk.note(EventKind.leave, at)
}

function walkCallOrHeavy(walk: Walk, shape: number, opcode: number, at: number): void {
  const { reader } = walk
  switch (shape) {
    case Shape.call:
    case Shape.returnCall: {
      const index = reader.u32()
      checkFunction(reader, index, walk.declarations.indexes, at)
      walk.weight += walk.typeWeight(walk.declarations.functionTypes[index] as number)
      const isTail = shape === Shape.returnCall
      walk.note(isTail ? EventKind.returnCall : EventKind.call, at, index)
      return
    }
    case Shape.callIndirect:
    case Shape.returnCallIndirect:
    case Shape.callReference:
    case Shape.returnCallReference: {
      walk.callsUnknown = true
      walk.weight += walk.typeWeight(readTypeIndex(reader, walk.declarations.indexes.types))
      const isByTable = shape === Shape.callIndirect || shape === Shape.returnCallIndirect
      if (isByTable) reader.skipNumber()
      const isTail = shape === Shape.returnCallIndirect || shape === Shape.returnCallReference
      if (isTail) walk.note(EventKind.leave, at)
      return
    }
    case Shape.heavyIndex:
      reader.skipNumber()
      walk.note(EventKind.heavy, at, heavyInstructions.get(opcode))
      return
    case Shape.heavyMemory:
      skipMemoryOperands(reader)
      walk.note(EventKind.heavy, at, heavyInstructions.get(opcode))
      return
    case Shape.bulkTwoIndexes:
      reader.skipNumber()
      reader.skipNumber()
      walk.note(EventKind.bulk, at)
      return
    default:
      reader.skipNumber()
      walk.note(EventKind.bulk, at)
  }
}
