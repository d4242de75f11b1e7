import type { Context } from '../../chains/context.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { HttpRequest } from '../../chains/http.ts'
import type { ForwardingHeaders } from '../../chains/settings.ts'

/** Headers that say what we know of the client; the ones that a client could forge are replaced or added to, as configured. */
export function addForwardingHeaders(request: HttpRequest, cx: Context, config: ForwardingHeaders): void {
  const { headers } = request
  const isAppending = config.forwardedFor === 'append'
  if (config.via !== null) addToList(headers, 'Via', 'via', `${request.version} ${config.via}`)
  if (config.forwardedFor !== 'off') {
    const client = cx.peer.remoteAddress
    if (isAppending) addToList(headers, 'X-Forwarded-For', 'x-forwarded-for', client)
    else replace(headers, 'X-Forwarded-For', 'x-forwarded-for', client)
  }
  // what a proxy before us said is kept if we are told to add to its word
  if (config.forwardedProto && !(isAppending && headers.has('x-forwarded-proto'))) {
    replace(headers, 'X-Forwarded-Proto', 'x-forwarded-proto', 'http')
  }
  if (config.forwardedHost && !(isAppending && headers.has('x-forwarded-host'))) {
    replace(headers, 'X-Forwarded-Host', 'x-forwarded-host', headers.get('host') ?? '')
  }
  if (config.requestId === 'replace') replace(headers, 'X-Request-Id', 'x-request-id', cx.id)
  else if (config.requestId === 'keep' && !headers.has('x-request-id'))
    headers.appendValid('X-Request-Id', cx.id)
}

function addToList(headers: HeaderList, name: string, lower: string, value: string): void {
  if (!headers.has(lower)) headers.appendValid(name, value)
  else headers.set(name, [...headers.getAll(lower), value].join(', '))
}

/** Most requests have none of these yet, and adding is cheaper than setting. */
function replace(headers: HeaderList, name: string, lower: string, value: string): void {
  if (headers.has(lower)) headers.set(name, value)
  else headers.appendValid(name, value)
}
