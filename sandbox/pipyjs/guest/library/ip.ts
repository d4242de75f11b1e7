import { nameOf } from './bytes.ts'
import { formatAddress, fromBytes, type Parts, parseAddress, toBytes } from './ip-address.ts'
import { copied, exec, isArray, isInteger, stringify } from './natives.ts'

/** An IPv4 or IPv6 address. */
export class IP {
  readonly #parts: Parts

  constructor(address: unknown) {
    this.#parts = partsOf(address)
  }

  get version(): number {
    return this.#parts.length === 4 ? 4 : 6
  }

  get isV4(): boolean {
    return this.#parts.length === 4
  }

  get isV6(): boolean {
    return this.#parts.length === 8
  }

  /** Bytes of IPv4, groups of IPv6. */
  decompose(): number[] {
    return copied(this.#parts)
  }

  toBytes(): number[] {
    return toBytes(this.#parts)
  }

  toString(): string {
    return formatAddress(this.#parts)
  }

  toJSON(): string {
    return formatAddress(this.#parts)
  }
}

/** The parts of an address that a script gives: text, bytes, or an IP. */
export function partsOf(address: unknown): Parts {
  if (address instanceof IP) return address.decompose()
  if (isArray(address)) return fromBytes(address)
  if (typeof address !== 'string') {
    throw new TypeError(`an address is a string or an array of bytes, and not ${nameOf(address)}`)
  }
  const parts = parseAddress(address)
  if (parts === null) throw new TypeError(`${stringify(address)} is no IP address`)
  return parts
}

const bracketed = /^\[([^\]]*)\](?::([0-9]{1,5}))?$/
const withPort = /^([^:]*):([0-9]{1,5})$/

/** An address with a port and a protocol. */
export class IPEndpoint {
  declare ip: IP
  declare port: number
  declare protocol: string

  constructor(address: unknown, ...rest: unknown[]) {
    const hasPort = typeof rest[0] === 'number'
    const protocol = String((hasPort ? rest[1] : rest[0]) ?? 'tcp')
    if (protocol !== 'tcp' && protocol !== 'udp') {
      throw new TypeError(`the protocol of an IPEndpoint is tcp or udp, and not ${protocol}`)
    }
    const isText = typeof address === 'string' && !hasPort
    const { host, port } = isText ? splitPort(address) : { host: address, port: hasPort ? rest[0] : 0 }
    if (!isInteger(port) || !((port as number) >= 0 && (port as number) <= 65_535)) {
      throw new RangeError(`a port is a number from 0 to 65535, and not ${String(port)}`)
    }
    this.ip = host instanceof IP ? host : new IP(host)
    this.port = port as number
    this.protocol = protocol
  }
}

function splitPort(address: string): { readonly host: string; readonly port: number } {
  const found = exec(bracketed, address) ?? exec(withPort, address)
  if (found === null) return { host: address, port: 0 }
  return { host: found[1] as string, port: Number(found[2] ?? 0) }
}
