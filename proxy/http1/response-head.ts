import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { valueChars } from '../../chains/syntax.ts'
import { parseFields } from './fields.ts'
import type { HeadLimits, HeadText } from './head-buffer.ts'

/** The head of an answer, with its framing taken out of the headers. */
export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly headers: HeaderList
  /** -1 when none was given. */
  readonly contentLength: number
  readonly isChunked: boolean
  /** Whether the upstream keeps the connection open, as far as its head says. */
  readonly keepsAlive: boolean
  /** The protocol of a 101, or null. */
  readonly upgrade: string | null
}

/**
 * Parses the head of an answer (RFC 9112 sections 2, 4 and 6). Throws
 * `UPSTREAM_INVALID` for whatever is not allowed or ambiguous.
 */
export function parseResponseHead(head: HeadText, limits: HeadLimits): ResponseHead {
  const { bytes, text, start } = head
  const isNew = text.startsWith('HTTP/1.1 ')
  if (!isNew && !text.startsWith('HTTP/1.0 ')) throw invalid('the answer does not begin with HTTP/1.1')
  const status = parseStatus(bytes, start)
  const hasReason = bytes[start + 12] === 0x20
  let lineEnd = start + 12
  while (valueChars[bytes[lineEnd] as number] === 1) lineEnd++
  if (bytes[lineEnd] !== 0x0d || bytes[lineEnd + 1] !== 0x0a || (!hasReason && lineEnd !== start + 12)) {
    throw invalid('the status line is not valid')
  }
  const fields = parse(head, lineEnd - start + 2, limits.maxHeaders)
  if (!isNew && fields.isChunked) throw invalid('HTTP/1.0 knows no Transfer-Encoding')
  return {
    status,
    reason: hasReason ? text.slice(13, lineEnd - start) : '',
    headers: fields.headers,
    contentLength: fields.contentLength,
    isChunked: fields.isChunked,
    keepsAlive: !fields.hasClose && (isNew || fields.hasKeepAlive),
    upgrade: fields.upgrade,
  }
}

function parseStatus(bytes: Uint8Array, start: number): number {
  let status = 0
  for (let at = start + 9; at < start + 12; at++) {
    const digit = (bytes[at] as number) - 0x30
    if (!(digit >= 0 && digit <= 9)) throw invalid('the status is not a number of three digits')
    status = status * 10 + digit
  }
  if (status < 100 || status > 599) throw invalid(`the status ${status} does not exist`)
  return status
}

function parse(head: HeadText, at: number, maxHeaders: number): ReturnType<typeof parseFields> {
  try {
    return parseFields(head, at, maxHeaders)
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : 'the head is not valid')
  }
}

const invalid = (detail: string): ProxyError => new ProxyError('UPSTREAM_INVALID', detail)
