/** The status codes of gRPC that we give by ourselves. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** How a call ended. */
export interface GrpcOutcome {
  readonly status: number
  readonly message: string
}

/** A call that cannot go on, with the status that says so. */
export class GrpcFailure extends Error implements GrpcOutcome {
  override readonly name = 'GrpcFailure'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What an HTTP status means where there is no gRPC status (gRPC, "HTTP to gRPC Status Code Mapping"). */
const httpStatuses: Readonly<Record<number, number>> = {
  400: grpcStatus.internal,
  401: grpcStatus.unauthenticated,
  403: grpcStatus.permissionDenied,
  404: grpcStatus.unimplemented,
  429: grpcStatus.unavailable,
  502: grpcStatus.unavailable,
  503: grpcStatus.unavailable,
  504: grpcStatus.unavailable,
}

/** What the code of an HTTP/2 reset means (gRPC over HTTP/2, "Errors"). */
const resetCodes: Readonly<Record<number, number>> = {
  7: grpcStatus.unavailable,
  8: grpcStatus.cancelled,
  11: grpcStatus.resourceExhausted,
  12: grpcStatus.permissionDenied,
}

/** The outcome that `fields` (names and values in turn) tell; null if they tell none. */
export function outcomeOf(fields: readonly string[]): GrpcOutcome | null {
  const status = firstOf(fields, 'grpc-status')
  if (status === undefined) return null
  const message = decoded(firstOf(fields, 'grpc-message') ?? '')
  // what is no number is a status that nobody knows
  return { status: /^\d{1,9}$/.test(status) ? Number(status) : grpcStatus.unknown, message }
}

/** The outcome of an answer that ended without a gRPC status. */
export function outcomeOfHttp(status: number): GrpcOutcome {
  const message = `the upstream answered HTTP status ${status} without a gRPC status`
  return { status: httpStatuses[status] ?? grpcStatus.unknown, message }
}

/** The outcome of a stream that the upstream reset. */
export function outcomeOfReset(code: number): GrpcOutcome {
  return {
    status: resetCodes[code] ?? grpcStatus.internal,
    message: `the upstream reset the stream (${code})`,
  }
}

function firstOf(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]
  return undefined
}

/** Messages are percent-encoded; one that is not well is shown as it came. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
