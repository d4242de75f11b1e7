import { Body } from '../body.ts'
import { type FailureCode, ProxyError } from '../failures.ts'
import type { HttpFilter, TcpFilter } from '../filter.ts'
import { HeaderList } from '../headers.ts'
import { type HttpResponse, localResponse } from '../http.ts'
import type { Direction, Model } from '../model.ts'
import type { ForwardingHeaders } from '../settings.ts'

const forwardedFor = 'x-forwarded-for'

/**
 * Answers what nobody else did (FSM's `*-http-default`).
 *
 * Where FSM's rules hold, with FSM's answers, a 502 for what came through
 * another proxy among them. Else with the failure that says what was wrong:
 * denied, no such host or rule, or a cluster without endpoints.
 */
export function httpFallback(direction: Direction, model: Model): HttpFilter {
  const cameForwarded = direction === 'inbound' ? forwardedTest(model.forwarding.forwardedFor) : () => false
  return (request, cx) => {
    const { port, route, cluster, isDenied } = cx.vars
    if (port?.http?.unmatched === 'denied') {
      const kind = cameForwarded(request.headers) ? 'forwarded' : route ? 'notFound' : 'denied'
      const { code, status, text } = answers[kind]
      cx.refusal = code
      return Promise.resolve(answer(status, text, request.method))
    }
    if (isDenied) throw new ProxyError('ACCESS_DENIED', 'the caller may not do this')
    if (!route) throw new ProxyError('NO_ROUTE', 'no host or rule fits the request')
    const what = cluster ? `${cluster.name} has no endpoint` : `${route.name} has no cluster`
    throw new ProxyError('NO_ENDPOINT', what)
  }
}

/** Refuses the connection that nobody took (FSM's `*-tcp-default`); the client sees a reset. */
export function tcpFallback(): TcpFilter {
  return (_stream, { vars }) => {
    if (vars.cluster) throw new ProxyError('NO_ENDPOINT', `${vars.cluster.name} has no endpoint`)
    throw new ProxyError('NO_ROUTE', 'no rule says where the connection goes')
  }
}

/** FSM's answers, word for word. */
const answers = {
  forwarded: { code: 'NO_ENDPOINT', status: 502, text: 'Proxy Error' },
  denied: { code: 'ACCESS_DENIED', status: 403, text: 'Access denied' },
  notFound: { code: 'NO_ENDPOINT', status: 404, text: 'Not found' },
} as const satisfies Record<string, { code: FailureCode; status: number; text: string }>

function answer(status: number, text: string, method: string): HttpResponse {
  const headers = new HeaderList(['Content-Type', 'text/plain'])
  if (method !== 'HEAD') return localResponse(status, headers, Body.of(text))
  return { ...localResponse(status, headers, null), declaredLength: text.length }
}

/** Whether the client sent `X-Forwarded-For`, which the edge may have added to before the chain saw it. */
function forwardedTest(mode: ForwardingHeaders['forwardedFor']): (headers: HeaderList) => boolean {
  switch (mode) {
    case 'off':
      return (headers) => headers.has(forwardedFor)
    case 'append':
      return (headers) => headers.getAll(forwardedFor).join(',').includes(',')
    case 'replace':
      return () => false
  }
}
