import { isIP } from 'node:net'

/** What a PROXY protocol header says, or null for "nothing" (UNKNOWN, LOCAL). */
export interface ProxyHeader {
  readonly sourceAddress: string
  readonly sourcePort: number
  readonly destinationAddress: string
  readonly destinationPort: number
}

/** How far the reading of a header has come. `used` is how many bytes it took. */
export type ProxyHeaderResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'done'; readonly header: ProxyHeader | null; readonly used: number }
  | { readonly kind: 'invalid'; readonly reason: string }

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** The longest line of version 1 (specification section 2.1). */
const maxLine = 107

/** The longest header of version 2 that we take: addresses, and room for the extensions that load balancers add. */
const maxBinary = 4_096

const more: ProxyHeaderResult = { kind: 'more' }
const invalid = (reason: string): ProxyHeaderResult => ({ kind: 'invalid', reason })

/** Reads a PROXY protocol header of version 1 or 2 from the beginning of a connection (HAProxy's proxy-protocol.txt). */
export function readProxyHeader(bytes: Buffer): ProxyHeaderResult {
  const shared = Math.min(bytes.length, signature.length)
  if (bytes.subarray(0, shared).equals(signature.subarray(0, shared))) {
    return bytes.length < 16 ? more : readBinary(bytes)
  }
  const word = bytes.toString('latin1', 0, Math.min(bytes.length, 6))
  if (!'PROXY '.startsWith(word)) return invalid('the connection does not begin with a PROXY protocol header')
  return readLine(bytes)
}

function readLine(bytes: Buffer): ProxyHeaderResult {
  const end = bytes.subarray(0, maxLine).indexOf('\r\n', 0, 'latin1')
  if (end < 0) return bytes.length >= maxLine ? invalid('the PROXY line is too long') : more
  const used = end + 2
  const parts = bytes.toString('latin1', 0, end).split(' ')
  const [, family, source, destination, sourcePort, destinationPort] = parts
  if (family === 'UNKNOWN') return { kind: 'done', header: null, used }
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  const isValid =
    version !== 0 &&
    parts.length === 6 &&
    isIP(source ?? '') === version &&
    isIP(destination ?? '') === version &&
    isPort(sourcePort) &&
    isPort(destinationPort)
  if (!isValid) return invalid('the PROXY line is not valid')
  const header: ProxyHeader = {
    sourceAddress: source as string,
    sourcePort: Number(sourcePort),
    destinationAddress: destination as string,
    destinationPort: Number(destinationPort),
  }
  return { kind: 'done', header, used }
}

/** Up to five digits without a leading zero, as the specification has it. */
function isPort(text: string | undefined): boolean {
  if (!text || text.length > 5 || (text[0] === '0' && text.length > 1)) return false
  for (const char of text) if (char < '0' || char > '9') return false
  return Number(text) <= 65_535
}

function readBinary(bytes: Buffer): ProxyHeaderResult {
  const command = bytes[12] as number
  if (command >> 4 !== 2 || (command & 15) > 1)
    return invalid('the PROXY header has a version or command that is not known')
  const used = 16 + bytes.readUInt16BE(14)
  if (used > maxBinary) return invalid(`the PROXY header is over ${maxBinary} bytes`)
  if (bytes.length < used) return more
  const family = bytes[13] as number
  if ((command & 15) === 0 || family === 0x00) return { kind: 'done', header: null, used }
  if (family === 0x11) return readAddresses(bytes, used, 4)
  if (family === 0x21) return readAddresses(bytes, used, 16)
  return invalid('the PROXY header is not about TCP over IPv4 or IPv6')
}

function readAddresses(bytes: Buffer, used: number, size: 4 | 16): ProxyHeaderResult {
  if (used < 16 + 2 * size + 4) return invalid('the PROXY header is too short for its addresses')
  const text = (at: number): string =>
    size === 4 ? [...bytes.subarray(at, at + 4)].join('.') : ipv6Text(bytes.subarray(at, at + 16))
  const ports = 16 + 2 * size
  const header: ProxyHeader = {
    sourceAddress: text(16),
    sourcePort: bytes.readUInt16BE(ports),
    destinationAddress: text(16 + size),
    destinationPort: bytes.readUInt16BE(ports + 2),
  }
  return { kind: 'done', header, used }
}

/** Sixteen bytes as eight groups; the shortest form is not needed, because addresses are compared as numbers. */
function ipv6Text(bytes: Buffer): string {
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16))
  return groups.join(':')
}
