import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { tokenChars } from '../../chains/syntax.ts'
import { ChunkExtension } from './chunk-extension.ts'
import { parseFields } from './fields.ts'
import { headOf } from './head-buffer.ts'

const CR = 0x0d
const LF = 0x0a

/** 13 hexadecimal digits are 52 bits: all that a number counts exactly. */
const maxSizeDigits = 13

/** Extensions of one body, all together; they mean nothing to us and are dropped. */
const maxExtensionBytes = 4_096

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'done'

/** What a decoder hands out. `data` is valid during the call. */
export interface ChunkedEvents {
  onData(bytes: Buffer): void
  onEnd(trailers: HeaderList | null): void
}

/** Fields that a trailer may not change, because the message was framed or routed by them (RFC 9110 section 6.5.1). */
const forbiddenTrailers: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'trailer',
  'cache-control',
  'max-forwards',
])

/**
 * Decodes one chunked body, in whatever pieces it comes (RFC 9112 section 7.1).
 *
 * Strict: CRLF only, no sign, no blank before or behind a size. Throws
 * `REQUEST_BODY_INVALID`; the caller renames it for answers.
 */
export class ChunkedDecoder {
  readonly #maxTrailerBytes: number
  readonly #maxTrailers: number
  #state: State = 'size'
  #size = 0
  #digits = 0
  #extensionBytes = 0
  #extension: ChunkExtension | null = null
  #trailer = ''

  constructor(limits: { readonly maxHeadBytes: number; readonly maxHeaders: number }) {
    this.#maxTrailerBytes = limits.maxHeadBytes
    this.#maxTrailers = limits.maxHeaders
  }

  /** Decodes `bytes` from `start`; returns where the body ended, or `bytes.length` if it goes on. */
  decode(bytes: Buffer, start: number, events: ChunkedEvents): number {
    let at = start
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(at + this.#size, bytes.length)
        this.#size -= end - at
        if (this.#size === 0) this.#state = 'data-cr'
        events.onData(bytes.subarray(at, end))
        at = end
      } else if (this.#state === 'trailer') {
        at = this.#takeTrailer(bytes, at, events)
      } else {
        this.#takeByte(bytes[at] as number)
        at++
      }
    }
    return at
  }

  #takeByte(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#takeSize(byte)
        return
      case 'extension':
        this.#takeExtension(byte)
        return
      case 'size-lf':
        expect(byte, LF, 'a chunk size does not end with CRLF')
        this.#state = this.#size === 0 ? 'trailer' : 'data'
        return
      case 'data-cr':
        expect(byte, CR, 'a chunk is longer than its size says')
        this.#state = 'data-lf'
        return
      default:
        expect(byte, LF, 'a chunk does not end with CRLF')
        this.#state = 'size'
        this.#size = 0
        this.#digits = 0
    }
  }

  #takeSize(byte: number): void {
    const digit = hexValue(byte)
    if (digit >= 0) {
      if (++this.#digits > maxSizeDigits) throw bad('a chunk size is too large')
      this.#size = this.#size * 16 + digit
      return
    }
    if (this.#digits === 0) throw bad('a chunk has no size')
    if (byte === CR) this.#state = 'size-lf'
    else if (byte === 0x3b) {
      this.#state = 'extension'
      this.#extension = new ChunkExtension()
    } else throw bad('a chunk size holds something that is no hexadecimal digit')
  }

  #takeExtension(byte: number): void {
    if (++this.#extensionBytes > maxExtensionBytes) throw bad('the chunk extensions are too long')
    const extension = this.#extension as ChunkExtension
    if (byte === CR && extension.isComplete) this.#state = 'size-lf'
    else if (!extension.take(byte)) throw bad('a chunk extension is not valid')
  }

  /** Collects the trailer section up to its empty line. */
  #takeTrailer(bytes: Buffer, start: number, events: ChunkedEvents): number {
    const before = this.#trailer.length
    const room = this.#maxTrailerBytes + 4 - before
    const text = this.#trailer + bytes.toString('latin1', start, Math.min(bytes.length, start + room))
    if (text === '\r') {
      this.#trailer = text
      return start + 1
    }
    const end = text.startsWith('\r\n') ? 2 : endOfTrailer(text)
    if (end < 0) {
      if (text.length >= this.#maxTrailerBytes)
        throw new ProxyError('HEAD_TOO_LARGE', 'the trailers are too long')
      this.#trailer = text
      return bytes.length
    }
    this.#state = 'done'
    events.onEnd(end === 2 ? null : parseTrailers(text.slice(0, end), this.#maxTrailers))
    return start + end - before
  }
}

function endOfTrailer(text: string): number {
  const first = text.charCodeAt(0)
  if (tokenChars[first] !== 1) throw bad('a trailer does not begin with a field name')
  const end = text.indexOf('\r\n\r\n')
  return end < 0 ? -1 : end + 4
}

/** Fields that would change framing or routing are refused, not dropped: nobody sends them by mistake. */
function parseTrailers(text: string, maxTrailers: number): HeaderList {
  const fields = parseTrailerFields(text, maxTrailers)
  const framed = fields.contentLength >= 0 || fields.isChunked || fields.hosts > 0 || fields.expect !== null
  if (framed) throw bad('a trailer would change the framing of its message')
  fields.headers.deleteAll(forbiddenTrailers)
  return fields.headers
}

/** The head of the message is long gone when its trailers come, so their faults are the body's. */
function parseTrailerFields(text: string, maxTrailers: number): ReturnType<typeof parseFields> {
  try {
    return parseFields(headOf(text), 0, maxTrailers)
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : 'the trailers are not valid')
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function expect(byte: number, wanted: number, detail: string): void {
  if (byte !== wanted) throw bad(detail)
}

const bad = (detail: string): ProxyError => new ProxyError('REQUEST_BODY_INVALID', detail)
