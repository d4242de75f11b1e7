import { pluginMetrics } from './plugin-metrics.ts'

/** A number that only grows. */
export interface Counter {
  add(amount?: number): void
}

/** A number that goes up and down. */
export interface Gauge {
  add(amount: number): void
}

/** Counts observations by size. */
export interface Histogram {
  observe(value: number): void
}

type Labels = Readonly<Record<string, string>>

/**
 * Where filters count. The instruments are plain numbers of this worker, added
 * up over workers when somebody scrapes; they outlive generations.
 *
 * Ask for an instrument once, when a chain is built, and keep it: asking costs
 * a look-up. Label values come from configuration, never from traffic. Throws
 * on a name that is not in the table of metrics.
 */
export interface Meter {
  counter(name: MetricName<'counter'>, labels: Labels): Counter
  gauge(name: MetricName<'gauge'>, labels: Labels): Gauge
  histogram(name: MetricName<'histogram'>, labels: Labels): Histogram
}

interface MetricTraits {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Histograms only: upper bounds, ascending, without the last (infinite) one. */
  readonly buckets?: readonly number[]
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const
const fsmMilliseconds = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
] as const
const fsmSource = [
  'source_namespace',
  'source_workload_kind',
  'source_workload_name',
  'source_workload_pod',
] as const
const fsmCluster = ['sidecar_cluster_name'] as const
const fsmPair = [
  'source_namespace',
  'source_kind',
  'source_name',
  'source_pod',
  'destination_namespace',
  'destination_kind',
  'destination_name',
  'destination_pod',
] as const

