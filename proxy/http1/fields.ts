import { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { isAll, tokenChars, valueChars } from '../../chains/syntax.ts'
import type { HeadText } from './head-buffer.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const HT = 0x09
const COLON = 0x3a

/**
 * The fields of one head. What frames the message or concerns this hop alone
 * has been taken out of `headers` (RFC 9112 section 6, RFC 9110 section 7.6.1).
 */
export interface Fields {
  readonly headers: HeaderList
  /** -1 when there was none. */
  contentLength: number
  /** Whether `Transfer-Encoding: chunked` was there. */
  isChunked: boolean
  hasClose: boolean
  hasKeepAlive: boolean
  /** The value of Upgrade, if Connection names it; null otherwise. */
  upgrade: string | null
  /** The value of Expect, or null. */
  expect: string | null
  /** How many Host fields there were, and what the last one said. */
  hosts: number
  host: string
}

interface Draft extends Fields {
  connection: string | null
  hasTransferEncoding: boolean
  /** Whether a tab stands behind the value of the field at hand. */
  isTabbed: boolean
}

const bad = (detail: string): ProxyError => new ProxyError('BAD_REQUEST', detail)

/**
 * Parses the field lines of a head from `from` on, up to and with the empty line
 * that ends it. Throws `BAD_REQUEST`, `HEAD_TOO_LARGE` (too many) or
 * `NOT_IMPLEMENTED` (a transfer coding other than chunked).
 */
export function parseFields(head: HeadText, from: number, maxHeaders: number): Fields {
  const { bytes, text, start } = head
  const pairs: string[] = []
  const lines: string[] = []
  const draft = newDraft(new HeaderList(pairs, lines))
  // positions are those of `bytes`; `start` less makes them those of `text`
  let at = start + from
  // where the lines begin that are kept as they stand, one behind the other
  let runStart = at
  while (bytes[at] !== CR) {
    const lineStart = at
    while (tokenChars[bytes[at] as number] === 1) at++
    if (bytes[at] !== COLON || at === lineStart) {
      throw bad('a header field name is empty, folded, or holds a character that it may not')
    }
    const nameEnd = at
    at++
    while (isBlank(bytes[at] as number)) at++
    const valueStart = at
    while (valueChars[bytes[at] as number] === 1) at++
    if (bytes[at] !== CR || bytes[at + 1] !== LF) {
      throw bad(
        `the value of header ${text.slice(lineStart - start, nameEnd - start)} holds a control character`,
      )
    }
    let valueEnd = at
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] as number)) valueEnd--
    if (pairs.length >= maxHeaders * 2)
      throw new ProxyError('HEAD_TOO_LARGE', `more than ${maxHeaders} header fields`)
    const name = text.slice(lineStart - start, nameEnd - start)
    const value = text.slice(valueStart - start, valueEnd - start)
    const isPlain = valueEnd === at && valueStart === nameEnd + 2 && bytes[nameEnd + 1] === SP
    draft.isTabbed = !isPlain && bytes.subarray(valueEnd, at).includes(HT)
    at += 2
    const isKept = isEndToEnd(draft, name, value)
    if (isKept) pairs.push(name, value)
    if (isKept && isPlain) continue
    if (lineStart > runStart) lines.push(text.slice(runStart - start, lineStart - start))
    if (isKept) lines.push(`${name}: ${value}\r\n`)
    runStart = at
  }
  if (at + 2 !== start + head.end || bytes[at + 1] !== LF) throw bad('a bare CR stands in the head')
  if (at > runStart) lines.push(text.slice(runStart - start, at - start))
  return settle(draft)
}

function newDraft(headers: HeaderList): Draft {
  return {
    headers,
    contentLength: -1,
    isChunked: false,
    hasClose: false,
    hasKeepAlive: false,
    upgrade: null,
    expect: null,
    hosts: 0,
    host: '',
    connection: null,
    hasTransferEncoding: false,
    isTabbed: false,
  }
}

/** What can be said only once all fields are known. */
function settle(draft: Draft): Fields {
  if (draft.connection !== null) applyConnection(draft, draft.connection)
  else draft.upgrade = null
  if (draft.hasTransferEncoding && draft.contentLength >= 0) {
    throw bad('both Content-Length and Transfer-Encoding are there')
  }
  return draft
}

const isBlank = (code: number): boolean => code === SP || code === HT

/** The lower-case first letters of the names below; all other fields are kept as they are, at the cost of one look. */
const firstLetters = new Uint8Array(256)
for (const letter of 'hectkpuHECTKPU') firstLetters[letter.charCodeAt(0)] = 1

