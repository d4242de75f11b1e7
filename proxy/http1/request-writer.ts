import { ProxyError } from '../../chains/failures.ts'
import type { HttpRequest } from '../../chains/http.ts'
import { isAll, tokenChars } from '../../chains/syntax.ts'
import type { BodyFraming } from './message.ts'
import { targetChars } from './syntax.ts'

/** How the body of a request goes out: with its length if that is known, else chunked. */
export function requestFraming(request: HttpRequest): BodyFraming {
  if (!request.body) return 0
  return request.body.length ?? 'chunked'
}

/**
 * The head of a request as it goes to an upstream, empty line included (RFC
 * 9112 section 3). Throws `INTERNAL` if a filter has put something into method
 * or path that would end the request line early.
 */
export function serializeRequestHead(request: HttpRequest, framing: BodyFraming): string {
  const { method, path } = request
  if (!isAll(method, tokenChars) || !isAll(path, targetChars) || path === '') {
    throw new ProxyError('INTERNAL', 'a filter has made a method or path that cannot be sent')
  }
  let text = `${method} ${path} HTTP/1.1\r\n${request.headers.serialize()}`
  if (request.upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`
  if (request.expectsContinue) text += 'Expect: 100-continue\r\n'
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  else if (framing !== 0 || wantsLength(method)) text += `Content-Length: ${framing}\r\n`
  return `${text}\r\n`
}

/** Methods whose requests say even that they have no body (RFC 9110 section 8.6). */
const wantsLength = (method: string): boolean => method === 'POST' || method === 'PUT' || method === 'PATCH'
