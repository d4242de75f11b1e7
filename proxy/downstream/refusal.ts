import { Body } from '../../chains/body.ts'
import type { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpResponse, localResponse } from '../../chains/http.ts'

/**
 * What a client is told of a failure. The reason is in words when the fault is
 * the client's own; of everybody else's it learns the code alone.
 */
export function refusal(error: ProxyError): HttpResponse {
  const { status, blame } = error.traits
  const text = blame === 'client' ? `${error.code}: ${error.message}\n` : `${error.code}\n`
  const headers = new HeaderList(['Content-Type', 'text/plain; charset=utf-8'])
  return localResponse(status, headers, Body.of(text))
}
