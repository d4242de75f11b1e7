import { BlockList, isIP } from 'node:net'
import type { RequestHead } from '../http1/request-head.ts'

/** An address and a port where a connection was going. */
export interface Destination {
  readonly address: string
  readonly port: number
}

/** The header that says where a connection was going, for listeners with `originalDestination: header`. Never forwarded. */
export const destinationHeader = 'x-pillion-original-destination'

/** Reads `ip:port` or `[ip]:port`; null if it is anything else. */
export function parseDestination(text: string): Destination | null {
  const colon = text.lastIndexOf(':')
  if (colon < 0) return null
  const isBracketed = text[0] === '[' && text[colon - 1] === ']'
  const address = isBracketed ? text.slice(1, colon - 1) : text.slice(0, colon)
  const digits = text.slice(colon + 1)
  const port = Number(digits)
  const isPort =
    digits.length > 0 && digits.length <= 5 && Number.isInteger(port) && port > 0 && port < 65_536
  if (!isPort || isIP(address) !== (isBracketed ? 6 : 4)) return null
  return { address, port }
}

/** Takes the destination header out of a request; what it said counts only if its sender may say so. */
export function takeDestination(head: RequestHead, isTrusted: boolean): Destination | null {
  const values = head.headers.getAll(destinationHeader)
  if (values.length === 0) return null
  head.headers.delete(destinationHeader)
  return isTrusted && values.length === 1 ? parseDestination(values[0] as string) : null
}

/** Tells whether an address lies in one of the CIDR ranges. IPv4 in IPv6 clothing is IPv4. */
export function trustOf(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    const family = isIP(net) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(net, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  return (address) => {
    const plain = plainAddress(address)
    return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** `::ffff:10.0.0.1` → `10.0.0.1`; others as they are. */
export function plainAddress(address: string): string {
  const isMapped = address.startsWith('::ffff:') && isIP(address.slice(7)) === 4
  return isMapped ? address.slice(7) : address
}
