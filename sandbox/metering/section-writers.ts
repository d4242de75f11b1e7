import { copyConstant } from './constants.ts'
import { ImportKind } from './declarations.ts'
import { checkGlobal, readMovedFunction } from './indexes.ts'
import { readLimits } from './limits.ts'
import type { Reader } from './reader.ts'
import type { SectionWriter, SectionWriters } from './rewrite.ts'
import { Section } from './sections.ts'
import { writeData, writeElements } from './segments.ts'
import { skipValueType } from './types.ts'
import { signed, Writer } from './writer.ts'

const withMaximum = 0x01
const mutable = 0x01
const i32 = 0x7f
const i32Constant = 0x41
const endOfConstant = 0x0b
const ExportKind = { function: 0, global: 3 } as const
const encoder = new TextEncoder()

const writeTypes: SectionWriter = ({ additions, declarations }, reader) => {
  const own = declarations.typeArities.length
  const count = own + additions.types.length
  if (count === 0) return null
  return extended(reader, count, (writer) => {
    for (const type of additions.types) writer.append(type)
  })
}

const writeImports: SectionWriter = ({ declarations, tick, memoryMaxima, tableMaxima }, reader) => {
  if (!reader && !tick) return null
  const count = reader?.count('imports') ?? 0
  const writer = new Writer((reader ? reader.end - reader.at : 0) + 0x100)
  writer.u32(count + (tick ? 1 : 0))
  const { types } = declarations.indexes
  const maxima = { memories: memoryMaxima.values(), tables: tableMaxima.values() }
  for (let index = 0; reader && index < count; index += 1) {
    if (tick) refuseOurModule(reader, tick.module)
    copyImport(reader, writer, maxima, types)
  }
  if (tick) {
    writer.block(encoder.encode(tick.module))
    writer.block(encoder.encode(tick.name))
    writer.byte(ImportKind.function)
    writer.u32(tick.type)
  }
  return writer.written
}

interface Maxima {
  readonly memories: Iterator<number>
  readonly tables: Iterator<number>
}

function refuseOurModule(reader: Reader, module: string): void {
  const { at } = reader
  if (isText(reader.block(), module)) throw reader.refusal(`an import from ${module}, a name of ours`, at)
  reader.at = at
}

function copyImport(reader: Reader, writer: Writer, maxima: Maxima, types: number): void {
  const start = reader.at
  reader.block()
  reader.block()
  const kind = reader.byte()
  if (kind === ImportKind.tag) reader.skip(1)
  if (kind === ImportKind.function || kind === ImportKind.tag) reader.u32()
  else if (kind !== ImportKind.memory) skipValueType(reader, types)
  if (kind === ImportKind.global) reader.skip(1)
  writer.copy(reader.bytes, start, reader.at)
  if (kind === ImportKind.memory) copyLimits(reader, writer, maxima.memories, 'memory')
  if (kind === ImportKind.table) copyLimits(reader, writer, maxima.tables, 'table')
}

function copyLimits(
  reader: Reader,
  writer: Writer,
  maxima: Iterator<number>,
  what: 'memory' | 'table',
): void {
  const { minimum } = readLimits(reader, what)
  writeLimits(writer, minimum, maxima.next().value as number)
}

function writeLimits(writer: Writer, minimum: number, maximum: number): void {
  writer.byte(withMaximum)
  writer.u32(minimum)
  writer.u32(maximum)
}

const writeFunctions: SectionWriter = ({ additions, declarations }, reader) => {
  const { functions, importedFunctions } = declarations.indexes
  const count = functions - importedFunctions + additions.helpers.length
  if (count === 0) return null
  return extended(reader, count, (writer) => {
    for (const { type } of additions.helpers) writer.u32(type)
  })
}

const writeTables: SectionWriter = ({ declarations, tableMaxima }, reader) => {
  if (!reader) return null
  const { tables, importedTables } = declarations
  const writer = new Writer(reader.end - reader.at + 0x100)
  writer.u32(tables.length - importedTables)
  for (let index = importedTables; index < tables.length; index += 1) {
    const table = tables[index]
    if (!table) break
    writer.append(table.head)
    writeLimits(writer, table.limits.minimum, tableMaxima[index] as number)
    writer.append(table.initial)
  }
  return writer.written
}

