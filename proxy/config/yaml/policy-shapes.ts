import { defaults } from '../defaults.ts'
import {
  boolean,
  choice,
  either,
  integer,
  list,
  map,
  number,
  object,
  optional,
  type Read,
  required,
  text,
  withDefault,
} from '../shape/shape.ts'
import { address, anyText, duration, headerName, headerValue, name } from '../shape/texts.ts'

/** Statuses as a retry policy names them: one, or a class such as `5xx`. */
const statusClass = choice(['4xx', '5xx'])

/** `retry` */
export const retryShape = object('retry', {
  retries: withDefault(
    integer(1, 100),
    defaults.retry.retries,
    'How often a request is tried again at most.',
  ),
  on: withDefault(
    list(either(integer(400, 599), statusClass)),
    [...defaults.retry.statuses],
    'Statuses that are tried again: numbers, 4xx or 5xx. Failed connections are tried again too, where that is safe.',
  ),
  perTryTimeout: optional(text(duration), 'Longest time for one try.'),
  backoffBase: withDefault(
    text(duration),
    defaults.retry.backoffBaseMs,
    'The first wait between two tries; it doubles each time.',
  ),
  backoffMax: withDefault(text(duration), defaults.retry.backoffMaxMs, 'The longest wait between two tries.'),
  budgetRatio: withDefault(
    number(0, 1),
    defaults.retry.budgetRatio,
    'Retries in flight at most, as a share of the requests in flight.',
  ),
  budgetMinimum: withDefault(
    integer(0),
    defaults.retry.budgetMinimum,
    'Retries in flight that are always allowed.',
  ),
  nonIdempotent: withDefault(
    boolean,
    defaults.retry.retryNonIdempotent,
    'Whether POST, PATCH and the like are tried again too, at the risk that they are done twice.',
  ),
})

/** `circuitBreaker` */
export const breakerShape = object('circuitBreaker', {
  window: withDefault(
    text(duration),
    defaults.breaker.windowMs,
    'How far back errors and slow answers are counted.',
  ),
  minRequests: withDefault(
    integer(1),
    defaults.breaker.minRequests,
    'Requests in a window before ratios count.',
  ),
  errorRatio: optional(number(0, 1), 'Opens when this share of the answers is 500 or above.'),
  errorAmount: optional(integer(1), 'Opens after so many answers of 500 or above.'),
  slow: withDefault(text(duration), defaults.breaker.slowMs, 'An answer that takes this long is slow.'),
  slowRatio: optional(number(0, 1), 'Opens when this share of the answers is slow.'),
  slowAmount: optional(integer(1), 'Opens after so many slow answers.'),
  open: withDefault(
    text(duration),
    defaults.breaker.openMs,
    'How long it stays open before it lets requests try.',
  ),
  halfOpenRequests: withDefault(
    integer(1),
    defaults.breaker.halfOpenRequests,
    'Requests let through at once to find out whether all is well again.',
  ),
  status: withDefault(integer(200, 599), defaults.breaker.status, 'What clients are told while it is open.'),
  body: withDefault(text(anyText), defaults.breaker.body, 'The text of that answer.'),
})

const policyName = choice(['round-robin', 'least-requests', 'ring-hash'])

/** `balancing`: a policy, or an object. */
export const balancingShape = either(
  policyName,
  object('balancing', {
    policy: withDefault(policyName, defaults.balancing.policy, 'How an endpoint is chosen.'),
    hashHeader: optional(
      text(headerName),
      'With ring-hash: the header that decides. Without it, the address of the client does.',
    ),
    sticky: withDefault(
      choice(['connection', 'request']),
      defaults.balancing.sticky,
      'Whether each request chooses an endpoint, or a client connection keeps the one it has.',
    ),
  }),
)

/** `connections` */
export const connectionsShape = object('connections', {
  max: withDefault(
    integer(1),
    defaults.pool.maxConnections,
    'Open connections to one endpoint at most, in each worker.',
  ),
  pending: withDefault(
    integer(0),
    defaults.pool.maxPendingRequests,
    'Requests that wait for a connection at most; more are answered 503.',
  ),
  idle: withDefault(
    text(duration),
    defaults.pool.idleMs,
    'Idle connections are closed after this. Keep it under the time after which the endpoint closes them.',
  ),
  requestsPerConnection: optional(
    integer(1),
    'Requests on one connection before it is closed; no limit when missing.',
  ),
})

/** `rateLimit` */
export const rateLimitShape = object('rateLimit', {
  requests: required(integer(0), 'Requests let through in each time window.'),
  per: withDefault(text(duration), defaults.rateLimitWindowMs, 'The time window.'),
  burst: optional(
    integer(1),
    'Requests let through at once after a quiet time; as many as `requests` when missing.',
  ),
  status: withDefault(integer(200, 599), defaults.rateLimitStatus, 'What clients over the limit are told.'),
  headers: withDefault(
    map(headerName, text(headerValue)),
    {},
    'Headers of that answer. Unless retry-after is among them, it says in how many seconds the next request is let through.',
  ),
})

/** `connectionLimit` */
export const connectionLimitShape = object('connectionLimit', {
  connections: required(integer(1), 'New connections let in per time window; others are reset.'),
  per: withDefault(text(duration), defaults.rateLimitWindowMs, 'The time window.'),
  burst: optional(
    integer(1),
    'New connections let in at once after a quiet time; as many as `connections` when missing.',
  ),
})

/** One of `endpoints`: an address, or an object. */
export const endpointShape = either(
  text(address),
  object('endpoint', {
    address: required(text(address), 'Where to connect to, as host:port.'),
    weight: withDefault(
      integer(0, 1_000_000),
      defaults.endpointWeight,
      'Its share of the traffic, relative to the others. 0: used only when all others have failed.',
    ),
    pathPrefix: optional(text(anyText), 'Put before the path of each request, such as /cluster-2.'),
  }),
)

/** Shares of traffic by name. */
export const splitShape = map(name, number(0, 1_000_000), 1)

/** `retry`, as it was read. */
export type RetrySpec = Read<typeof retryShape>
/** `circuitBreaker`, as it was read. */
export type BreakerSpec = Read<typeof breakerShape>
/** `balancing`, as it was read. */
export type BalancingSpec = Read<typeof balancingShape>
/** `connections`, as it was read. */
export type ConnectionsSpec = Read<typeof connectionsShape>
/** `rateLimit`, as it was read. */
export type RateLimitSpec = Read<typeof rateLimitShape>
/** `connectionLimit`, as it was read. */
export type ConnectionLimitSpec = Read<typeof connectionLimitShape>
/** One of `endpoints`, as it was read. */
export type EndpointSpec = Read<typeof endpointShape>
