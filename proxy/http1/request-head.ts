import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { isAll, tokenChars } from '../../chains/syntax.ts'
import { type Fields, parseFields } from './fields.ts'
import { authorityChars, knownMethods, targetChars } from './syntax.ts'

const SP = 0x20
const CR = 0x0d
const LF = 0x0a

/** How large a head may be. */
export interface HeadLimits {
  readonly maxHeadBytes: number
  readonly maxTargetBytes: number
  readonly maxHeaders: number
}

/** A request head that is unambiguous, with its framing taken out of the headers. */
export interface RequestHead {
  readonly method: string
  /** Origin form, `*`, or `host:port` for CONNECT; absolute form has become origin form. */
  readonly path: string
  readonly version: '1.0' | '1.1'
  readonly headers: HeaderList
  /** Body bytes; null when chunked. */
  readonly contentLength: number | null
  readonly isChunked: boolean
  /** Whether the client keeps the connection open for another request. */
  readonly keepsAlive: boolean
  /** The protocol offered by Upgrade, or null; never h2c, and never with a body. */
  readonly upgrade: string | null
  readonly expectsContinue: boolean
}

const bad = (detail: string): ProxyError => new ProxyError('BAD_REQUEST', detail)

/**
 * Parses the head of a request (RFC 9112 sections 2, 3 and 6), `text` being all
 * of it from the method to the empty line. Throws a `ProxyError` with the code
 * of the right status for whatever is not allowed or can be read in two ways.
 */
export function parseRequestHead(text: string, limits: HeadLimits): RequestHead {
  let at = 0
  while (tokenChars[text.charCodeAt(at)] === 1) at++
  if (at === 0 || text.charCodeAt(at) !== SP) throw bad('the request line does not begin with a method')
  const method = text.slice(0, at)
  const targetStart = at + 1
  at = targetStart
  while (targetChars[text.charCodeAt(at)] === 1) at++
  if (text.charCodeAt(at) !== SP || at === targetStart) throw bad('the request target is not valid')
  if (at - targetStart > limits.maxTargetBytes) {
    throw new ProxyError('TARGET_TOO_LONG', `the request target is over ${limits.maxTargetBytes} bytes`)
  }
  const target = text.slice(targetStart, at)
  const version = parseVersion(text, at + 1)
  if (!knownMethods.has(method)) throw new ProxyError('NOT_IMPLEMENTED', 'the method is not known')
  const fields = parseFields(text, at + 11, limits.maxHeaders)
  checkHost(fields, version)
  const path = resolveTarget(method, target, fields.headers)
  return finish(method, path, version, fields)
}

/** `HTTP/1.0` or `HTTP/1.1` and the line's end, at `at`. Other versions in the right form are 505. */
function parseVersion(text: string, at: number): '1.0' | '1.1' {
  if (!text.startsWith('HTTP/', at)) throw bad('the request line does not end with a version')
  const major = text.charCodeAt(at + 5) - 0x30
  const minor = text.charCodeAt(at + 7) - 0x30
  const isForm = isDigit(major) && text[at + 6] === '.' && isDigit(minor)
  if (!isForm || text.charCodeAt(at + 8) !== CR || text.charCodeAt(at + 9) !== LF) {
    throw bad('the version is not HTTP/1.1')
  }
  if (major !== 1 || minor > 1) {
    throw new ProxyError('VERSION_NOT_SUPPORTED', `HTTP/${major}.${minor} is not spoken here`)
  }
  return minor === 1 ? '1.1' : '1.0'
}

const isDigit = (value: number): boolean => value >= 0 && value <= 9

