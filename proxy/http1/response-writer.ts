import { ProxyError } from '../../chains/failures.ts'
import type { HttpResponse } from '../../chains/http.ts'
import { isAll, valueChars } from '../../chains/syntax.ts'
import type { BodyFraming } from './message.ts'
import { reasonOf } from './reasons.ts'
import type { RequestHead } from './request-head.ts'

/** An answer that is ready to be written. */
export interface PreparedResponse {
  readonly head: string
  readonly framing: BodyFraming
  /** Whether the connection can carry another request afterwards. */
  readonly keepsAlive: boolean
}

/**
 * Decides how an answer goes out, and writes its head (RFC 9112 sections 4 and
 * 6). Throws `INTERNAL` if a filter has made a status line that cannot be sent.
 *
 * `mayKeepAlive` is what the connection says of itself.
 */
export function prepareResponse(
  response: HttpResponse,
  request: RequestHead,
  mayKeepAlive: boolean,
): PreparedResponse {
  const { status } = response
  if (!Number.isInteger(status) || status < 200 || status > 599 || !isAll(response.reason, valueChars)) {
    throw new ProxyError('INTERNAL', `a filter has made the status ${status}, which cannot be sent`)
  }
  const framing = responseFraming(response, request)
  const keepsAlive = mayKeepAlive && request.keepsAlive && framing !== 'until-close'
  let head = `${statusLine(status, response.reason)}${response.headers.serialize()}`
  head += framingFields(response, request, framing)
  if (!keepsAlive) head += 'Connection: close\r\n'
  else if (request.version === '1.0') head += 'Connection: keep-alive\r\n'
  return { head: `${head}\r\n`, framing, keepsAlive }
}

/** The head of an answer behind which raw bytes follow. */
export function tunnelHead(response: HttpResponse): string {
  const upgrade = response.upgrade === null ? '' : `Connection: Upgrade\r\nUpgrade: ${response.upgrade}\r\n`
  return `${statusLine(response.status, response.reason)}${response.headers.serialize()}${upgrade}\r\n`
}

/** `HTTP/1.1 200 OK` and its line end. */
export function statusLine(status: number, reason: string): string {
  return `HTTP/1.1 ${status} ${reason || reasonOf(status)}\r\n`
}

const isBodiless = (status: number): boolean => status === 204 || status === 304

function responseFraming(response: HttpResponse, request: RequestHead): BodyFraming {
  if (!response.body || request.method === 'HEAD' || isBodiless(response.status)) return 0
  if (response.body.length !== null) return response.body.length
  return request.version === '1.1' ? 'chunked' : 'until-close'
}

function framingFields(response: HttpResponse, request: RequestHead, framing: BodyFraming): string {
  if (framing === 'chunked') return 'Transfer-Encoding: chunked\r\n'
  if (framing === 'until-close' || response.status === 204) return ''
  if (request.method === 'HEAD' || response.status === 304) {
    const declared = response.declaredLength ?? response.body?.length ?? null
    return declared === null ? '' : `Content-Length: ${declared}\r\n`
  }
  return `Content-Length: ${framing}\r\n`
}
