import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** What a port is, for deciding who may do what there. */
export interface Door {
  /** As it was configured: a name or an address. */
  readonly configuredHost: string
  /** Whether only this machine can reach it. */
  readonly isLoopback: boolean
  /** What changes must bring from beyond loopback; null lets none in. */
  readonly token: string | null
}

/** Why a request is turned away. */
export interface Refusal {
  readonly status: 401 | 403
  readonly reason: string
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether an address that was bound can be reached from this machine only. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Whether a request that only reads is turned away.
 *
 * A web page can give its own name the address 127.0.0.1 and then read what is
 * there (DNS rebinding), so on loopback the Host must be one that no page can
 * have. Beyond loopback, names are how one gets there.
 */
export function refuseRead(request: IncomingMessage, door: Door): Refusal | null {
  return door.isLoopback ? refuseHost(request, door) : null
}

/** Whether a request that changes something is turned away: by its Host, its Origin, or its token. */
export function refuseChange(request: IncomingMessage, door: Door): Refusal | null {
  return (
    refuseHost(request, door) ??
    refuseOrigin(request) ??
    (door.isLoopback ? null : refuseToken(request, door))
  )
}

function refuseHost(request: IncomingMessage, door: Door): Refusal | null {
  const { host } = request.headers
  // Only HTTP/1.0 may come without, which no browser speaks.
  if (host === undefined) return null
  const name = hostName(host)
  if (isIP(name) !== 0 || name === 'localhost' || name === door.configuredHost.toLowerCase()) return null
  return {
    status: 403,
    reason: 'the Host header must be an IP address, localhost, or the host that the admin port was given',
  }
}

/** Without the port and the brackets, in lower case. */
function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') : host.lastIndexOf(':')
  const start = host.startsWith('[') ? 1 : 0
  return host.slice(start, end < 0 ? host.length : end).toLowerCase()
}

/** Browsers say where a page that sends a POST came from; other clients say nothing. */
function refuseOrigin(request: IncomingMessage): Refusal | null {
  const { origin, host } = request.headers
  const site = request.headers['sec-fetch-site']
  const isOwn = origin === undefined || origin.toLowerCase() === `http://${host ?? ''}`.toLowerCase()
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none'
  if (isOwn && isOwnSite) return null
  return { status: 403, reason: 'changes are not taken from pages of other origins' }
}

function refuseToken(request: IncomingMessage, door: Door): Refusal | null {
  if (door.token === null || door.token === '') {
    return {
      status: 403,
      reason:
        'this admin port can be reached from other machines and no token is configured, so it takes no changes',
    }
  }
  const [scheme, given] = splitOnce(request.headers.authorization ?? '')
  if (scheme.toLowerCase() === 'bearer' && isSame(given, door.token)) return null
  return { status: 401, reason: 'changes need the header Authorization: Bearer with the right token' }
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(' ')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1).trim()]
}

/** Takes the same time wherever they differ, and however long they are. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted))
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
