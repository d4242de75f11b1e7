import type { PluginSpec } from './plugins.ts'
import type { ConnectionLimit, HttpRateLimit } from './rate-limits.ts'
import type { AccessLogConfig, ForwardingHeaders, Limits, Probe, Timeouts } from './settings.ts'

/**
 * What a sidecar does, as plain data: the one thing that both config formats
 * are turned into, and that everything else is built from.
 *
 * It can be cloned to another thread and printed as JSON as it is. References
 * are shared: one service named by two hosts is one object. Regular expressions
 * are kept as their (checked) sources, addresses as text. Nothing here changes
 * after parsing.
 */
export interface Model {
  readonly identity: Identity
  readonly listeners: readonly Listener[]
  readonly inbound: DirectionRules
  readonly outbound: DirectionRules
  readonly chains: Readonly<Record<ChainName, readonly StepConfig[]>>
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly forwarding: ForwardingHeaders
  readonly accessLog: AccessLogConfig | null
  /** FSM's metric names and its `fsm-stats` response header, beside our own. */
  readonly fsmMetrics: boolean
  /** Probe ports (15901 to 15903) and what answers behind them. */
  readonly probes: readonly Probe[]
  /** Every plugin that a chain names as `plugins/NAME.js`. */
  readonly plugins: readonly PluginSpec[]
  /** The whole config as scripts may see it, secrets removed. */
  readonly script: JsonObject
  /** What was removed; empty unless a plugin is granted to see it. */
  readonly secrets: readonly ConfigSecret[]
}

/** A secret that was removed from what scripts see of the config. */
export interface ConfigSecret {
  /** An object within {@link Model.script}: the very one, as references are shared. */
  readonly holder: JsonObject
  readonly key: string
  readonly value: Json
}

/** Anything that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
/** An object as JSON has it; never a class of ours. */
export interface JsonObject {
  readonly [key: string]: Json
}

/** Which way traffic flows: to the application beside us, or from it. */
export type Direction = 'inbound' | 'outbound'

/** The four chains. Plugins are mounted on them by these names. */
export const chainNames = ['inbound-tcp', 'inbound-http', 'outbound-tcp', 'outbound-http'] as const
/** The name of one of {@link chainNames}. */
export type ChainName = (typeof chainNames)[number]

/** A module mounted on a chain. `name` is FSM's file name, such as `modules/inbound-http-routing.js`. */
export interface StepConfig {
  readonly name: string
  readonly priority: number
}

/** Who this sidecar is. Empty strings for what nobody said. */
export interface Identity {
  readonly namespace: string
  readonly serviceAccount: string
  readonly podName: string
  readonly workloadKind: string
  readonly labels: Readonly<Record<string, string>>
  /** What the outbound side says of itself in `serviceidentity`: `account.namespace`, or empty for nothing. */
  readonly serviceIdentity: string
}

/** How a listener learns where a connection was going. */
export const originalDestinations = ['listener', 'header', 'proxy-protocol', 'redirect'] as const
/** One of {@link originalDestinations}. */
export type OriginalDestination = (typeof originalDestinations)[number]

/** One address that is listened on. */
export interface Listener {
  readonly direction: Direction
  readonly host: string
  /** 0 lets the kernel choose. */
  readonly port: number
  readonly originalDestination: OriginalDestination
  /** CIDR ranges whose word about the original destination is believed. */
  readonly trustedSources: readonly string[]
  /** With `listener`: the index in {@link DirectionRules.ports} of the rule that it serves. */
  readonly rule: number | null
}

/** All that concerns one direction. */
export interface DirectionRules {
  /** In the order in which they are tried. */
  readonly ports: readonly PortRule[]
  readonly clusters: Readonly<Record<string, Cluster>>
  /** CIDRs and addresses that may connect; null lets everyone in. Inbound only. */
  readonly allowedSources: readonly string[] | null
  /** Whether a connection that no rule covers may go where it was going. Outbound only. */
  readonly allowEgress: boolean
}

/** What is spoken on a port, in FSM's words; `grpc` is HTTP, all but it and `http` are raw bytes. */
export type Protocol = 'http' | 'grpc' | 'tcp' | 'tcp-server-first' | 'https'

/** What is done with connections to one destination port. */
export interface PortRule {
  readonly direction: Direction
  /** Unique and stable across pushes; stands in metrics and logs. */
  readonly name: string
  /** The destination port that it is for; null is any. */
  readonly port: number | null
  readonly protocol: Protocol
  /** CIDRs of the destinations that it is for; null is any, and is tried after those that have some. */
  readonly destinations: readonly string[] | null
  /** FSM's SourceIPRanges: callers from here are ingress, with what is asked of their TLS. Null when not given. */
  readonly sources: readonly SourceRange[] | null
  readonly connectionLimit: ConnectionLimit | null
  readonly http: HttpRules | null
  readonly tcp: TcpRules | null
  /** FSM's match object, for scripts (`__port`). */
  readonly script: JsonObject
}

/** Callers from one range, and what is asked of their TLS (FSM's SourceIPRanges). */
export interface SourceRange {
  readonly cidr: string
  readonly mutualTls: boolean
  readonly skipClientCertificateCheck: boolean
  readonly principals: readonly string[] | null
}

