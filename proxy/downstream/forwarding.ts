import type { Context } from '../../chains/context.ts'
import type { HttpRequest } from '../../chains/http.ts'
import type { ForwardingHeaders } from '../../chains/settings.ts'

/** Headers that say what we know of the client; the ones that a client could forge are replaced or added to, as configured. */
export function addForwardingHeaders(request: HttpRequest, cx: Context, config: ForwardingHeaders): void {
  const { headers } = request
  if (config.via !== null) addToList(request, 'Via', `${request.version} ${config.via}`)
  if (config.forwardedFor !== 'off') {
    const client = cx.peer.remoteAddress
    if (config.forwardedFor === 'append') addToList(request, 'X-Forwarded-For', client)
    else headers.set('X-Forwarded-For', client)
  }
  if (config.forwardedProto) setOnce(request, 'X-Forwarded-Proto', 'http', config)
  if (config.forwardedHost) setOnce(request, 'X-Forwarded-Host', headers.get('host') ?? '', config)
  if (config.requestId === 'replace') headers.set('X-Request-Id', cx.id)
  else if (config.requestId === 'keep' && !headers.has('x-request-id')) headers.append('X-Request-Id', cx.id)
}

function addToList(request: HttpRequest, name: string, value: string): void {
  const before = request.headers.getAll(name.toLowerCase())
  request.headers.set(name, [...before, value].join(', '))
}

/** Keeps what a proxy before us said, if we are told to add to its word. */
function setOnce(request: HttpRequest, name: string, value: string, config: ForwardingHeaders): void {
  const isKept = config.forwardedFor === 'append' && request.headers.has(name.toLowerCase())
  if (!isKept) request.headers.set(name, value)
}