/** Brings the four forms of a target (RFC 9112 section 3.2) to one path; absolute form must agree with Host. */
function resolveTarget(method: string, target: string, headers: HeaderList): string {
  if (method === 'CONNECT') {
    if (!isAuthority(target, true)) throw bad('CONNECT wants host:port')
    return target
  }
  if (target.charCodeAt(0) === 0x2f) return target
  if (target === '*') {
    if (method !== 'OPTIONS') throw bad('only OPTIONS may ask for *')
    return target
  }
  if (target.slice(0, 7).toLowerCase() !== 'http://') throw bad('the request target is in no known form')
  let end = 7
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end++
  const authority = target.slice(7, end)
  if (!isAuthority(authority, false)) throw bad('the authority of the request target is not valid')
  const host = headers.get('host') ?? ''
  if (host !== '' && host.toLowerCase() !== authority.toLowerCase()) {
    throw bad('Host and the request target name different hosts')
  }
  headers.set('Host', authority)
  const path = target.slice(end)
  if (path === '') return method === 'OPTIONS' ? '*' : '/'
  return path.charCodeAt(0) === 0x2f ? path : `/${path}`
}

/** Exactly one valid Host; HTTP/1.0 may do without (RFC 9112 section 3.2). */
function checkHost(fields: Fields, version: '1.0' | '1.1'): void {
  if (fields.hosts > 1) throw bad('Host is there twice')
  const host = fields.headers.get('host')
  if (host === undefined) {
    if (version === '1.1') throw bad('Host is missing')
    fields.headers.append('Host', '')
    return
  }
  if (host !== '' && !isAuthority(host, false)) throw bad('Host is not valid')
}

/** `host`, `host:port`, or an IPv6 address in brackets; user information has no place in it. */
function isAuthority(text: string, needsPort: boolean): boolean {
  if (text.length === 0 || !isAll(text, authorityChars)) return false
  const hostEnd = text[0] === '[' ? text.indexOf(']') + 1 : text.indexOf(':')
  if (text[0] === '[' ? hostEnd === 0 : text.includes('[') || text.includes(']')) return false
  if (hostEnd < 0) return !needsPort
  if (hostEnd === text.length) return !needsPort
  if (text[hostEnd] !== ':' || hostEnd === 0) return false
  const port = text.slice(hostEnd + 1)
  if (port === '') return !needsPort
  return port.length <= 5 && Number.isInteger(Number(port)) && isAllDigits(port) && Number(port) <= 65_535
}

const isAllDigits = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (!isDigit(text.charCodeAt(at) - 0x30)) return false
  return true
}

function finish(method: string, path: string, version: '1.0' | '1.1', fields: Fields): RequestHead {
  const { isChunked } = fields
  const isOld = version === '1.0'
  if (isOld && isChunked) throw bad('HTTP/1.0 knows no Transfer-Encoding')
  const hasLength = fields.contentLength >= 0
  const hasBody = isChunked || fields.contentLength > 0
  if (fields.expect !== null && (isOld || fields.expect.toLowerCase() !== '100-continue')) {
    if (!isOld) throw new ProxyError('EXPECTATION_FAILED', 'an expectation other than 100-continue')
  }
  const expectsContinue = fields.expect !== null && !isOld
  if ((expectsContinue && !hasBody) || (isOld && !hasLength && needsBody(method))) {
    throw new ProxyError('LENGTH_REQUIRED', 'the request says nothing of the length of its body')
  }
  if (method === 'CONNECT' && (hasBody || hasLength)) throw bad('CONNECT has no body')
  if (method === 'TRACE' && hasBody) throw bad('TRACE has no body')
  return {
    method,
    path,
    version,
    headers: fields.headers,
    contentLength: isChunked ? null : Math.max(fields.contentLength, 0),
    isChunked,
    keepsAlive: !fields.hasClose && (!isOld || fields.hasKeepAlive),
    upgrade: hasBody || isOld ? null : offeredUpgrade(fields),
    expectsContinue,
  }
}

const needsBody = (method: string): boolean => method === 'POST' || method === 'PUT' || method === 'PATCH'

/**
 * The protocol to switch to. An offer of h2c is dropped, because what came
 * after it would bypass every filter; so is one that is no token.
 */
function offeredUpgrade(fields: Fields): string | null {
  const { upgrade } = fields
  if (upgrade === null) return null
  fields.headers.delete('http2-settings')
  const isToken = isAll(upgrade, tokenChars) || isAll(upgrade.replace('/', ''), tokenChars)
  return isToken && upgrade !== '' && !upgrade.toLowerCase().startsWith('h2') ? upgrade : null
}
