import type { OutgoingHttpHeaders } from 'node:http2'
import { connectionFields, plainFields, targetPattern } from '../request.ts'

/** What the host says of the encoding of messages, beside what it says of the connection. */
const ours: ReadonlySet<string> = new Set([
  ...connectionFields,
  'content-type',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-timeout',
])
/** A time limit has eight digits at most (gRPC over HTTP/2, "Timeout"). */
const longestTimeoutMs = 99_999_999

/** What a call is asked with. */
export interface GrpcRequest {
  readonly service: string
  readonly method: string
  /** Names and values in turn. */
  readonly metadata: readonly string[]
  /** Null for none. */
  readonly timeoutMs: number | null
}

/** The head of a call, but for its `:authority`; null if it cannot be sent. */
export function headersOf({ service, method, metadata, timeoutMs }: GrpcRequest): OutgoingHttpHeaders | null {
  const path = `/${service}/${method}`
  const fields = plainFields(metadata, ours)
  if (!fields || service === '' || method === '' || !targetPattern.test(path)) return null
  const headers: OutgoingHttpHeaders = Object.create(null)
  Object.assign(headers, { ':method': 'POST', ':scheme': 'http', ':path': path })
  Object.assign(headers, { te: 'trailers', 'content-type': 'application/grpc' })
  if (timeoutMs !== null && timeoutMs <= longestTimeoutMs) headers['grpc-timeout'] = `${timeoutMs}m`
  for (let at = 0; at < fields.length; at += 2) {
    const name = (fields[at] as string).toLowerCase()
    const earlier = headers[name]
    const value = fields[at + 1] as string
    headers[name] = earlier === undefined ? value : [earlier as string | string[], value].flat()
  }
  return headers
}
