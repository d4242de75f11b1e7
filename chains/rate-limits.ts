/** New connections per time: a token bucket. */
export interface ConnectionLimit {
  readonly connections: number
  readonly windowMs: number
  readonly burst: number
}

/** Requests per time: a token bucket, and what those over it are told. */
export interface HttpRateLimit {
  readonly requests: number
  readonly windowMs: number
  readonly burst: number
  readonly status: number
  /** Of that answer. It has a `Retry-After` of its own unless one stands here. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Who may wait for a token (FSM's Backlog); null is nobody. */
  readonly backlog: Backlog | null
}

/** The requests over a rate limit that are kept waiting, in order, in place of being refused at once. */
export interface Backlog {
  /** How many wait at most. */
  readonly requests: number
  /** Who would have to wait longer is refused at once. */
  readonly waitMs: number
}
