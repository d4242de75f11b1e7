import type { HttpFilter, TcpFilter } from '../filter.ts'

/** The place of TLS in the HTTP chains. Nothing is encrypted yet: it lets everything pass. */
export function httpTlsTermination(): HttpFilter {
  return (request, cx, next) => next(request, cx)
}

/** The place of TLS in the TCP chains. Nothing is encrypted yet: it lets everything pass. */
export function tcpTlsTermination(): TcpFilter {
  return (stream, cx, next) => next(stream, cx)
}
