import { copyConstant } from './constants.ts'
import { type Indexes, readMovedFunction } from './indexes.ts'
import type { Reader } from './reader.ts'
import type { SectionWriter } from './rewrite.ts'
import { skipValueType } from './types.ts'
import { Writer } from './writer.ts'

// The flags of a segment of elements.
const isNotActive = 0x01
const hasIndex = 0x02
const hasExpressions = 0x04
const largestElementFlags = 0x07

// What a segment of data can be.
const passiveData = 0x01
const dataWithMemory = 0x02

/** Elements, with functions renumbered. */
export const writeElements: SectionWriter = ({ declarations }, reader) => {
  if (!reader) return null
  const writer = new Writer(reader.end - reader.at + 0x100)
  const count = reader.count('segments of elements')
  writer.u32(count)
  for (let index = 0; index < count; index += 1) writeElementSegment(reader, writer, declarations.indexes)
  reader.expectEnd('the elements')
  return writer.written
}

function writeElementSegment(reader: Reader, writer: Writer, indexes: Indexes): void {
  const at = reader.at
  const flags = reader.u32()
  if (flags > largestElementFlags) throw reader.refusal(`a segment of elements with the flags ${flags}`, at)
  const isActive = (flags & isNotActive) === 0
  writer.u32(flags)
  if (isActive) {
    if (flags & hasIndex) writer.u32(reader.u32())
    copyConstant(reader, writer, indexes)
  }
  if (flags & (isNotActive | hasIndex)) copyElementKind(reader, writer, flags, indexes.types)
  const count = reader.count('elements')
  writer.u32(count)
  for (let index = 0; index < count; index += 1) {
    if (flags & hasExpressions) copyConstant(reader, writer, indexes)
    else writer.u32(readMovedFunction(reader, indexes))
  }
}

function copyElementKind(reader: Reader, writer: Writer, flags: number, types: number): void {
  const start = reader.at
  if (flags & hasExpressions) skipValueType(reader, types)
  else reader.skip(1)
  writer.copy(reader.bytes, start, reader.at)
}

/** Data, with functions renumbered in the places it goes to. */
export const writeData: SectionWriter = ({ declarations }, reader) => {
  if (!reader) return null
  const writer = new Writer(reader.end - reader.at + 0x100)
  const count = reader.count('segments of data')
  writer.u32(count)
  for (let index = 0; index < count; index += 1) {
    const at = reader.at
    const flags = reader.u32()
    if (flags > dataWithMemory) throw reader.refusal(`a segment of data with the flags ${flags}`, at)
    writer.u32(flags)
    if (flags === dataWithMemory) writer.u32(reader.u32())
    if (flags !== passiveData) copyConstant(reader, writer, declarations.indexes)
    writer.block(reader.block())
  }
  reader.expectEnd('the data')
  return writer.written
}
