import { Body } from '../../chains/body.ts'
import type { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpResponse, localResponse } from '../../chains/http.ts'
import { statusLine } from '../http1/response-writer.ts'

/**
 * What a client is told of a failure. The reason is in words when the fault is
 * the client's own; of everybody else's it learns the code alone.
 */
export function refusal(error: ProxyError): HttpResponse {
  const headers = new HeaderList()
  headers.append('Content-Type', contentType)
  return localResponse(error.traits.status, headers, Body.of(explain(error)))
}

/** The same for what is no request, ready to be written; the connection closes behind it. */
export function refusalText(error: ProxyError): string {
  const text = explain(error)
  const head = `${statusLine(error.traits.status, '')}Content-Type: ${contentType}\r\n`
  return `${head}Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`
}

const contentType = 'text/plain; charset=utf-8'

function explain(error: ProxyError): string {
  return error.traits.blame === 'client' ? `${error.code}: ${error.message}\n` : `${error.code}\n`
}
