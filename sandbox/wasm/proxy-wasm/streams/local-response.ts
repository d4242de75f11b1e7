import { Body } from '../../../../chains/body.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../../../chains/http.ts'
import type { LocalResponse } from '../../contract.ts'
import { isField, isFraming } from './field-map.ts'

/** A final answer has a status from 200 on: one of the 1xx would leave the client waiting. */
const statuses = { least: 200, most: 999 }

/** Whether HTTP can carry it. */
export function canAnswer({ status, headers }: LocalResponse): boolean {
  if (status < statuses.least || status > statuses.most) return false
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (!name.startsWith(':') && !isField(name, headers[at + 1] as string)) return false
  }
  return true
}

const grpcStatusMost = 16

/** The answer that a guest gave. To a gRPC request it is one without messages, as its clients want it. */
export function answerFrom(answer: LocalResponse, request: HttpRequest): HttpResponse {
  const headers = new HeaderList()
  for (let at = 0; at < answer.headers.length; at += 2) {
    const name = answer.headers[at] as string
    if (!name.startsWith(':') && !isFraming(name.toLowerCase()))
      headers.append(name, answer.headers[at + 1] as string)
  }
  const isGrpc = request.headers.get('content-type')?.startsWith('application/grpc') ?? false
  if (isGrpc && answer.grpcStatus >= 0 && answer.grpcStatus <= grpcStatusMost) {
    headers.set('content-type', 'application/grpc')
    headers.set('grpc-status', String(answer.grpcStatus))
    if (answer.body.length > 0) headers.set('grpc-message', percentEncoded(answer.body))
    return localResponse(200, headers, null)
  }
  const isEmpty = answer.body.length === 0 || answer.status === 204 || answer.status === 304
  if (!isEmpty && !headers.has('content-type')) headers.append('content-type', 'text/plain')
  return localResponse(answer.status, headers, isEmpty ? null : Body.of(answer.body.slice()))
}

/** As gRPC has it in `grpc-message`: what is not printable ASCII, and `%`, by the number of the byte. */
function percentEncoded(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    text += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}
