import type { Body } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpResponse } from '../../chains/http.ts'
import type { ByteStream } from '../../chains/stream.ts'
import type { BodyFraming } from '../http1/message.ts'
import type { ResponseHead } from '../http1/response-head.ts'

/** Names what kept a connection from coming up. The one place where system error codes are read. */
export function connectError(failure: ProxyError | null, cause: Error | null): ProxyError {
  if (failure) return failure
  const code = (cause as NodeJS.ErrnoException | null)?.code
  const detail = cause?.message ?? 'the connection was refused'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new ProxyError('UNRESOLVED', detail, { cause })
  if (code === 'ETIMEDOUT') return new ProxyError('CONNECT_TIMEOUT', detail, { cause })
  return new ProxyError('CONNECT_REFUSED', detail, { cause })
}

/** How long the body of an answer is (RFC 9112 section 6.3). */
export function responseFraming(method: string, head: ResponseHead): BodyFraming {
  const { status } = head
  if (status === 204 && (head.isChunked || head.contentLength > 0)) {
    throw new ProxyError('UPSTREAM_INVALID', 'a 204 announces a body')
  }
  if (method === 'HEAD' || status === 204 || status === 304) return 0
  if (head.isChunked) return 'chunked'
  return head.contentLength >= 0 ? head.contentLength : 'until-close'
}

/** An answer as filters see it: with a body that can be opened, or with the connection behind it. */
export function makeResponse(
  head: ResponseHead,
  method: string,
  body: Body | null,
  tunnel: ByteStream | null,
): HttpResponse {
  const isBodiless = method === 'HEAD' || head.status === 304
  return {
    status: head.status,
    reason: head.reason,
    headers: head.headers,
    body,
    tunnel,
    upgrade: tunnel ? head.upgrade : null,
    declaredLength: isBodiless && head.contentLength >= 0 ? head.contentLength : null,
  }
}
