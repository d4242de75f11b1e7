import type {
  Balancing,
  BreakerPolicy,
  ConnectionPoolLimits,
  OriginalDestination,
  RetryPolicy,
} from '../../chains/model.ts'
import type { ForwardingHeaders, Limits, Timeouts } from '../../chains/settings.ts'
import type { LogLevel, ProcessSettings } from './settings.ts'

/** Stands for "no limit" where the model wants a number. */
export const unlimited = Number.MAX_SAFE_INTEGER

const timeouts: Timeouts = {
  connectMs: 5_000,
  requestHeadMs: 10_000,
  idleMs: 60_000,
  requestMs: 0,
  drainMs: 30_000,
}

const limits: Limits = {
  maxConnections: 10_000,
  maxHeadBytes: 32 * 1024,
  maxTargetBytes: 8 * 1024,
  maxHeaders: 100,
  maxBodyBytes: 0,
  maxRequestsPerConnection: unlimited,
  maxReplayBytes: 64 * 1024,
}

const pool: ConnectionPoolLimits = {
  maxConnections: 1_024,
  maxRequestsPerConnection: unlimited,
  maxPendingRequests: 1_024,
  idleMs: 30_000,
}

/** No `Via`: servers such as nginx stop compressing for requests that have one. */
const forwarding: ForwardingHeaders = {
  via: null,
  forwardedFor: 'append',
  forwardedProto: true,
  forwardedHost: true,
  requestId: 'keep',
}

const retry: RetryPolicy = {
  statuses: [502, 503, 504],
  retries: 2,
  perTryTimeoutMs: null,
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  budgetRatio: 0.2,
  budgetMinimum: 3,
  retryNonIdempotent: false,
}

const breaker: BreakerPolicy = {
  windowMs: 30_000,
  minRequests: 100,
  openMs: 30_000,
  slowMs: 5_000,
  slowAmount: null,
  slowRatio: null,
  errorAmount: null,
  errorRatio: null,
  status: 503,
  body: '',
  halfOpenRequests: 1,
}

const balancing: Balancing = { policy: 'round-robin', hashHeader: null, sticky: 'request' }

const process: Omit<ProcessSettings, 'adminToken'> = {
  admin: { host: '127.0.0.1', port: 15_000 },
  metrics: { host: '127.0.0.1', port: 15_010 },
  workers: 1,
  logLevel: 'info' satisfies LogLevel,
}

/** What holds when a config says nothing. The only place where a default is written down. */
export const defaults = {
  timeouts,
  limits,
  pool,
  forwarding,
  retry,
  breaker,
  balancing,
  process,
  originalDestination: 'listener' satisfies OriginalDestination,
  trustedSources: ['127.0.0.0/8', '::1/128'],
  protocol: 'http' as const,
  rateLimitStatus: 429,
  rateLimitWindowMs: 1_000,
  endpointWeight: 100,
  /** After routing and limits, before retries and load balancing, in each of the chains. */
  pluginPriority: 115,
  accessLogSample: 1,
} as const

/** What FSM's programs take when its config says nothing, where that differs from ours. */
export const fsmDefaults = {
  inbound: { host: '0.0.0.0', port: 15_003 },
  outbound: { host: '0.0.0.0', port: 15_001 },
  timeoutSeconds: 60,
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'],
  retryOn: '5xx',
  retryBackoffSeconds: 1,
  retryBackoffSteps: 10,
  /** FSM sets no bound; its connections end after so much silence. */
  backlogWaitMs: 60_000,
  breakerStatus: 409,
  breakerBody: 'Coming soon ...',
  /** FSM adds no headers about the client. */
  forwarding: {
    via: null,
    forwardedFor: 'off',
    forwardedProto: false,
    forwardedHost: false,
    requestId: 'off',
  } satisfies ForwardingHeaders,
} as const

/** Within which bounds the limits of a plugin can be set. */
export const pluginBounds = {
  callMs: { min: 1, max: 10_000 },
  memoryMiB: { min: 1, max: 1_024 },
  bufferKiB: { min: 0, max: 65_536 },
  pauseMs: { min: 1, max: 3_600_000 },
} as const

/** How large a config may be. */
export const configLimits = {
  maxFileBytes: 64 * 1024 * 1024,
  /** Characters; the YAML parser needs some hundred times more time and memory than JSON's. */
  maxYamlLength: 8 * 1024 * 1024,
  /** Values in a YAML document, each alias counted with all that it stands for. */
  maxYamlNodes: 250_000,
  maxDepth: 100,
  maxSecretBytes: 64 * 1024,
  maxRegexLength: 1_024,
  maxSyntaxFaults: 100,
  maxWorkers: 256,
  /** Of the path in the name of a route that has no name of its own. */
  maxRouteNameLength: 200,
  maxLabelsFileBytes: 256 * 1024,
  /** Of one file of manifests, or one script. */
  maxManifestBytes: 8 * 1024 * 1024,
  /** Of all files of manifests together. */
  maxManifestsBytes: 64 * 1024 * 1024,
  maxManifestFiles: 1_000,
  /** Resources in all files of manifests together. */
  maxResources: 10_000,
  /** Characters of a plugin as its author wrote it. */
  maxScriptLength: 1024 * 1024,
}
