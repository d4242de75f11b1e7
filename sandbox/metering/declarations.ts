import { copyConstant } from './constants.ts'
import type { Indexes } from './indexes.ts'
import { type Limits, readLimits } from './limits.ts'
import type { Reader } from './reader.ts'
import { openSection, Section, type Sections } from './sections.ts'
import { functionForm, readTypeIndex, refusedForm, skipValueType, skipValueTypes } from './types.ts'
import { Writer } from './writer.ts'

/** A table with what stands before and behind its limits. */
export interface Table {
  /** The type of its entries, as in the module. */
  readonly type: Uint8Array
  readonly limits: Limits
  /** Everything before the limits: the type, and the mark of an initial value. Empty for an imported one. */
  readonly head: Uint8Array
  /** The initial value, with functions renumbered. */
  readonly initial: Uint8Array
}

/** What a module declares before its code, as far as metering needs it. Imported things come first. */
export interface Declarations {
  readonly indexes: Indexes
  /** How many parameters and results the types of functions have. */
  readonly typeArities: readonly number[]
  readonly functionTypes: readonly number[]
  readonly tables: readonly Table[]
  readonly importedTables: number
  readonly memories: readonly Limits[]
  readonly importedMemories: number
}

/** What an import can be, by the byte that says so. */
export const ImportKind = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const

interface Imported {
  readonly functionTypes: number[]
  readonly tables: Table[]
  readonly memories: Limits[]
  globals: number
}

const nothing = new Uint8Array(0)
const withInitialValue = 0x40

/** Reads what stands before the code. `shift` is the number of functions that will be imported in addition. */
export function readDeclarations(sections: Sections, shift: 0 | 1): Declarations {
  const typeArities = readTypes(openSection(sections, Section.type))
  const types = typeArities.length
  const imported = readImports(openSection(sections, Section.import), types)
  const ownTypes = readList(openSection(sections, Section.function), 'functions', (reader) =>
    readTypeIndex(reader, types),
  )
  readList(openSection(sections, Section.tag), 'tags', (reader) => skipTag(reader, types))
  const indexes = {
    types,
    importedFunctions: imported.functionTypes.length,
    functions: imported.functionTypes.length + ownTypes.length,
    globals: imported.globals + (openSection(sections, Section.global)?.count('globals') ?? 0),
    shift,
  }
  const ownTables = readList(openSection(sections, Section.table), 'tables', (reader) =>
    readTable(reader, indexes),
  )
  const ownMemories = readList(openSection(sections, Section.memory), 'memories', (reader) =>
    readLimits(reader, 'memory'),
  )
  return {
    indexes,
    typeArities,
    functionTypes: [...imported.functionTypes, ...ownTypes],
    tables: [...imported.tables, ...ownTables],
    importedTables: imported.tables.length,
    memories: [...imported.memories, ...ownMemories],
    importedMemories: imported.memories.length,
  }
}

/** Reads a section that is one list. */
function readList<T>(reader: Reader | null, what: string, read: (reader: Reader, index: number) => T): T[] {
  if (!reader) return []
  const entries: T[] = []
  const count = reader.count(what)
  for (let index = 0; index < count; index += 1) entries.push(read(reader, index))
  reader.expectEnd(`the ${what}`)
  return entries
}

function readTypes(section: Reader | null): number[] {
  return readList(section, 'types', (reader, index) => {
    const at = reader.at
    const form = reader.byte()
    if (form !== functionForm) throw reader.refusal(refusedForm(form), at)
    // A type may refer to itself and to those before it.
    return skipValueTypes(reader, index + 1) + skipValueTypes(reader, index + 1)
  })
}

function readImports(section: Reader | null, types: number): Imported {
  const imported: Imported = { functionTypes: [], tables: [], memories: [], globals: 0 }
  readList(section, 'imports', (reader) => {
    reader.block()
    reader.block()
    readImport(reader, imported, types)
  })
  return imported
}

function readImport(reader: Reader, imported: Imported, types: number): void {
  const at = reader.at
  const kind = reader.byte()
  switch (kind) {
    case ImportKind.function:
      imported.functionTypes.push(readTypeIndex(reader, types))
      return
    case ImportKind.table: {
      const type = readTypeBytes(reader, types)
      imported.tables.push({ type, limits: readLimits(reader, 'table'), head: nothing, initial: nothing })
      return
    }
    case ImportKind.memory:
      imported.memories.push(readLimits(reader, 'memory'))
      return
    case ImportKind.global:
      skipValueType(reader, types)
      reader.skip(1)
      imported.globals += 1
      return
    case ImportKind.tag:
      skipTag(reader, types)
      return
    default:
      throw reader.refusal(`import of the kind ${kind}`, at)
  }
}

function readTable(reader: Reader, indexes: Indexes): Table {
  const start = reader.at
  const hasInitial = reader.bytes[start] === withInitialValue
  if (hasInitial) reader.skip(2)
  const type = readTypeBytes(reader, indexes.types)
  const head = reader.bytes.subarray(start, reader.at)
  const limits = readLimits(reader, 'table')
  const initial = new Writer(0)
  if (hasInitial) copyConstant(reader, initial, indexes)
  return { type, limits, head, initial: initial.written }
}

function skipTag(reader: Reader, types: number): void {
  reader.skip(1)
  readTypeIndex(reader, types)
}

function readTypeBytes(reader: Reader, types: number): Uint8Array {
  const start = reader.at
  skipValueType(reader, types)
  return reader.bytes.subarray(start, reader.at)
}
