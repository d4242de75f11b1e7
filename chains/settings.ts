/** Every wait has its own limit, in milliseconds; 0 is none. */
export interface Timeouts {
  readonly connectMs: number
  /** From the first byte of a request head to its last, and from accept to the first head. */
  readonly requestHeadMs: number
  /** Silence of a connection between requests, within a body, and of a TCP connection both ways. */
  readonly idleMs: number
  /** From a request's head to the end of its answer. */
  readonly requestMs: number
  /** How long what is in flight may go on after SIGTERM. */
  readonly drainMs: number
}

/** What a stranger may use up. */
export interface Limits {
  readonly maxConnections: number
  readonly maxHeadBytes: number
  readonly maxTargetBytes: number
  readonly maxHeaders: number
  /** 0 is none. */
  readonly maxBodyBytes: number
  readonly maxRequestsPerConnection: number
  /** How much of a request is kept so that it can be sent again. */
  readonly maxReplayBytes: number
}

/** Which headers we add about ourselves and the client. */
export interface ForwardingHeaders {
  /** The pseudonym in `Via`, or null for no `Via`. */
  readonly via: string | null
  /** `append` to what the client sent, `replace` it, or `off`. */
  readonly forwardedFor: 'append' | 'replace' | 'off'
  readonly forwardedProto: boolean
  readonly forwardedHost: boolean
  /** `keep` the client's and make one if there is none, `replace` always, or `off`. */
  readonly requestId: 'keep' | 'replace' | 'off'
}

/** Whether, where and how exchanges are logged. */
export interface AccessLogConfig {
  /** `-` is standard output; else a file that is appended to. */
  readonly path: string
  /** Share of exchanges that are logged, 0 to 1. */
  readonly sample: number
  /** Field name → template with `%{…}`; null takes the default fields. */
  readonly fields: Readonly<Record<string, string>> | null
}

/** What answers on one of FSM's probe ports. */
export interface Probe {
  readonly kind: 'liveness' | 'readiness' | 'startup'
  readonly port: number
  /** The address that is listened on; loopback when not given. */
  readonly host?: string
}
