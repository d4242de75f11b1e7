import type { Context, Outcome } from '../context.ts'
import type { Direction, Identity } from '../model.ts'

/** What a line of the access log is written from. */
export interface LogEntry {
  readonly direction: Direction
  readonly identity: Identity
  readonly cx: Context
  readonly outcome: Outcome
  /** The head as this sidecar received it; null on a TCP chain. */
  readonly request: LoggedRequest | null
  /** Wall time at the start of the exchange, in milliseconds. */
  readonly startedAt: number
  /** Writes {@link startedAt}; the log's own, because it remembers. */
  readonly isoTime: (ms: number) => string
}

/** What is kept of a request until its exchange ends; later filters edit the request itself. */
export interface LoggedRequest {
  /** Null, like the other two, when it could not be read. */
  readonly method: string | null
  readonly path: string | null
  readonly version: '1.0' | '1.1' | '2' | null
  /** Values of the headers that the templates name, in the order in which they name them. */
  readonly headers: readonly (string | undefined)[]
}

/** What a field gives; null is nothing, and is JSON's null or, inside of a longer text, `-`. */
export type LogValue = string | number | null

interface LogField {
  readonly description: string
  /** Whether hardly two exchanges have the same value, so that remembering it is no use. */
  readonly differs?: true
  readonly read: (entry: LogEntry) => LogValue
}

/** Every `%{name}` of the access log, but for `request_header:NAME` and `response_header:NAME`. */
export const logFields = {
  time: {
    description: 'When the exchange began: ISO 8601, UTC, milliseconds.',
    differs: true,
    read: (entry) => entry.isoTime(entry.startedAt),
  },
  id: {
    description: 'Unique among the exchanges of this proxy.',
    differs: true,
    read: (entry) => entry.cx.id,
  },
  direction: {
    description: '`inbound` or `outbound`.',
    read: (entry) => entry.direction,
  },
  method: {
    description: 'Method of the request.',
    read: (entry) => entry.request?.method ?? null,
  },
  path: {
    description: 'Path and query, as received.',
    read: (entry) => entry.request?.path ?? null,
  },
  path_without_query: {
    description: 'Path up to the question mark, for when queries hold secrets.',
    read: ({ request }) => withoutQuery(request?.path ?? null),
  },
  protocol: {
    description: '`HTTP/1.0`, `HTTP/1.1`, `HTTP/2`, or `TCP`.',
    read: ({ request }) => (request ? request.version && protocolNames[request.version] : 'TCP'),
  },
  status: {
    description: 'What the client was told, a number; 0 when it was told nothing.',
    read: (entry) => (entry.request ? entry.outcome.status : null),
  },
  error: {
    description: 'Code of the failure, or why a filter answered by itself.',
    read: (entry) => entry.outcome.error?.code ?? entry.cx.refusal,
  },
  error_detail: {
    description: 'What the failure says of itself.',
    read: (entry) => entry.outcome.error?.message ?? null,
  },
  blame: {
    description: 'Whose fault the failure was: `client`, `upstream`, `plugin`, `proxy`.',
    read: (entry) => entry.outcome.error?.traits.blame ?? null,
  },
  port: {
    description: 'Name of the matched port rule.',
    read: (entry) => entry.cx.vars.port?.name ?? null,
  },
  service: {
    description: 'Name of the matched service.',
    read: (entry) => entry.cx.vars.service?.name ?? null,
  },
  route: {
    description: 'Name of the matched route, within its service.',
    read: (entry) => entry.cx.vars.route?.name ?? null,
  },
  cluster: {
    description: 'Name of the cluster it was sent to.',
    read: (entry) => entry.cx.vars.cluster?.name ?? null,
  },
  target: {
    description: 'Endpoint it was sent to, as `host:port`.',
    read: (entry) => entry.cx.vars.target,
  },
  remote_address: {
    description: 'Address of the client.',
    read: (entry) => entry.cx.peer.remoteAddress,
  },
  remote_port: {
    description: 'Port of the client, a number.',
    read: (entry) => entry.cx.peer.remotePort,
  },
  local_address: {
    description: 'Address that the client connected to.',
    read: (entry) => entry.cx.peer.localAddress,
  },
  local_port: {
    description: 'Port that the client connected to, a number.',
    read: (entry) => entry.cx.peer.localPort,
  },
  destination: {
    description: 'Where the connection was going before it was redirected, as `host:port`.',
    read: ({ cx: { peer } }) => hostPort(peer.destinationAddress, peer.destinationPort),
  },
  connection: {
    description: 'Number of the client connection within its worker.',
    read: (entry) => entry.cx.peer.id,
  },
  received_bytes: {
    description: 'Bytes of the request body, or from the TCP client.',
    read: (entry) => entry.outcome.receivedBytes,
  },
  sent_bytes: {
    description: 'Bytes of the response body, or to the TCP client.',
    read: (entry) => entry.outcome.sentBytes,
  },
  duration_ms: {
    description: 'From the head of the request, or accept, to the last byte; milliseconds to three places.',
    differs: true,
    read: (entry) => Math.round(entry.outcome.durationMs * 1_000) / 1_000,
  },
  namespace: {
    description: 'Namespace of this sidecar.',
    read: (entry) => entry.identity.namespace,
  },
  pod: {
    description: 'Pod of this sidecar.',
    read: (entry) => entry.identity.podName,
  },
  service_account: {
    description: 'Service account of this sidecar.',
    read: (entry) => entry.identity.serviceAccount,
  },
} as const satisfies Record<string, LogField>

/** The fields that are written when the config names none: name in the line → template. */
export const defaultLogFields = {
  time: '%{time}',
  id: '%{id}',
  direction: '%{direction}',
  method: '%{method}',
  path: '%{path}',
  host: '%{request_header:host}',
  protocol: '%{protocol}',
  status: '%{status}',
  error: '%{error}',
  service: '%{service}',
  route: '%{route}',
  cluster: '%{cluster}',
  target: '%{target}',
  remote_address: '%{remote_address}',
  received_bytes: '%{received_bytes}',
  sent_bytes: '%{sent_bytes}',
  duration_ms: '%{duration_ms}',
} as const

const protocolNames = { '1.0': 'HTTP/1.0', '1.1': 'HTTP/1.1', '2': 'HTTP/2' } as const

function withoutQuery(path: string | null): string | null {
  const end = path?.indexOf('?') ?? -1
  return path && end >= 0 ? path.slice(0, end) : path
}

function hostPort(address: string, port: number): string | null {
  if (address === '') return null
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
