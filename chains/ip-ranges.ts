/** An address as numbers: one 32-bit word for IPv4, four for IPv6. */
type Words = readonly number[]

/**
 * Reads an IPv4 or IPv6 address; null for anything else.
 *
 * An IPv4 address mapped into IPv6 (`::ffff:1.2.3.4`) is the IPv4 address, so
 * that a client is the same whatever kind of socket took it. A zone
 * (`fe80::1%eth0`) is dropped. Numbers with leading zeros are refused, because
 * some read them as octal.
 */
export function parseAddress(text: string): Words | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** Whether `text` is an address or a CIDR range that {@link IpRanges} takes. */
export function isRange(text: string): boolean {
  return parseRange(text) !== null
}

/**
 * A set of addresses and CIDR ranges. Asking costs one look-up for each prefix
 * length that occurs, however many ranges there are.
 */
export class IpRanges {
  readonly #v4 = new Map<number, Set<number>>()
  readonly #v6 = new Map<number, Set<string>>()

  /** Throws an `Error` that names the first text which is neither an address nor a range. */
  constructor(ranges: Iterable<string>) {
    for (const text of ranges) {
      const range = parseRange(text)
      if (!range) throw new Error(`not an address or CIDR range: ${text}`)
      if (range.words.length === 1) add(this.#v4, range.prefix, maskWord(range.words[0] ?? 0, range.prefix))
      else add(this.#v6, range.prefix, maskKey(range.words, range.prefix))
    }
  }

  /** Whether the address lies in one of the ranges; false for what is no address. */
  has(address: string): boolean {
    const words = parseAddress(address)
    if (!words) return false
    if (words.length === 1) {
      for (const [prefix, networks] of this.#v4) {
        if (networks.has(maskWord(words[0] ?? 0, prefix))) return true
      }
      return false
    }
    for (const [prefix, networks] of this.#v6) {
      if (networks.has(maskKey(words, prefix))) return true
    }
    return false
  }
}

function add<T>(networks: Map<number, Set<T>>, prefix: number, network: T): void {
  const known = networks.get(prefix)
  if (known) known.add(network)
  else networks.set(prefix, new Set([network]))
}

function parseRange(text: string): { readonly words: Words; readonly prefix: number } | null {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const words = parseAddress(address)
  if (!words || address.includes('%')) return null
  const isMapped = words.length === 1 && address.includes(':')
  const bits = words.length === 1 && !isMapped ? 32 : 128
  const prefix = slash < 0 ? bits : parseDecimal(text.slice(slash + 1), bits)
  if (prefix === null) return null
  if (!isMapped) return { words, prefix }
  return prefix < 96 ? null : { words, prefix: prefix - 96 }
}

/** A number without sign or leading zeros, up to `max`. */
function parseDecimal(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text[0] === '0')) return null
  let value = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return null
    value = value * 10 + digit
  }
  return value <= max ? value : null
}

function parseIpv4(text: string): Words | null {
  if (text.length > 15) return null
  const parts = text.split('.')
  if (parts.length !== 4) return null
  let word = 0
  for (const part of parts) {
    const octet = parseDecimal(part, 255)
    if (octet === null) return null
    word = ((word << 8) | octet) >>> 0
  }
  return [word]
}

function parseIpv6(text: string): Words | null {
  const zone = text.indexOf('%')
  const bare = zone < 0 ? text : text.slice(0, zone)
  if (bare.length > 45) return null
  const gap = bare.indexOf('::')
  const head = parseGroups(gap < 0 ? bare : bare.slice(0, gap), gap < 0)
  const tail = gap < 0 ? [] : parseGroups(bare.slice(gap + 2), true)
  if (!head || !tail) return null
  const missing = 8 - head.length - tail.length
  if (gap < 0 ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail]
  const words = [0, 2, 4, 6].map((at) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0)
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  return isMapped ? words.slice(3) : words
}

/** Groups of four hex digits between colons; an IPv4 address may stand at the very end. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === '') return []
  const parts = text.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const word = isEnd && index === parts.length - 1 ? parseIpv4(part)?.[0] : undefined
      if (word === undefined) return null
      groups.push(word >>> 16, word & 0xffff)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return null
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

function maskWord(word: number, bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? word : (word & (-1 << (32 - bits))) >>> 0
}

function maskKey(words: Words, prefix: number): string {
  return words.map((word, index) => maskWord(word, prefix - index * 32).toString(16)).join(':')
}
