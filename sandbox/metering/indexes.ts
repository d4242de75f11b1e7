import type { Reader } from './reader.ts'

/** How many types, functions and globals there are, and how they are numbered in the module as it came, and in the metered one. */
export interface Indexes {
  readonly types: number
  readonly importedFunctions: number
  /** With the imported ones. */
  readonly functions: number
  /** With the imported ones. */
  readonly globals: number
  /** By how much the module's own functions move up to make room for the import of ours. */
  readonly shift: 0 | 1
}

/**
 * Refuses an index that is out of range. Without this a module that is not
 * valid could become so: what it names would be the counter, or a helper.
 */
export function checkFunction(reader: Reader, index: number, indexes: Indexes, at: number): void {
  if (index >= indexes.functions) throw reader.refusal(`function ${index} of ${indexes.functions}`, at)
}

/** The same for a global, see {@link checkFunction}. */
export function checkGlobal(reader: Reader, index: number, indexes: Indexes, at: number): void {
  if (index >= indexes.globals) throw reader.refusal(`global ${index} of ${indexes.globals}`, at)
}

/** The index that a function has in the metered module. */
export function movedFunction(index: number, indexes: Indexes): number {
  return index < indexes.importedFunctions ? index : index + indexes.shift
}

/** Reads the index of a function and gives that of the metered module. */
export function readMovedFunction(reader: Reader, indexes: Indexes): number {
  const at = reader.at
  const index = reader.u32()
  checkFunction(reader, index, indexes, at)
  return movedFunction(index, indexes)
}
