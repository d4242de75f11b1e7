import { nameOf } from './bytes.ts'
import { IP, partsOf } from './ip.ts'
import { formatAddress, type Parts, parseAddress, toBytes } from './ip-address.ts'
import { copied, exec, floor, indexOf, isInteger, max, min, slice, stringify } from './natives.ts'

const decimal = /^(?:0|[1-9][0-9]{0,2})$/

/** A range of addresses (`10.0.0.0/8`). An address without a length is itself alone. */
export class Netmask {
  readonly #full: Parts
  readonly #mask: Parts
  readonly #bits: number
  #next = 1

  /** CIDR notation, or the length of the prefix and the bytes of an address. */
  constructor(range: unknown, bytes?: unknown) {
    const { parts, bits } =
      typeof range === 'number' ? { parts: partsOf(bytes), bits: range } : parseRange(range)
    const width = parts.length === 4 ? 32 : 128
    if (!isInteger(bits) || bits < 0 || bits > width) {
      throw new RangeError(`the prefix of ${formatAddress(parts)} has 0 to ${width} bits, and not ${bits}`)
    }
    this.#full = parts
    this.#bits = bits
    this.#mask = maskOf(parts.length, bits)
  }

  get version(): number {
    return this.#full.length === 4 ? 4 : 6
  }

  get ip(): string {
    return formatAddress(this.#full)
  }

  get bitmask(): number {
    return this.#bits
  }

  get base(): string {
    return this.#format((address, mask) => address & mask)
  }

  get mask(): string {
    return formatAddress(this.#mask)
  }

  get hostmask(): string {
    return this.#format((_, mask, all) => all & ~mask)
  }

  get broadcast(): string {
    return this.#format((address, mask, all) => address | (all & ~mask))
  }

  /** How many addresses there are. */
  get size(): number {
    return 2 ** ((this.#full.length === 4 ? 32 : 128) - this.#bits)
  }

  /** The first address for a host: that after the base, if there is one. */
  get first(): string {
    return this.#format((address, mask, all, isLast) => (address & mask) | (isLast ? all & ~mask & 1 : 0))
  }

  /** The last address for a host: that before the broadcast address, if there is one. */
  get last(): string {
    return this.#format((address, mask, all, isLast) => {
      const hosts = all & ~mask
      return (address & mask) | (isLast ? hosts & (hosts - 1) : hosts)
    })
  }

  /** Bytes of IPv4, groups of IPv6. */
  decompose(): number[] {
    return copied(this.#full)
  }

  toBytes(): number[] {
    return toBytes(this.#full)
  }

  toString(): string {
    return `${this.ip}/${this.#bits}`
  }

  /** Whether an address is in the range. IPv4 in IPv6 (`::ffff:1.2.3.4`) is IPv4; what is no address is in none. */
  contains(address: unknown): boolean {
    const parts = address instanceof IP ? address.decompose() : parseAddress(String(address))
    if (parts === null) return false
    const same = this.#full.length === 4 ? unmapped(parts) : parts
    if (same.length !== this.#full.length) return false
    for (let at = 0; at < same.length; at += 1) {
      const difference = (same[at] as number) ^ (this.#full[at] as number)
      if ((difference & (this.#mask[at] as number)) !== 0) return false
    }
    return true
  }

  /** The next host of the range, from the first one on; empty after the last. */
  next(): string {
    if (this.#next >= this.size - 1) return ''
    const parts = this.decompose()
    const unit = parts.length === 4 ? 256 : 65_536
    let rest = this.#next
    this.#next += 1
    for (let at = parts.length - 1; at >= 0; at -= 1) {
      const base = (parts[at] as number) & (this.#mask[at] as number)
      parts[at] = base | (rest % unit)
      rest = floor(rest / unit)
    }
    return formatAddress(parts)
  }

  #format(combine: (address: number, mask: number, all: number, isLast: boolean) => number): string {
    const parts: number[] = []
    const { length } = this.#full
    const all = length === 4 ? 255 : 65_535
    for (let at = 0; at < length; at += 1) {
      parts[at] = combine(this.#full[at] as number, this.#mask[at] as number, all, at === length - 1)
    }
    return formatAddress(parts)
  }
}

function parseRange(range: unknown): { readonly parts: Parts; readonly bits: number } {
  if (typeof range !== 'string') {
    throw new TypeError(`a Netmask is made of a string such as "10.0.0.0/8", and not of ${nameOf(range)}`)
  }
  const slash = indexOf(range, '/')
  const parts = parseAddress(slash < 0 ? range : slice(range, 0, slash))
  const bits = slice(range, slash + 1)
  if (parts === null || (slash >= 0 && exec(decimal, bits) === null)) {
    throw new TypeError(`${stringify(range)} is no range of addresses; it would be like 10.0.0.0/8`)
  }
  return { parts, bits: slash < 0 ? (parts.length === 4 ? 32 : 128) : Number(bits) }
}

function maskOf(length: number, bits: number): Parts {
  const unit = length === 4 ? 8 : 16
  const mask: number[] = []
  for (let at = 0; at < length; at += 1) {
    const set = max(0, min(unit, bits - at * unit))
    mask[at] = 2 ** unit - 2 ** (unit - set)
  }
  return mask
}

function unmapped(parts: Parts): Parts {
  if (parts.length === 4) return parts
  for (let at = 0; at < 6; at += 1) if (parts[at] !== (at < 5 ? 0 : 65_535)) return parts
  const bytes = toBytes(parts)
  return [bytes[12] as number, bytes[13] as number, bytes[14] as number, bytes[15] as number]
}
