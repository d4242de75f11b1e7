import type { Meter, MetricName } from '../telemetry.ts'

/** What is counted about the retries of one cluster. */
export interface RetryCounts {
  /** A request is about to be sent again, after its wait. */
  started(): void
  /** What was sent again was answered, well or not. */
  ended(isWell: boolean): void
  /** A request was not sent again because the budget is used up. */
  refused(): void
  /** The last retry of a request has failed. */
  exhausted(): void
}

/** The counters of one cluster: ours, and FSM's if asked for. Their series exist, at 0, from here on. */
export function retryCounts(cluster: string, meter: Meter, isFsm: boolean): RetryCounts {
  const ours = (result: string) => meter.counter('pillion_retries_total', { cluster, result })
  const success = ours('success')
  const failure = ours('failure')
  const refused = ours('refused')
  const fsm = isFsm ? fsmCounts(cluster, meter) : null
  return {
    started() {
      fsm?.retry.add()
      fsm?.backoff.add()
    },
    ended(isWell) {
      if (!isWell) {
        failure.add()
        return
      }
      success.add()
      fsm?.success.add()
    },
    refused() {
      refused.add()
      fsm?.overflow.add()
    },
    exhausted() {
      fsm?.limitExceeded.add()
    },
  }
}

function fsmCounts(cluster: string, meter: Meter) {
  const counter = (name: MetricName<'counter'>) => meter.counter(name, { sidecar_cluster_name: cluster })
  // it never grows, but FSM's readers expect it
  counter('sidecar_cluster_upstream_rq_retry_backoff_ratelimited')
  return {
    retry: counter('sidecar_cluster_upstream_rq_retry'),
    success: counter('sidecar_cluster_upstream_rq_retry_success'),
    limitExceeded: counter('sidecar_cluster_upstream_rq_retry_limit_exceeded'),
    overflow: counter('sidecar_cluster_upstream_rq_retry_overflow'),
    backoff: counter('sidecar_cluster_upstream_rq_retry_backoff_exponential'),
  }
}
