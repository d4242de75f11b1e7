/** What the tests of policies and filters are built from: plain data, and a clock that is turned by hand. */

import type { Body } from '../body.ts'
import { Context, type Outcome } from '../context.ts'
import { HeaderList } from '../headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../http.ts'
import type { Cluster, Direction, Model, PortRule, RouteRule, Service } from '../model.ts'
import type { HttpRateLimit } from '../rate-limits.ts'
import { SharedState } from '../shared-state.ts'
import type { Clock, Tools } from '../tools.ts'
import { newVariables } from '../variables.ts'

/** A clock that stands still until {@link ManualClock.advance} is called. */
export interface ManualClock extends Clock {
  /** Moves on by `ms`, running what was due on the way, in order; a negative number only sets it back. */
  advance(ms: number): void
  /** How many callbacks wait. */
  readonly waiting: number
}

/** Starts at 1,000 ms; its wall time starts at 2026-01-02T03:04:05.678Z. */
export function manualClock(): ManualClock {
  let now = 1_000
  const wallStart = Date.UTC(2026, 0, 2, 3, 4, 5, 678) - now
  const timers = new Set<{ at: number; callback: () => void }>()
  return {
    now: () => now,
    wallTime: () => wallStart + now,
    after(ms, callback) {
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const [first] = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)
        if (!first) break
        timers.delete(first)
        now = Math.max(now, first.at)
        first.callback()
      }
      now = end
    },
    get waiting() {
      return timers.size
    },
  }
}

/** Tools that remember what they were told. */
export interface RecordingTools extends Tools {
  readonly clock: ManualClock
  /** Every instrument, as `name{label="value",…}`: the sum of a counter or gauge, the list of a histogram. */
  readonly recorded: Map<string, number | number[]>
  /** The lines of the access log. */
  readonly lines: string[]
}

/** Tools for a test; `random` always gives 0.5 unless told otherwise. */
export function recordingTools(
  options: { clock?: ManualClock; random?: () => number; state?: SharedState } = {},
): RecordingTools {
  const recorded = new Map<string, number | number[]>()
  const lines: string[] = []
  const silent = () => {}
  const sum = (name: string, labels: Readonly<Record<string, string>>) => {
    const key = seriesName(name, labels)
    recorded.set(key, recorded.get(key) ?? 0)
    return { add: (amount = 1) => void recorded.set(key, (recorded.get(key) as number) + amount) }
  }
  return {
    clock: options.clock ?? manualClock(),
    random: options.random ?? (() => 0.5),
    meter: {
      counter: sum,
      gauge: sum,
      histogram(name, labels) {
        const values = (recorded.get(seriesName(name, labels)) ?? []) as number[]
        recorded.set(seriesName(name, labels), values)
        return { observe: (value) => void values.push(value) }
      },
    },
    shared: (options.state ?? new SharedState()).scope(),
    writeAccessLog: (line) => void lines.push(line),
    upstream: {
      request: () => Promise.reject(new Error('this test has no upstream')),
      connect: () => Promise.reject(new Error('this test has no upstream')),
    },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    recorded,
    lines,
  }
}

function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return `${name}{${pairs.join(',')}}`
}

/** A request with the usual fields, changed by `parts`. */
export function testRequest(parts: Partial<HttpRequest> = {}): HttpRequest {
  return {
    version: '1.1',
    method: 'GET',
    path: '/',
    headers: new HeaderList(['Host', 'shop.example']),
    body: null,
    upgrade: null,
    expectsContinue: false,
    ...parts,
  }
}

/** An answer of that status. */
export function testResponse(status: number, headers: string[] = [], body: Body | null = null): HttpResponse {
  return localResponse(status, new HeaderList(headers), body)
}

/** The context of a new exchange from 192.0.2.7 to 10.0.0.1:80, with these variables. */
export function testContext(
  vars: Partial<Context['vars']> = {},
  options: { direction?: Direction; startedAt?: number } = {},
): Context {
  const silent = () => {}
  const direction = options.direction ?? 'inbound'
  return new Context({
    id: 'w0-1',
    peer: {
      id: 1,
      direction,
      remoteAddress: '192.0.2.7',
      remotePort: 40_000,
      localAddress: '127.0.0.1',
      localPort: 15_003,
      destinationAddress: '10.0.0.1',
      destinationPort: 80,
      choices: new Map(),
    },
    vars: { ...newVariables(null, false), protocol: 'http', ...vars },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    startedAt: options.startedAt ?? 1_000,
  })
}

/** How an exchange ended: well, with 200, after 12.5 ms, unless `parts` say otherwise. */
export function testOutcome(parts: Partial<Outcome> = {}): Outcome {
  return {
    status: 200,
    error: null,
    response: null,
    receivedBytes: 0,
    sentBytes: 0,
    durationMs: 12.5,
    ...parts,
  }
}

/** A port rule of that name. */
export function testPort(name: string): PortRule {
  return {
    direction: 'inbound',
    name,
    port: 80,
    protocol: 'http',
    destinations: null,
    sources: null,
    connectionLimit: null,
    http: null,
    tcp: null,
    script: {},
  }
}

/** A service of that name without routes. */
export function testService(name: string, rateLimit: HttpRateLimit | null = null): Service {
  return { name, routes: [], rateLimit, plugins: {}, script: {} }
}

/** A route of that name without targets. */
export function testRoute(name: string, rateLimit: HttpRateLimit | null = null): RouteRule {
  return {
    name,
    path: { type: 'prefix', value: '/', includesQuery: false, isSegmentPrefix: true },
    methods: null,
    headers: [],
    callers: null,
    targets: [],
    rateLimit,
    requestTimeoutMs: null,
    script: {},
  }
}

/** A cluster without endpoints and policies, changed by `parts`. */
export function testCluster(name: string, parts: Partial<Cluster> = {}): Cluster {
  return {
    name,
    endpoints: [],
    balancing: { policy: 'round-robin', hashHeader: null, sticky: 'request' },
    connections: { maxConnections: 1, maxRequestsPerConnection: 0, maxPendingRequests: 1, idleMs: 1_000 },
    connectTimeoutMs: null,
    retry: null,
    breaker: null,
    script: {},
    ...parts,
  }
}

/** A model of nothing but these clusters, on both sides, with the identity `shop`, `curl`, `curl-1`. */
export function testModel(clusters: readonly Cluster[] = [], fsmMetrics = false): Model {
  const rules = {
    ports: [],
    clusters: Object.fromEntries(clusters.map((cluster) => [cluster.name, cluster])),
    allowedSources: null,
    allowEgress: false,
  }
  return {
    identity: {
      namespace: 'shop',
      serviceAccount: 'curl',
      podName: 'curl-1',
      workloadKind: 'Deployment',
      labels: {},
      serviceIdentity: '',
    },
    listeners: [],
    inbound: rules,
    outbound: rules,
    chains: { 'inbound-tcp': [], 'inbound-http': [], 'outbound-tcp': [], 'outbound-http': [] },
    timeouts: { connectMs: 0, requestHeadMs: 0, idleMs: 0, requestMs: 0, drainMs: 0 },
    limits: {
      maxConnections: 1,
      maxHeadBytes: 1,
      maxTargetBytes: 1,
      maxHeaders: 1,
      maxBodyBytes: 0,
      maxRequestsPerConnection: 0,
      maxReplayBytes: 64,
    },
    forwarding: {
      via: null,
      forwardedFor: 'off',
      forwardedProto: false,
      forwardedHost: false,
      requestId: 'off',
    },
    accessLog: null,
    fsmMetrics,
    probes: [],
    plugins: [],
    script: {},
    secrets: [],
  }
}
