import type { Reader } from './reader.ts'
import { hex } from './refusal.ts'

/** Value types of one byte that need no more looking into. */
const valueTypes: Readonly<Record<number, string>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
}

/** Heap types, which in one byte stand for their nullable reference. */
const heapTypes: Readonly<Record<number, string>> = {
  112: 'func',
  111: 'extern',
  105: 'exn',
  115: 'nofunc',
  114: 'noextern',
  116: 'noexn',
}

/** Why a type is refused. What they name lives outside the memory that can be capped. */
const refusedTypes: Readonly<Record<number, string>> = {
  120: 'packed i8 of GC',
  119: 'packed i16 of GC',
  113: 'none of GC',
  110: 'any of GC',
  109: 'eq of GC',
  108: 'i31 of GC',
  107: 'struct of GC',
  106: 'array of GC',
  104: 'continuation',
  117: 'no continuation',
  103: 'string',
  101: 'shared',
  98: 'exact reference',
}

const nullableReference = 0x63
const reference = 0x64

/** The type form of functions; all others are of GC, continuations or shared. */
export const functionForm = 0x60

/** Passes over a value type; one that is not metered is refused by name. `types` is how many types it may refer to. */
export function skipValueType(reader: Reader, types: number): void {
  const at = reader.at
  const byte = reader.byte()
  if (byte === nullableReference || byte === reference) skipHeapType(reader, types)
  else if (!(byte in valueTypes) && !(byte in heapTypes)) throw reader.refusal(refusedType(byte), at)
}

/** Passes over what follows `ref` and `ref.null`: the index of a type, or a heap type by name. */
export function skipHeapType(reader: Reader, types: number): void {
  const at = reader.at
  const byte = reader.byte()
  if (byte in heapTypes) return
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
  const names: Readonly<Record<number, string>> = {
    95: 'struct of GC',
    94: 'array of GC',
    93: 'continuation',
    80: 'subtype of GC',
    79: 'final subtype of GC',
    78: 'recursive group of GC',
    101: 'shared',
  }
  return `type form ${hex(byte)} (${names[byte] ?? 'unknown'})`
}

function refusedType(byte: number): string {
  return `type ${hex(byte)} (${refusedTypes[byte] ?? 'unknown'})`
}
