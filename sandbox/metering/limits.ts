import type { Reader } from './reader.ts'
import { hex, MeterRefusal } from './refusal.ts'

/** How large a memory (in pages) or a table (in entries) is, and may become. */
export interface Limits {
  readonly minimum: number
  readonly maximum: number
  /** Where it stands in the module. */
  readonly byte: number
}

const hasMaximum = 0x01
const isShared = 0x02
const is64Bit = 0x04

/** Reads the limits of a memory or a table; shared ones and those of 64 bits are refused. */
export function readLimits(reader: Reader, what: 'memory' | 'table'): Limits {
  const byte = reader.at
  const flags = reader.byte()
  if (flags & isShared) throw reader.refusal(`a shared ${what}`, byte)
  if (flags & is64Bit) throw reader.refusal(`a ${what} of 64 bits (${what}64)`, byte)
  if (flags > hasMaximum) throw reader.refusal(`limits of a ${what} with the flags ${hex(flags)}`, byte)
  const minimum = reader.u32()
  const maximum = flags & hasMaximum ? reader.u32() : Number.POSITIVE_INFINITY
  if (maximum < minimum) throw reader.refusal(`a ${what} with a maximum below its minimum`, byte)
  return { minimum, maximum, byte }
}

/**
 * Shares out what all memories, or all tables, may have together: each gets its
 * minimum, and an equal part of the rest; what one does not want the others
 * get. Returns the new maxima.
 */
export function shareOut(wanted: readonly Limits[], most: number, what: 'memory' | 'table'): number[] {
  const unit = what === 'memory' ? 'pages' : 'entries'
  let left = most
  for (const { minimum, byte } of wanted) {
    if (minimum > left)
      throw new MeterRefusal(
        `a ${what} that begins with ${minimum} ${unit}; ${left} are left of ${most}`,
        byte,
      )
    left -= minimum
  }
  const maxima = wanted.map(({ minimum }) => minimum)
  const growth = wanted.map(({ minimum, maximum }, index) => ({
    index,
    wish: Math.min(maximum, most) - minimum,
  }))
  // Those who want least come first: what they leave is known when the others get theirs.
  growth.sort((one, other) => one.wish - other.wish)
  growth.forEach(({ index, wish }, place) => {
    const granted = Math.min(wish, Math.floor(left / (growth.length - place)))
    maxima[index] = (maxima[index] as number) + granted
    left -= granted
  })
  return maxima
}
