import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { isAll, tokenChars } from '../../chains/syntax.ts'
import { type Fields, parseFields } from './fields.ts'
import type { HeadLimits, HeadText } from './head-buffer.ts'
import { authorityChars, knownMethods, targetChars } from './syntax.ts'

const SP = 0x20
const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e

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
 * Parses the head of a request (RFC 9112 sections 2, 3 and 6). Throws a
 * `ProxyError` with the code of the right status for whatever is not allowed or
 * can be read in two ways.
 */
export function parseRequestHead(head: HeadText, limits: HeadLimits): RequestHead {
  const { bytes, text, start } = head
  let at = start
  while (tokenChars[bytes[at] as number] === 1) at++
  if (at === start || bytes[at] !== SP) throw bad('the request line does not begin with a method')
  const method = knownMethod(text.slice(0, at - start))
  const targetStart = at + 1
  at = targetStart
  while (targetChars[bytes[at] as number] === 1) at++
  if (bytes[at] !== SP || at === targetStart) throw bad('the request target is not valid')
  if (at - targetStart > limits.maxTargetBytes) {
    throw new ProxyError('TARGET_TOO_LONG', `the request target is over ${limits.maxTargetBytes} bytes`)
  }
  const target = text.slice(targetStart - start, at - start)
  const version = parseVersion(bytes, at + 1)
  if (method === null) throw new ProxyError('NOT_IMPLEMENTED', 'the method is not known')
  const fields = parseFields(head, at - start + 11, limits.maxHeaders)
  checkHost(fields, version)
  const path = resolveTarget(method, target, fields)
  return finish(method, path, version, fields)
}

/** The same method as a string that the engine knows already: the two usual ones without a look-up. */
function knownMethod(method: string): string | null {
  if (method === 'GET') return 'GET'
  if (method === 'POST') return 'POST'
  return knownMethods.has(method) ? method : null
}

const versionPrefix = Buffer.from('HTTP/', 'latin1')

/** `HTTP/1.0` or `HTTP/1.1` and the line's end, at `at`. Other versions in the right form are 505. */
function parseVersion(bytes: Uint8Array, at: number): '1.0' | '1.1' {
  for (let index = 0; index < versionPrefix.length; index++) {
    if (bytes[at + index] !== versionPrefix[index]) throw bad('the request line does not end with a version')
  }
  const major = (bytes[at + 5] as number) - 0x30
  const minor = (bytes[at + 7] as number) - 0x30
  const isForm = isDigit(major) && bytes[at + 6] === DOT && isDigit(minor)
  if (!isForm || bytes[at + 8] !== CR || bytes[at + 9] !== LF) throw bad('the version is not HTTP/1.1')
  if (major !== 1 || minor > 1) {
    throw new ProxyError('VERSION_NOT_SUPPORTED', `HTTP/${major}.${minor} is not spoken here`)
  }
  return minor === 1 ? '1.1' : '1.0'
}

const isDigit = (value: number): boolean => value >= 0 && value <= 9

/** Brings the four forms of a target (RFC 9112 section 3.2) to one path; absolute form must agree with Host. */
function resolveTarget(method: string, target: string, { headers, host }: Fields): string {
  if (method === 'CONNECT') {
    if (!isAuthority(target, true)) throw bad('CONNECT wants host:port')
    if (host !== '' && host.toLowerCase() !== target.toLowerCase()) {
      throw bad('Host and the request target name different hosts')
    }
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
  if (fields.hosts === 0) {
    if (version === '1.1') throw bad('Host is missing')
    fields.headers.append('Host', '')
    return
  }
  if (fields.host !== '' && !isAuthority(fields.host, false)) throw bad('Host is not valid')
}

/** `host`, `host:port`, or an IPv6 address in brackets; user information has no place in it. */
function isAuthority(text: string, needsPort: boolean): boolean {
  const { length } = text
  if (length === 0 || !isAll(text, authorityChars)) return false
  const isBracketed = text.charCodeAt(0) === 0x5b
  const hostEnd = isBracketed ? text.indexOf(']') + 1 : hostLength(text)
  if (hostEnd === 0) return false
  if (hostEnd === length) return !needsPort
  if (text.charCodeAt(hostEnd) !== 0x3a) return false
  if (hostEnd + 1 === length) return !needsPort
  return isPort(text, hostEnd + 1)
}

/** How long the name before a port is; 0 if it is empty or holds brackets. */
function hostLength(text: string): number {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x3a) return at
    if (code === 0x5b || code === 0x5d) return 0
  }
  return text.length
}

/** Up to five digits, from `from` to the end, that are a port. */
function isPort(text: string, from: number): boolean {
  if (text.length - from > 5) return false
  let port = 0
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (!isDigit(digit)) return false
    port = port * 10 + digit
  }
  return port <= 65_535
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
