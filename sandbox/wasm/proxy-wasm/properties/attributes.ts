import type { Context, Outcome } from '../../../../chains/context.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import type { Clock } from '../../../../chains/tools.ts'
import type { HeaderMap } from '../../contract.ts'
import { encodePairs } from '../pairs.ts'
import { boolean, bytesOf, integer, nanoseconds, textBytes } from './encode.ts'

/** What attributes are read from. */
export interface AttributeSource {
  readonly cx: Context
  readonly clock: Clock
  /** Null on a connection. */
  readonly maps: { readonly request: HeaderMap | null; readonly response: HeaderMap | null } | null
  readonly request: HttpRequest | null
  readonly response: HttpResponse | null
  /** Null while it goes on. */
  readonly outcome: Outcome | null
  /** What a local answer said of itself. */
  readonly details: string
}

type Attribute = (source: AttributeSource) => Uint8Array | null

const header =
  (name: string): Attribute =>
  ({ maps }) => {
    const value = maps?.request?.get(name)
    return value === undefined ? null : bytesOf(value)
  }
const text = (value: string | null | undefined): Uint8Array | null => (value ? textBytes(value) : null)
const count = (value: number | undefined): Uint8Array | null => (value === undefined ? null : integer(value))
const joined = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
const path = ({ maps }: AttributeSource): string | undefined => maps?.request?.get(':path')
const cut = (whole: string | undefined, part: 0 | 1): Uint8Array | null => {
  if (whole === undefined) return null
  const at = whole.indexOf('?')
  if (at < 0) return bytesOf(part === 0 ? whole : '')
  return bytesOf(part === 0 ? whole.slice(0, at) : whole.slice(at + 1))
}
const versions = { '1.0': 'HTTP/1.0', '1.1': 'HTTP/1.1', '2': 'HTTP/2' } as const

/** Where the client meant to go; what it is connected to where nobody knows. */
function destination({ peer }: Context): { readonly address: string; readonly port: number } {
  return peer.destinationAddress
    ? { address: peer.destinationAddress, port: peer.destinationPort }
    : { address: peer.localAddress, port: peer.localPort }
}

const xds: Readonly<Record<string, Attribute>> = {
  cluster_name: ({ cx }) => text(cx.vars.cluster?.name),
  route_name: ({ cx }) => text(cx.vars.route?.name),
  virtual_host_name: ({ cx }) => text(cx.vars.service?.name),
  filter_chain_name: ({ cx }) => text(cx.vars.port?.name),
  listener_direction: ({ cx }) => integer(cx.peer.direction === 'inbound' ? 1 : 2),
}

/** Every attribute that a sidecar has, by its path (joined with `.`). Maps of headers are beside it. */
export const attributes: Readonly<Record<string, Attribute>> = {
  'request.path': (source) => text(path(source)),
  'request.url_path': (source) => cut(path(source), 0),
  'request.query': (source) => cut(path(source), 1),
  'request.host': header(':authority'),
  'request.scheme': header(':scheme'),
  'request.method': header(':method'),
  'request.referer': header('referer'),
  'request.useragent': header('user-agent'),
  'request.id': header('x-request-id'),
  'request.protocol': ({ request }) => text(request && versions[request.version]),
  'request.time': ({ cx, clock, maps }) =>
    maps && nanoseconds(clock.wallTime() - Math.max(0, clock.now() - cx.startedAt)),
  'request.duration': ({ maps, outcome }) => maps && outcome && nanoseconds(outcome.durationMs),
  'request.size': ({ maps, outcome }) => maps && count(outcome?.receivedBytes),
  'request.total_size': ({ request, outcome }) =>
    outcome && request && integer(outcome.receivedBytes + request.headers.serialize().length),
  'response.code': ({ response, outcome, maps }) => {
    const status = response?.status ?? outcome?.status
    return maps && status ? integer(status) : null
  },
  'response.code_details': ({ details }) => text(details.replaceAll(/\s/g, '_')),
  'response.flags': ({ maps, outcome }) => maps && outcome && integer(0),
  'response.grpc_status': ({ maps }) => {
    const value = maps?.response?.get('grpc-status')
    return value !== undefined && /^\d{1,9}$/.test(value) ? integer(Number(value)) : null
  },
  'response.size': ({ maps, outcome }) => maps && count(outcome?.sentBytes),
  'response.total_size': ({ response, outcome }) =>
    outcome && response && integer(outcome.sentBytes + response.headers.serialize().length),
  'source.address': ({ cx }) => text(joined(cx.peer.remoteAddress, cx.peer.remotePort)),
  'source.port': ({ cx }) => integer(cx.peer.remotePort),
  'destination.address': ({ cx }) => text(joined(destination(cx).address, destination(cx).port)),
  'destination.port': ({ cx }) => integer(destination(cx).port),
  'connection.id': ({ cx }) => integer(cx.peer.id),
  'connection.mtls': () => boolean(false),
  'upstream.address': ({ cx }) => text(cx.vars.target),
  'upstream.port': ({ cx }) => {
    const port = cx.vars.target?.match(/:(\d+)$/)?.[1]
    return port === undefined ? null : integer(Number(port))
  },
  ...Object.fromEntries(Object.entries(xds).map(([name, attribute]) => [`xds.${name}`, attribute])),
  cluster_name: xds.cluster_name as Attribute,
  route_name: xds.route_name as Attribute,
  listener_direction: xds.listener_direction as Attribute,
  'pillion.protocol': ({ cx }) => text(cx.vars.protocol),
  'pillion.target': ({ cx }) => text(cx.vars.target),
  'pillion.route': ({ cx }) => text(cx.vars.route?.name),
  'pillion.service': ({ cx }) => text(cx.vars.service?.name),
  'pillion.cluster': ({ cx }) => text(cx.vars.cluster?.name),
  'pillion.port': ({ cx }) => text(cx.vars.port?.name),
  'pillion.direction': ({ cx }) => text(cx.peer.direction),
  'pillion.is_http2': ({ cx }) => boolean(cx.vars.isHttp2),
  'pillion.is_ingress': ({ cx }) => boolean(cx.vars.isIngress),
  'pillion.is_egress': ({ cx }) => boolean(cx.vars.isEgress),
  'pillion.exchange_id': ({ cx }) => text(cx.id),
}

/** The value of an attribute; null when there is none. */
export function attribute(path: readonly string[], source: AttributeSource): Uint8Array | null {
  const [first, second, ...rest] = path
  if (second === 'headers' && (first === 'request' || first === 'response')) {
    return ofHeaders(source.maps?.[first] ?? null, rest)
  }
  const name = path.join('.')
  return Object.hasOwn(attributes, name) ? (attributes[name]?.(source) ?? null) : null
}

function ofHeaders(map: HeaderMap | null, rest: readonly string[]): Uint8Array | null {
  if (!map) return null
  const pairs = map.pairs()
  if (rest.length === 0) return encodePairs(pairs)
  const name = rest.join('\0').toLowerCase()
  const values = pairs.filter((_, at) => at % 2 === 1 && pairs[at - 1] === name)
  return values.length > 0 ? bytesOf(values.join(',')) : null
}
