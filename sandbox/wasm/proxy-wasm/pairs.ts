import { latin1 } from './guest-memory.ts'

/** What a guest may hand over as one map (1.6); more counts as an empty map. */
export const pairLimits = { bytes: 1_048_576, pairs: 1_024 } as const

/** Names and values in turn, one character a byte, as guests read maps. No pairs are no bytes. */
export function encodePairs(pairs: readonly string[]): Uint8Array {
  if (pairs.length === 0) return new Uint8Array(0)
  const bytes = Buffer.alloc(pairsSize(pairs))
  let at = bytes.writeUInt32LE(pairs.length / 2, 0)
  for (const text of pairs) at = bytes.writeUInt32LE(text.length, at)
  for (const text of pairs) at += bytes.write(text, at, 'latin1') + 1
  return bytes
}

/** How many bytes {@link encodePairs} makes. */
export function pairsSize(pairs: readonly string[]): number {
  if (pairs.length === 0) return 0
  return pairs.reduce((sum, text) => sum + 4 + text.length + 1, 4)
}

/**
 * Reads a map that a guest wrote: names and values in turn. Whatever is wrong with it makes it an empty map,
 * as other hosts have it.
 */
export function decodePairs(bytes: Uint8Array): string[] {
  if (bytes.length < 4 || bytes.length > pairLimits.bytes) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint32(0, true) * 2
  if (count > pairLimits.pairs * 2 || 4 + count * 4 > bytes.length) return []
  const pairs: string[] = []
  let at = 4 + count * 4
  for (let index = 0; index < count; index += 1) {
    const end = at + view.getUint32(4 + index * 4, true)
    if (end >= bytes.length || bytes[end] !== 0) return []
    pairs.push(latin1(bytes.subarray(at, end)))
    at = end + 1
  }
  return at === bytes.length ? pairs : []
}
