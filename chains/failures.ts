/** What everybody who handles a failure needs to know of it. */
export interface FailureTraits {
  /** What an HTTP client is told. */
  readonly status: number
  /** Who is at fault: decides the log level and the metric label. */
  readonly blame: 'client' | 'upstream' | 'plugin' | 'proxy'
  /** Whether nothing has reached an upstream yet, so that trying elsewhere is safe. */
  readonly unsent: boolean
}

/** Every way an exchange can fail. Docs, metric labels and status codes come from here. */
export const failures = {
  BAD_REQUEST: { status: 400, blame: 'client', unsent: true },
  REQUEST_HEAD_TIMEOUT: { status: 408, blame: 'client', unsent: true },
  LENGTH_REQUIRED: { status: 411, blame: 'client', unsent: true },
  BODY_TOO_LARGE: { status: 413, blame: 'client', unsent: false },
  TARGET_TOO_LONG: { status: 414, blame: 'client', unsent: true },
  EXPECTATION_FAILED: { status: 417, blame: 'client', unsent: true },
  HEAD_TOO_LARGE: { status: 431, blame: 'client', unsent: true },
  NOT_IMPLEMENTED: { status: 501, blame: 'client', unsent: true },
  VERSION_NOT_SUPPORTED: { status: 505, blame: 'client', unsent: true },
  REQUEST_BODY_INVALID: { status: 400, blame: 'client', unsent: false },
  REQUEST_BODY_TIMEOUT: { status: 408, blame: 'client', unsent: false },
  CLIENT_GONE: { status: 499, blame: 'client', unsent: false },
  ACCESS_DENIED: { status: 403, blame: 'client', unsent: true },
  NO_ROUTE: { status: 404, blame: 'client', unsent: true },
  THROTTLED: { status: 429, blame: 'client', unsent: true },
  NO_ENDPOINT: { status: 503, blame: 'upstream', unsent: true },
  CONNECT_REFUSED: { status: 502, blame: 'upstream', unsent: true },
  CONNECT_TIMEOUT: { status: 504, blame: 'upstream', unsent: true },
  UNRESOLVED: { status: 502, blame: 'upstream', unsent: true },
  UPSTREAM_OVERFLOW: { status: 503, blame: 'upstream', unsent: true },
  CIRCUIT_OPEN: { status: 503, blame: 'upstream', unsent: true },
  UPSTREAM_RESET: { status: 502, blame: 'upstream', unsent: false },
  UPSTREAM_INVALID: { status: 502, blame: 'upstream', unsent: false },
  UPSTREAM_TRUNCATED: { status: 502, blame: 'upstream', unsent: false },
  REQUEST_TIMEOUT: { status: 504, blame: 'upstream', unsent: false },
  TRY_TIMEOUT: { status: 504, blame: 'upstream', unsent: false },
  IDLE_TIMEOUT: { status: 504, blame: 'upstream', unsent: false },
  PLUGIN_THREW: { status: 503, blame: 'plugin', unsent: true },
  PLUGIN_OVER_LIMIT: { status: 503, blame: 'plugin', unsent: true },
  DRAINING: { status: 503, blame: 'proxy', unsent: true },
  OVERLOADED: { status: 503, blame: 'proxy', unsent: true },
  INTERNAL: { status: 500, blame: 'proxy', unsent: false },
} as const satisfies Record<string, FailureTraits>

/** The name of a failure, as it stands in logs, metrics and the docs. */
export type FailureCode = keyof typeof failures

/** The one error type that filters throw. Anything else that is thrown is a bug, and becomes `INTERNAL`. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: FailureCode
  constructor(code: FailureCode, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.code = code
  }

  /** The row of {@link failures} that says how to treat this error. */
  get traits(): FailureTraits {
    return failures[this.code]
  }
}

/** Turns whatever was thrown into a {@link ProxyError}; one already is returned as it is. */
export function asProxyError(thrown: unknown): ProxyError {
  if (thrown instanceof ProxyError) return thrown
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return new ProxyError('INTERNAL', detail, { cause: thrown })
}