/** Sorts one field: by first letter and length, so that most are told apart without changing case. */
function isEndToEnd(draft: Draft, name: string, value: string): boolean {
  return firstLetters[name.charCodeAt(0)] !== 1 || !takeFraming(draft, name, value)
}

/** Takes a field that frames the message or concerns this hop alone; false for all others. Host is only counted. */
function takeFraming(draft: Draft, name: string, value: string): boolean {
  switch (name.length) {
    case 2:
      return name.toLowerCase() === 'te'
    case 4:
      if (name === 'Host' || name.toLowerCase() === 'host') {
        draft.hosts++
        draft.host = value
      }
      return false
    case 6:
      if (name.toLowerCase() !== 'expect') return false
      draft.expect = draft.expect === null ? value : `${draft.expect}, ${value}`
      return true
    case 7:
      if (name.toLowerCase() !== 'upgrade') return false
      draft.upgrade = draft.upgrade === null ? value : `${draft.upgrade}, ${value}`
      return true
    case 10:
      return takeConnection(draft, name.toLowerCase(), value)
    case 14:
      if (name.toLowerCase() !== 'content-length') return false
      takeLength(draft, value)
      return true
    case 16:
      return name.toLowerCase() === 'proxy-connection'
    case 17:
      if (name.toLowerCase() !== 'transfer-encoding') return false
      takeCoding(draft, value)
      return true
    default:
      return false
  }
}

function takeConnection(draft: Draft, lower: string, value: string): boolean {
  if (lower === 'keep-alive') return true
  if (lower !== 'connection') return false
  draft.connection = draft.connection === null ? value : `${draft.connection},${value}`
  return true
}

/** One length in plain digits: no sign, no list, no repeat, nothing past what a number can count. */
function takeLength(draft: Draft, value: string): void {
  if (draft.contentLength >= 0) throw bad('Content-Length is there twice')
  if (value.length === 0 || value.length > 15) throw bad('Content-Length is not a length')
  let length = 0
  for (let at = 0; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) throw bad('Content-Length is not a length')
    length = length * 10 + digit
  }
  draft.contentLength = length
}

/** `chunked` alone, once. Codings that we do not know are 501; a `chunked` that is not last, or hidden, is 400. */
function takeCoding(draft: Draft, value: string): void {
  if (draft.hasTransferEncoding) throw bad('Transfer-Encoding is there twice')
  draft.hasTransferEncoding = true
  if (draft.isTabbed)
    throw bad('a tab stands behind Transfer-Encoding, which not every parser takes for a blank')
  const coding = value.toLowerCase()
  if (coding === 'chunked') {
    draft.isChunked = true
    return
  }
  const isPlainToken = coding.length > 0 && isAll(coding, tokenChars)
  if (isPlainToken && !coding.includes('chunked') && coding !== 'identity') {
    throw new ProxyError('NOT_IMPLEMENTED', 'a transfer coding other than chunked')
  }
  if (isCodingList(coding)) throw new ProxyError('NOT_IMPLEMENTED', 'more transfer codings than chunked')
  throw bad('Transfer-Encoding is not chunked')
}

/** A list of known codings that ends in chunked: clear in what it says, but not something we decode. */
function isCodingList(coding: string): boolean {
  const parts = coding.split(',').map((part) => part.trim())
  const last = parts.pop()
  return (
    last === 'chunked' &&
    parts.length > 0 &&
    parts.every((part) => ['gzip', 'deflate', 'compress'].includes(part))
  )
}

/** Fields that no client may have removed on its way, by naming them in Connection. */
const essential: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'expect',
  'trailer',
  'content-type',
  'content-encoding',
  'content-range',
])

/** Reads the options of Connection, and removes the fields that it names (RFC 9110 section 7.6.1). */
function applyConnection(draft: Draft, value: string): void {
  if (value === 'keep-alive') {
    draft.hasKeepAlive = true
    draft.upgrade = null
    return
  }
  let isUpgrade = false
  const named = new Set<string>()
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase()
    if (option === '') continue
    if (!isAll(option, tokenChars)) throw bad('Connection holds something that is not an option')
    if (option === 'close') draft.hasClose = true
    else if (option === 'keep-alive') draft.hasKeepAlive = true
    else if (option === 'upgrade') isUpgrade = true
    else if (essential.has(option)) throw bad(`Connection names ${option}, which concerns every hop`)
    else named.add(option)
  }
  if (!isUpgrade) draft.upgrade = null
  if (named.size > 0) draft.headers.deleteAll(named)
}
