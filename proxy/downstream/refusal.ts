import { Body } from '../../chains/body.ts'
import { Context, type Peer } from '../../chains/context.ts'
import type { ProxyError } from '../../chains/failures.ts'
import type { RefusedRequest } from '../../chains/filters/access-log.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpResponse, localResponse } from '../../chains/http.ts'
import { newVariables } from '../../chains/variables.ts'
import type { HeadText } from '../http1/head-buffer.ts'
import { statusLine } from '../http1/response-writer.ts'
import type { Transport } from '../net/transport.ts'
import type { Edge } from './edge.ts'

/**
 * What a client is told of a failure. The reason is in words when the fault is
 * the client's own; of everybody else's it learns the code alone.
 */
export function refusal(error: ProxyError): HttpResponse {
  const headers = new HeaderList()
  headers.append('Content-Type', contentType)
  return localResponse(error.traits.status, headers, Body.of(explain(error)))
}

/** Where a request is refused. */
export interface RefusalPlace {
  readonly edge: Edge
  readonly transport: Transport
  readonly peer: Peer
}

/**
 * The same for what never reached a chain, written, counted and logged. The
 * caller closes the connection behind it. `durationMs`: since it began to come.
 */
export function refuse(
  { edge, transport, peer }: RefusalPlace,
  request: RefusedRequest | null,
  durationMs: number,
  error: ProxyError,
): void {
  const { status } = error.traits
  const text = explain(error)
  const head = `${statusLine(status, '')}Content-Type: ${contentType}\r\n`
  transport.write(`${head}Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`)
  edge.counters[peer.direction].refused(error.code).add()
  const log = edge.generation.refusalLogs[peer.direction]
  if (!log) return
  const startedAt = edge.clock.now() - durationMs
  const cx = new Context({ id: edge, peer, vars: newVariables(null, false), log: edge.log, startedAt })
  const outcome = { status, error, response: null, receivedBytes: 0, sentBytes: text.length, durationMs }
  log(request ?? unknown, outcome, cx)
}

const unknown: RefusedRequest = { method: null, path: null, version: null }

/** A request line in the form that is usual; what may hold a password does not stand in a log. */
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([/*][!-~]*) HTTP\/(?:1\.([01])|[0-9]\.[0-9])\r\n/

/** What the first line of a refused head says, as far as it can be read. */
export function lookAtRequestLine({ text }: HeadText): RefusedRequest {
  const [, method = null, path = null, minor] = requestLine.exec(text) ?? []
  return { method, path, version: minor === undefined ? null : minor === '0' ? '1.0' : '1.1' }
}

const contentType = 'text/plain; charset=utf-8'

function explain(error: ProxyError): string {
  return error.traits.blame === 'client' ? `${error.code}: ${error.message}\n` : `${error.code}\n`
}
