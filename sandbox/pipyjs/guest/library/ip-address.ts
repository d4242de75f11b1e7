import { exec, floor, hexadecimal, indexOf, slice, split } from './natives.ts'

/** An address: four bytes of IPv4, or eight groups of IPv6. */
export type Parts = readonly number[]

const v4 = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/
const group = /^[0-9a-fA-F]{1,4}$/

/** Reads an address; null for what is none. */
export function parseAddress(text: string): Parts | null {
  return indexOf(text, ':') < 0 ? parseV4(text) : parseV6(text)
}

function parseV4(text: string): Parts | null {
  const found = exec(v4, text)
  if (found === null) return null
  const parts: number[] = []
  for (let at = 0; at < 4; at += 1) {
    const part = Number(found[at + 1])
    if (part > 255) return null
    parts[at] = part
  }
  return parts
}

function parseV6(text: string): Parts | null {
  const gap = indexOf(text, '::')
  if (gap < 0) {
    const groups = parseGroups(text)
    return groups?.length === 8 ? groups : null
  }
  if (indexOf(text, '::', gap + 1) >= 0) return null
  const before = gap === 0 ? [] : parseGroups(slice(text, 0, gap))
  const after = gap + 2 === text.length ? [] : parseGroups(slice(text, gap + 2))
  if (before === null || after === null || before.length + after.length > 7) return null
  const parts: number[] = []
  for (let at = 0; at < 8; at += 1) parts[at] = before[at] ?? after[at - 8 + after.length] ?? 0
  return parts
}

/** Groups between colons; the last may be an IPv4 address, which is two. */
function parseGroups(text: string): number[] | null {
  const texts = split(text, ':')
  const groups: number[] = []
  for (let at = 0; at < texts.length; at += 1) {
    const one = texts[at] as string
    const embedded = at === texts.length - 1 ? parseV4(one) : null
    if (embedded !== null) {
      groups[groups.length] = (embedded[0] as number) * 256 + (embedded[1] as number)
      groups[groups.length] = (embedded[2] as number) * 256 + (embedded[3] as number)
    } else {
      if (exec(group, one) === null) return null
      groups[groups.length] = Number.parseInt(one, 16)
    }
  }
  return groups.length > 8 ? null : groups
}

/** An address from its bytes, 4 or 16. */
export function fromBytes(bytes: ArrayLike<unknown>): Parts {
  const parts: number[] = []
  const byte = (at: number) => Number(bytes[at] ?? 0) & 255
  if (bytes.length <= 4) for (let at = 0; at < 4; at += 1) parts[at] = byte(at)
  else for (let at = 0; at < 8; at += 1) parts[at] = byte(2 * at) * 256 + byte(2 * at + 1)
  return parts
}

/** The bytes of an address. */
export function toBytes(parts: Parts): number[] {
  const bytes: number[] = []
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] as number
    if (parts.length === 8) bytes[bytes.length] = floor(part / 256)
    bytes[bytes.length] = part % 256
  }
  return bytes
}

/** An address as text; in IPv6 the longest run of zeros is left out. */
export function formatAddress(parts: Parts): string {
  if (parts.length === 4) return `${parts[0]}.${parts[1]}.${parts[2]}.${parts[3]}`
  const gap = longestZeros(parts)
  let text = ''
  for (let at = 0; at < 8; at += 1) {
    if (at === gap.from && gap.length > 1) {
      text += '::'
      at += gap.length - 1
      continue
    }
    if (text !== '' && text[text.length - 1] !== ':') text += ':'
    text += hexadecimal(parts[at] as number)
  }
  return text
}

function longestZeros(parts: Parts): { from: number; length: number } {
  let best = { from: 0, length: 0 }
  let length = 0
  for (let at = 0; at < 8; at += 1) {
    length = parts[at] === 0 ? length + 1 : 0
    if (length > best.length) best = { from: at + 1 - length, length }
  }
  return best
}
