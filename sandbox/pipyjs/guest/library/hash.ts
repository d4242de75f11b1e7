import { keyOf } from '../objects.ts'
import { imul, unitAt } from './natives.ts'

/**
 * A number for a value: the same for the same value, everywhere and always, up to 2⁵³. For objects
 * it is the same for as long as the script lives.
 */
export function hash(value?: unknown): number {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  const text = isObject ? `object:${keyOf(value as object)}` : `${typeof value}:${String(value)}`
  return (hash32(text, 0x811c9dc5) % 2 ** 21) * 2 ** 32 + hash32(text, 0x1000193)
}

/** FNV-1a over the units of a text, with its bits mixed at the end, because the low ones alone are used to choose. */
function hash32(text: string, start: number): number {
  let state = start
  for (let at = 0; at < text.length; at += 1) state = imul(state ^ unitAt(text, at), 0x1000193)
  state = imul(state ^ (state >>> 16), 0x85ebca6b)
  state = imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