/** Every metric there is: ours, OpenTelemetry's, and FSM's (reference: FSM's `metrics.js`). */
export const metrics = {
  http_server_request_duration_seconds: {
    kind: 'histogram',
    help: 'Time from the head of an inbound request to the end of its answer.',
    labels: ['http_route', 'http_response_status_code', 'error_type'],
    buckets: seconds,
  },
  http_client_request_duration_seconds: {
    kind: 'histogram',
    help: 'Time from the head of an outbound request to the end of its answer.',
    labels: ['http_route', 'http_response_status_code', 'error_type'],
    buckets: seconds,
  },
  pillion_requests_total: {
    kind: 'counter',
    help: 'HTTP exchanges that ended, by service and class of status.',
    labels: ['direction', 'service', 'status_class'],
  },
  pillion_failures_total: {
    kind: 'counter',
    help: 'Exchanges that failed, by failure code and whose fault it was.',
    labels: ['direction', 'code', 'blame'],
  },
  pillion_request_body_bytes_total: {
    kind: 'counter',
    help: 'Bytes of request bodies, framing not counted.',
    labels: ['direction', 'service'],
  },
  pillion_response_body_bytes_total: {
    kind: 'counter',
    help: 'Bytes of response bodies, framing not counted.',
    labels: ['direction', 'service'],
  },
  pillion_requests_active: { kind: 'gauge', help: 'HTTP exchanges in flight.', labels: ['direction'] },
  pillion_connections_total: { kind: 'counter', help: 'Connections accepted.', labels: ['direction'] },
  pillion_connections_active: {
    kind: 'gauge',
    help: 'Client connections that are open.',
    labels: ['direction'],
  },
  pillion_connections_rejected_total: {
    kind: 'counter',
    help: 'Connections refused at accept, by reason.',
    labels: ['direction', 'reason'],
  },
  pillion_tcp_bytes_total: {
    kind: 'counter',
    help: 'Bytes relayed on TCP chains; way is received (from the client) or sent.',
    labels: ['direction', 'cluster', 'way'],
  },
  pillion_upstream_connections_total: {
    kind: 'counter',
    help: 'Upstream connections opened.',
    labels: ['cluster'],
  },
  pillion_upstream_connections_active: {
    kind: 'gauge',
    help: 'Upstream connections that are open.',
    labels: ['cluster'],
  },
  pillion_upstream_connect_failures_total: {
    kind: 'counter',
    help: 'Upstream connections that could not be opened.',
    labels: ['cluster', 'code'],
  },
  pillion_upstream_overflow_total: {
    kind: 'counter',
    help: 'Requests refused because the pool and its queue were full.',
    labels: ['cluster'],
  },
  pillion_retries_total: {
    kind: 'counter',
    help: 'Requests sent again; result is success, failure, or refused (over the budget).',
    labels: ['cluster', 'result'],
  },
  pillion_throttled_total: {
    kind: 'counter',
    help: 'Requests refused by a rate limit; scope is service or route.',
    labels: ['direction', 'service', 'scope'],
  },
  pillion_circuit_state: {
    kind: 'gauge',
    help: 'Circuit breaker of a cluster: 0 closed, 1 half-open, 2 open. Summed over workers.',
    labels: ['cluster'],
  },
  pillion_circuit_opened_total: {
    kind: 'counter',
    help: 'Times that the circuit breaker of a cluster opened.',
    labels: ['cluster'],
  },
  ...pluginMetrics,
  pillion_access_log_dropped_total: {
    kind: 'counter',
    help: 'Access log lines that were dropped because their reader was too slow.',
    labels: [],
  },
  pillion_config_generation: { kind: 'gauge', help: 'Number of the generation that serves.', labels: [] },
  pillion_config_pushes_total: {
    kind: 'counter',
    help: 'Configs that were brought into service or refused; outcome is ok or refused.',
    labels: ['outcome'],
  },
  pillion_workers_ended_total: {
    kind: 'counter',
    help: 'Workers that ended without being told to; reason is crashed or silent.',
    labels: ['reason'],
  },
  sidecar_cluster_upstream_cx_tx_bytes_total: {
    kind: 'counter',
    help: 'FSM: bytes sent to a cluster.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_cx_rx_bytes_total: {
    kind: 'counter',
    help: 'FSM: bytes received from a cluster.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_cx_active: {
    kind: 'gauge',
    help: 'FSM: open connections to a cluster.',
    labels: fsmCluster,
  },
  sidecar_cluster_external_upstream_rq_completed: {
    kind: 'counter',
    help: 'FSM: outbound requests answered.',
    labels: fsmCluster,
  },
  sidecar_cluster_external_upstream_rq: {
    kind: 'counter',
    help: 'FSM: outbound requests answered, by status.',
    labels: ['sidecar_cluster_name', 'sidecar_response_code'],
  },
  sidecar_cluster_external_upstream_rq_xx: {
    kind: 'counter',
    help: 'FSM: outbound requests answered, by class of status.',
    labels: ['sidecar_cluster_name', 'sidecar_response_code_class'],
  },
  sidecar_cluster_upstream_rq_total: {
    kind: 'counter',
    help: 'FSM: inbound requests answered.',
    labels: [...fsmSource, 'sidecar_cluster_name'],
  },
  sidecar_cluster_upstream_rq_xx: {
    kind: 'counter',
    help: 'FSM: inbound requests answered, by class of status.',
    labels: [...fsmSource, 'sidecar_cluster_name', 'sidecar_response_code_class'],
  },
  sidecar_cluster_upstream_rq_retry: { kind: 'counter', help: 'FSM: retries.', labels: fsmCluster },
  sidecar_cluster_upstream_rq_retry_success: {
    kind: 'counter',
    help: 'FSM: retries that went well.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_retry_limit_exceeded: {
    kind: 'counter',
    help: 'FSM: requests whose last retry failed.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_retry_overflow: {
    kind: 'counter',
    help: 'FSM: retries refused by the budget.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_retry_backoff_exponential: {
    kind: 'counter',
    help: 'FSM: retries after an exponential delay.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_retry_backoff_ratelimited: {
    kind: 'counter',
    help: 'FSM: always 0.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_cx_destroy_remote_with_active_rq: {
    kind: 'counter',
    help: 'FSM: always 0.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_cx_destroy_local_with_active_rq: {
    kind: 'counter',
    help: 'FSM: always 0.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_cx_connect_timeout: {
    kind: 'counter',
    help: 'FSM: always 0.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_pending_failure_eject: {
    kind: 'counter',
    help: 'FSM: always 0.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_pending_overflow: {
    kind: 'counter',
    help: 'FSM: always 0.',
    labels: fsmCluster,
  },
  sidecar_cluster_upstream_rq_timeout: { kind: 'counter', help: 'FSM: always 0.', labels: fsmCluster },
  sidecar_cluster_upstream_rq_rx_reset: { kind: 'counter', help: 'FSM: always 0.', labels: fsmCluster },
  sidecar_cluster_upstream_rq_tx_reset: { kind: 'counter', help: 'FSM: always 0.', labels: fsmCluster },
  fsm_request_duration_ms: {
    kind: 'histogram',
    help: 'FSM: time from request head to response head.',
    labels: fsmPair,
    buckets: fsmMilliseconds,
  },
  http_local_rate_limiter: {
    kind: 'counter',
    help: 'FSM: requests refused by a rate limit.',
    labels: ['http_local_rate_limit'],
  },
  sidecar_local_rate_limit_inbound: {
    kind: 'counter',
    help: 'FSM: connections refused by a rate limit.',
    labels: ['label'],
  },
  sidecar_server_live: { kind: 'gauge', help: 'FSM: 1 while the sidecar runs.', labels: [] },
} as const satisfies Record<string, MetricTraits>

/** The names of all metrics of one kind. */
export type MetricName<Kind extends MetricTraits['kind'] = MetricTraits['kind']> = {
  [Name in keyof typeof metrics]: (typeof metrics)[Name]['kind'] extends Kind ? Name : never
}[keyof typeof metrics]