const writeMemories: SectionWriter = ({ declarations, memoryMaxima }, reader) => {
  if (!reader) return null
  const own = declarations.memories.slice(declarations.importedMemories)
  const writer = new Writer(0x40)
  writer.u32(own.length)
  own.forEach(({ minimum }, index) => {
    writeLimits(writer, minimum, memoryMaxima[declarations.importedMemories + index] as number)
  })
  return writer.written
}

const writeGlobals: SectionWriter = ({ declarations, initialFuel }, reader) => {
  const count = reader?.count('globals') ?? 0
  const writer = new Writer((reader ? reader.end - reader.at : 0) + 0x40)
  writer.u32(count + 1)
  for (let index = 0; reader && index < count; index += 1) {
    const start = reader.at
    skipValueType(reader, declarations.indexes.types)
    reader.skip(1)
    writer.copy(reader.bytes, start, reader.at)
    copyConstant(reader, writer, declarations.indexes)
  }
  reader?.expectEnd('the globals')
  writer.append(Uint8Array.of(i32, mutable, i32Constant, ...signed(initialFuel), endOfConstant))
  return writer.written
}

const writeExports: SectionWriter = ({ declarations, fuelExport }, reader) => {
  const { indexes } = declarations
  const count = reader?.count('exports') ?? 0
  const writer = new Writer((reader ? reader.end - reader.at : 0) + 0x100)
  writer.u32(count + 1)
  for (let index = 0; reader && index < count; index += 1) {
    const start = reader.at
    if (isText(reader.block(), fuelExport))
      throw reader.refusal(`an export called ${fuelExport}, a name of ours`, start)
    const kind = reader.byte()
    writer.copy(reader.bytes, start, reader.at)
    const at = reader.at
    if (kind === ExportKind.function) writer.u32(readMovedFunction(reader, indexes))
    else {
      const exported = reader.u32()
      if (kind === ExportKind.global) checkGlobal(reader, exported, indexes, at)
      writer.u32(exported)
    }
  }
  reader?.expectEnd('the exports')
  writer.block(encoder.encode(fuelExport))
  writer.byte(ExportKind.global)
  writer.u32(indexes.globals)
  return writer.written
}

const writeStart: SectionWriter = ({ declarations }, reader) => {
  if (!reader) return null
  const writer = new Writer(8)
  writer.u32(readMovedFunction(reader, declarations.indexes))
  reader.expectEnd('the start')
  return writer.written
}

const writeCode: SectionWriter = ({ declarations, bodies, helpers, additions }, reader) => {
  const { functions, importedFunctions } = declarations.indexes
  const count = functions - importedFunctions + additions.helpers.length
  if (!reader && count === 0) return null
  const writer = new Writer(bodies.bytes.length + helpers.length + 8)
  writer.u32(count)
  writer.append(bodies.bytes)
  writer.append(helpers)
  return writer.written
}

/** The section as it came, behind a new count, and then what `add` adds. */
function extended(reader: Reader | null, count: number, add: (writer: Writer) => void): Uint8Array {
  const writer = new Writer((reader ? reader.end - reader.at : 0) + 0x100)
  writer.u32(count)
  if (reader) {
    reader.u32()
    writer.copy(reader.bytes, reader.at, reader.end)
  }
  add(writer)
  return writer.written
}

/** Names of ours are ASCII, so bytes compare as characters. */
function isText(bytes: Uint8Array, text: string): boolean {
  return bytes.length === text.length && bytes.every((byte, index) => byte === text.charCodeAt(index))
}

/** How each section is rewritten; what is not here is passed on as it is. */
export const sectionWriters: SectionWriters = {
  [Section.type]: writeTypes,
  [Section.import]: writeImports,
  [Section.function]: writeFunctions,
  [Section.table]: writeTables,
  [Section.memory]: writeMemories,
  [Section.global]: writeGlobals,
  [Section.export]: writeExports,
  [Section.start]: writeStart,
  [Section.element]: writeElements,
  [Section.code]: writeCode,
  [Section.data]: writeData,
}
