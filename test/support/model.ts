import type {
  Cluster,
  ConnectionPoolLimits,
  Direction,
  DirectionRules,
  Endpoint,
  Model,
  PortRule,
  Protocol,
  RetryPolicy,
  Service,
  StepConfig,
} from '../../chains/model.ts'
import type { ForwardingHeaders, Limits, Timeouts } from '../../chains/settings.ts'

/** What a test may say of its sidecar; all else is as small and quiet as can be. */
export interface SidecarOptions {
  /** Ports of the application on this machine; the first alone, or all in turn. */
  readonly upstreams: readonly number[]
  /** Weights of `upstreams`, in their order; 1 each when not given. */
  readonly weights?: readonly number[]
  readonly direction?: Direction
  readonly protocol?: Protocol
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Partial<Limits>
  readonly pool?: Partial<ConnectionPoolLimits>
  readonly retry?: RetryPolicy
  readonly forwarding?: Partial<ForwardingHeaders>
}

/** No wait is short enough to end a test by accident. */
const defaultTimeouts: Timeouts = {
  connectMs: 2_000,
  requestHeadMs: 10_000,
  idleMs: 10_000,
  requestMs: 20_000,
  drainMs: 1_000,
}

/** Small enough that tests can pass them with few bytes. */
const defaultLimits: Limits = {
  maxConnections: 1_000,
  maxHeadBytes: 8_192,
  maxTargetBytes: 2_048,
  maxHeaders: 64,
  maxBodyBytes: 0,
  maxRequestsPerConnection: 1_000,
  maxReplayBytes: 65_536,
}

const defaultPool: ConnectionPoolLimits = {
  maxConnections: 100,
  maxRequestsPerConnection: 1_000,
  maxPendingRequests: 100,
  idleMs: 10_000,
}

const defaultForwarding: ForwardingHeaders = {
  via: null,
  forwardedFor: 'off',
  forwardedProto: false,
  forwardedHost: false,
  requestId: 'off',
}

const clusterName = 'app'

/** Routing, balancing and the last word, with none of what observes. */
function steps(direction: Direction): Record<'tcp' | 'http', readonly StepConfig[]> {
  const step = (what: string, priority: number) => ({ name: `modules/${direction}-${what}.js`, priority })
  return {
    tcp: [step('tcp-routing', 120), step('tcp-load-balancing', 110), step('tcp-default', 100)],
    http: [step('http-routing', 170), step('http-load-balancing', 110), step('http-default', 100)],
  }
}

function endpointOf(port: number, weight: number): Endpoint {
  return {
    address: `127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    weight,
    pathPrefix: null,
    viaGateway: null,
  }
}

function clusterOf(options: SidecarOptions): Cluster {
  return {
    name: clusterName,
    endpoints: options.upstreams.map((port, index) => endpointOf(port, options.weights?.[index] ?? 1)),
    balancing: { policy: 'round-robin', hashHeader: null, sticky: 'request' },
    connections: { ...defaultPool, ...options.pool },
    connectTimeoutMs: null,
    retry: options.retry ?? null,
    breaker: null,
    script: {},
  }
}

/** One service that takes every host, path and method. */
function catchAll(): Service {
  return {
    name: 'app',
    routes: [
      {
        name: 'all',
        path: { type: 'prefix', value: '', includesQuery: false, isSegmentPrefix: false },
        methods: null,
        headers: [],
        callers: null,
        targets: [{ cluster: clusterName, weight: 1 }],
        rateLimit: null,
        requestTimeoutMs: null,
        script: {},
      },
    ],
    rateLimit: null,
    plugins: {},
    script: {},
  }
}

function ruleOf(direction: Direction, protocol: Protocol): PortRule {
  const isHttp = protocol === 'http'
  return {
    direction,
    name: 'rule',
    port: null,
    protocol,
    destinations: null,
    sources: null,
    connectionLimit: null,
    http: isHttp
      ? {
          hosts: { '*': { service: catchAll(), rewriteHost: 'app' } },
          hostMatching: 'flexible',
          defaultHost: null,
          callerMatching: 'filtered',
          unmatched: 'absent',
        }
      : null,
    tcp: isHttp ? null : { targets: [{ cluster: clusterName, weight: 1 }], allowEgress: false, plugins: {} },
    script: {},
  }
}

/** A sidecar with one listener, one rule that matches everything, and one cluster behind it. */
export function modelOf(options: SidecarOptions): Model {
  const direction = options.direction ?? 'inbound'
  const rules: DirectionRules = {
    ports: [ruleOf(direction, options.protocol ?? 'http')],
    clusters: { [clusterName]: clusterOf(options) },
    allowedSources: null,
    allowEgress: false,
  }
  const none: DirectionRules = { ports: [], clusters: {}, allowedSources: null, allowEgress: false }
  const inboundSteps = steps('inbound')
  const outboundSteps = steps('outbound')
  return {
    identity: {
      namespace: '',
      serviceAccount: '',
      podName: '',
      workloadKind: '',
      labels: {},
      serviceIdentity: '',
    },
    listeners: [
      {
        direction,
        host: '127.0.0.1',
        port: 0,
        originalDestination: 'listener',
        trustedSources: [],
        rule: 0,
      },
    ],
    inbound: direction === 'inbound' ? rules : none,
    outbound: direction === 'outbound' ? rules : none,
    chains: {
      'inbound-tcp': inboundSteps.tcp,
      'inbound-http': inboundSteps.http,
      'outbound-tcp': outboundSteps.tcp,
      'outbound-http': outboundSteps.http,
    },
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    limits: { ...defaultLimits, ...options.limits },
    forwarding: { ...defaultForwarding, ...options.forwarding },
    accessLog: null,
    fsmMetrics: false,
    probes: [],
    plugins: [],
    script: {},
    secrets: [],
  }
}
