import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { isAll, valueChars } from '../../chains/syntax.ts'
import { parseFields } from './fields.ts'
import type { HeadLimits } from './request-head.ts'

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
 * Parses the head of an answer (RFC 9112 sections 2, 4 and 6), `text` being all
 * of it. Throws `UPSTREAM_INVALID` for whatever is not allowed or ambiguous.
 */
export function parseResponseHead(text: string, limits: HeadLimits): ResponseHead {
  const isNew = text.startsWith('HTTP/1.1 ')
  if (!isNew && !text.startsWith('HTTP/1.0 ')) throw invalid('the answer does not begin with HTTP/1.1')
  const status = parseStatus(text)
  const lineEnd = text.indexOf('\r\n', 12)
  const hasReason = text.charCodeAt(12) === 0x20
  if (!hasReason && lineEnd !== 12) throw invalid('the status line is not valid')
  if (!isAll(text, valueChars, 12, lineEnd)) throw invalid('the reason phrase holds a control character')
  const fields = parse(text, lineEnd + 2, limits.maxHeaders)
  if (!isNew && fields.isChunked) throw invalid('HTTP/1.0 knows no Transfer-Encoding')
  return {
    status,
    reason: hasReason ? text.slice(13, lineEnd) : '',
    headers: fields.headers,
    contentLength: fields.contentLength,
    isChunked: fields.isChunked,
    keepsAlive: !fields.hasClose && (isNew || fields.hasKeepAlive),
    upgrade: fields.upgrade,
  }
}

function parseStatus(text: string): number {
  let status = 0
  for (let at = 9; at < 12; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (!(digit >= 0 && digit <= 9)) throw invalid('the status is not a number of three digits')
    status = status * 10 + digit
  }
  if (status < 100 || status > 599) throw invalid(`the status ${status} does not exist`)
  return status
}

function parse(text: string, at: number, maxHeaders: number): ReturnType<typeof parseFields> {
  try {
    return parseFields(text, at, maxHeaders)
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : 'the head is not valid')
  }
}

const invalid = (detail: string): ProxyError => new ProxyError('UPSTREAM_INVALID', detail)
