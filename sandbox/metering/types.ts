import type { Reader } from './reader.ts'
import { hex } from './refusal.ts'

/** Value types that are no references: i32, i64, f32, f64, v128. */
const valueTypes: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b])

/** Heap types, each of which alone is its nullable reference: func, extern, exn, and what has only null of these. */
const heapTypes: ReadonlySet<number> = new Set([0x70, 0x6f, 0x69, 0x73, 0x72, 0x74])

/** Why a type is refused. What they name lives outside the memory that can be capped. */
const refusedTypes: ReadonlyMap<number, string> = new Map([
  [0x78, 'packed i8 of GC'],
  [0x77, 'packed i16 of GC'],
  [0x71, 'none of GC'],
  [0x6e, 'any of GC'],
  [0x6d, 'eq of GC'],
  [0x6c, 'i31 of GC'],
  [0x6b, 'struct of GC'],
  [0x6a, 'array of GC'],
  [0x68, 'continuation'],
  [0x75, 'no continuation'],
  [0x67, 'string'],
  [0x65, 'shared'],
  [0x62, 'exact reference'],
])

/** Why a form of type is refused. */
const refusedForms: ReadonlyMap<number, string> = new Map([
  [0x5f, 'struct of GC'],
  [0x5e, 'array of GC'],
  [0x5d, 'continuation'],
  [0x50, 'subtype of GC'],
  [0x4f, 'final subtype of GC'],
  [0x4e, 'recursive group of GC'],
  [0x65, 'shared'],
])

const nullableReference = 0x63
const reference = 0x64

/** The type form of functions; all others are of GC, continuations or shared. */
export const functionForm = 0x60

/** Passes over a value type; one that is not metered is refused by name. `types` is how many types it may refer to. */
export function skipValueType(reader: Reader, types: number): void {
  const at = reader.at
  const byte = reader.byte()
  if (byte === nullableReference || byte === reference) skipHeapType(reader, types)
  else if (!valueTypes.has(byte) && !heapTypes.has(byte)) throw reader.refusal(refusedType(byte), at)
}

/** Passes over what follows `ref` and `ref.null`: the index of a type, or a heap type by name. */
export function skipHeapType(reader: Reader, types: number): void {
  const at = reader.at
  const byte = reader.byte()
  if (heapTypes.has(byte)) return
  if (byte >= 0x40 && byte < 0x80) throw reader.refusal(refusedType(byte), at)
  reader.at = at
  readTypeIndex(reader, types)
}

/** Reads the index of a type, and refuses one that is out of range: metering adds types of its own. */
export function readTypeIndex(reader: Reader, types: number): number {
  const at = reader.at
  const index = reader.u32()
  if (index >= types) throw reader.refusal(`type ${index} of ${types}`, at)
  return index
}

/** Passes over a list of value types and says how many there are. */
export function skipValueTypes(reader: Reader, types: number): number {
  const count = reader.count('value types')
  for (let index = 0; index < count; index += 1) skipValueType(reader, types)
  return count
}

/** Why a form of type other than that of functions is refused. */
export function refusedForm(byte: number): string {
  return `type form ${hex(byte)} (${refusedForms.get(byte) ?? 'unknown'})`
}

function refusedType(byte: number): string {
  return `type ${hex(byte)} (${refusedTypes.get(byte) ?? 'unknown'})`
}
