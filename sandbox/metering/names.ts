import { type Indexes, movedFunction } from './indexes.ts'
import { Reader } from './reader.ts'
import { MeterRefusal } from './refusal.ts'
import type { Sections } from './sections.ts'
import { Writer } from './writer.ts'

const sectionName = 'name'
const functionNames = 1

/**
 * The content of a section with the names of the functions, renumbered; null
 * if the module has none that can be read. Names of locals and all else are
 * left out: stack traces show functions only.
 */
export function writeNames(sections: Sections, indexes: Indexes): Uint8Array | null {
  for (const { start, end } of sections.custom) {
    try {
      const reader = new Reader(sections.bytes, start, end)
      if (Buffer.from(reader.block()).toString('latin1') !== sectionName) continue
      const names = findFunctionNames(reader, indexes)
      if (names) return withHead(names)
    } catch (error) {
      // What nothing depends on cannot make a module bad.
      if (!(error instanceof MeterRefusal)) throw error
    }
  }
  return null
}

function findFunctionNames(reader: Reader, indexes: Indexes): Uint8Array | null {
  while (reader.at < reader.end) {
    const kind = reader.byte()
    const content = reader.block()
    if (kind === functionNames) return renumbered(new Reader(content), indexes)
  }
  return null
}

function renumbered(reader: Reader, indexes: Indexes): Uint8Array {
  const writer = new Writer(reader.end + 0x100)
  const count = reader.count('names')
  writer.u32(count)
  for (let index = 0; index < count; index += 1) {
    writer.u32(movedFunction(reader.u32(), indexes))
    writer.block(reader.block())
  }
  return writer.written
}

function withHead(names: Uint8Array): Uint8Array {
  const writer = new Writer(names.length + 0x10)
  writer.block(new TextEncoder().encode(sectionName))
  writer.byte(functionNames)
  writer.block(names)
  return writer.written
}