/** How requests to a port find their service. */
export interface HttpRules {
  /** Lower-case `host` or `host:port` → service; `*` and `*.domain` where `hostMatching` is `flexible`. */
  readonly hosts: Readonly<Record<string, HostEntry>>
  /** `exact`: the Host header as it is (FSM); `*` only for ingress. `flexible`: also without port, by wildcard, and `*`. */
  readonly hostMatching: 'exact' | 'flexible'
  /** Where unknown hosts go (FSM's EnableAutoDefaultRoute), or null. */
  readonly defaultHost: HostEntry | null
  /** `grouped`: a rule set of the caller's own shadows the anonymous one (FSM). `filtered`: rule by rule. */
  readonly callerMatching: 'grouped' | 'filtered'
  /** What no host or rule fits is denied (FSM, whose rules are a list of what is allowed: 403), or just not there (ours: 404). */
  readonly unmatched: 'denied' | 'absent'
}

/** Where a host name leads. */
export interface HostEntry {
  readonly service: Service
  /** What the Host header becomes when this entry is used as the default host. */
  readonly rewriteHost: string
}

/** Where raw connections to a port go. */
export interface TcpRules {
  readonly targets: readonly WeightedCluster[]
  /** Whether a connection for which there is no endpoint may go where it was going. */
  readonly allowEgress: boolean
  readonly plugins: Readonly<Record<string, Json>>
}

/** What is reached under a host name: rules, and what holds for all of them. */
export interface Service {
  readonly name: string
  /** Tried in this order; the first match wins. */
  readonly routes: readonly RouteRule[]
  readonly rateLimit: HttpRateLimit | null
  readonly plugins: Readonly<Record<string, Json>>
  /** For scripts (`__service`). */
  readonly script: JsonObject
}

/** One rule of a service: what a request must be like, and where it goes then. */
export interface RouteRule {
  /** Stable within its service; stands in metrics and logs. */
  readonly name: string
  readonly path: PathMatch
  /** Upper case; null is any. */
  readonly methods: readonly string[] | null
  readonly headers: readonly HeaderMatch[]
  /** `account.namespace` of the callers it is for; null is anyone. */
  readonly callers: readonly string[] | null
  /** Those of weight 0 are used only when the others fail. */
  readonly targets: readonly WeightedCluster[]
  readonly rateLimit: HttpRateLimit | null
  /** Longest time for the whole exchange; null takes the sidecar's. */
  readonly requestTimeoutMs: number | null
  /** For scripts (`__route`). */
  readonly script: JsonObject
}

/** A test of the path of a request. */
export interface PathMatch {
  readonly type: 'exact' | 'prefix' | 'regex'
  readonly value: string
  /** Whether the test sees the query too (FSM), or the path alone (ours). */
  readonly includesQuery: boolean
  /** Prefix only: whether `/a` matches `/ab` (FSM) or only `/a` and `/a/…` (ours). */
  readonly isSegmentPrefix: boolean
}

/** A test of one header of a request. */
export interface HeaderMatch {
  /** Lower case. */
  readonly name: string
  /** Unanchored regular expression; a missing header is tested as the empty string. */
  readonly regex: string
}

/** A share of the traffic, relative to the weights beside it. */
export interface WeightedCluster {
  readonly cluster: string
  readonly weight: number
}

/** A group of endpoints that do the same work. */
export interface Cluster {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly balancing: Balancing
  readonly connections: ConnectionPoolLimits
  readonly connectTimeoutMs: number | null
  readonly retry: RetryPolicy | null
  readonly breaker: BreakerPolicy | null
  /** For scripts (`__cluster`). */
  readonly script: JsonObject
}

/** One address that does the work of a cluster. */
export interface Endpoint {
  /** `host:port`, IPv6 in brackets: its identity, and what `__target` says. */
  readonly address: string
  readonly host: string
  readonly port: number
  /** 0 is used only when all others have failed. */
  readonly weight: number
  /** Put before the path of each request, or null. */
  readonly pathPrefix: string | null
  /** `host:port` of a gateway that is connected to instead, or null. */
  readonly viaGateway: string | null
}

/** How an endpoint of a cluster is chosen. */
export interface Balancing {
  readonly policy: 'round-robin' | 'least-requests' | 'ring-hash'
  /** For `ring-hash`: a header (lower case), or the client's address when null. */
  readonly hashHeader: string | null
  /** Whether a client connection keeps its endpoint (FSM for HTTP/1) or each request chooses. */
  readonly sticky: 'connection' | 'request'
}

/** Limits of the upstream pool of each endpoint. */
export interface ConnectionPoolLimits {
  readonly maxConnections: number
  readonly maxRequestsPerConnection: number
  readonly maxPendingRequests: number
  /** Idle connections are closed after this; keep it under the upstream's own. */
  readonly idleMs: number
}

/** When a request is sent again, and how often. */
export interface RetryPolicy {
  /** Statuses that are tried again. */
  readonly statuses: readonly number[]
  /** Failures are tried again too when nothing was sent, or when the method is idempotent. */
  readonly retries: number
  /**
   * Whether POST, PATCH and other methods that are not idempotent (RFC 9110,
   * 9.2.2) are tried again as freely as GET, at the risk of being done twice.
   * True for FSM, which retries everything.
   */
  readonly retryNonIdempotent: boolean
  readonly perTryTimeoutMs: number | null
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
  /** Retries in flight at most, as a share of the requests in flight; at least `budgetMinimum` are always allowed. */
  readonly budgetRatio: number
  readonly budgetMinimum: number
}

/** FSM's CircuitBreaking, with our half-open state. */
export interface BreakerPolicy {
  readonly windowMs: number
  readonly minRequests: number
  readonly openMs: number
  readonly slowMs: number
  readonly slowAmount: number | null
  readonly slowRatio: number | null
  readonly errorAmount: number | null
  readonly errorRatio: number | null
  readonly status: number
  readonly body: string
  /** Requests let through at once to find out whether the cluster is well again. */
  readonly halfOpenRequests: number
}
