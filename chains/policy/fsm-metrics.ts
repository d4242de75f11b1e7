import type { HttpResponse } from '../http.ts'
import type { Cluster, Direction, Identity, Model } from '../model.ts'
import type { Counter, Histogram, Meter, MetricName } from '../telemetry.ts'
import type { Tools } from '../tools.ts'
import { labelled } from './labelled.ts'
import { statusClass, statusLabel } from './statuses.ts'

/** The header in which an inbound sidecar says who answered: `namespace,kind,account,pod`. */
const statsHeader = 'fsm-stats'
const maxStatsLength = 512
/** Peers that are told apart by what they say of themselves; the rest is `other`. */
const maxDestinations = 1_000

/** Series that FSM has and never counts up; its readers expect them. */
const alwaysZero = [
  'sidecar_cluster_upstream_cx_destroy_remote_with_active_rq',
  'sidecar_cluster_upstream_cx_destroy_local_with_active_rq',
  'sidecar_cluster_upstream_cx_connect_timeout',
  'sidecar_cluster_upstream_rq_pending_failure_eject',
  'sidecar_cluster_upstream_rq_pending_overflow',
  'sidecar_cluster_upstream_rq_timeout',
  'sidecar_cluster_upstream_rq_rx_reset',
  'sidecar_cluster_upstream_rq_tx_reset',
] as const satisfies readonly MetricName<'counter'>[]

/** Counts one answered request to a cluster, under FSM's names. */
export type FsmCount = (cluster: Cluster | null, status: number) => void

/**
 * FSM's request counters of one direction (its `metrics-http` modules). The
 * series of all configured clusters exist, at 0, from here on. Requests without
 * a cluster are not counted.
 */
export function fsmCount(direction: Direction, tools: Tools, model: Model): FsmCount {
  const make = direction === 'inbound' ? inboundCounts : outboundCounts
  const countsOf = labelled<ClusterCounts>((cluster) => make(cluster, tools.meter, model.identity))
  for (const cluster of Object.values(model[direction].clusters)) {
    countsOf(cluster)
    if (direction === 'inbound') continue
    for (const name of alwaysZero) tools.meter.counter(name, { sidecar_cluster_name: cluster.name })
  }
  return (cluster, status) => {
    if (cluster) countsOf(cluster).count(status)
  }
}

interface ClusterCounts {
  count(status: number): void
}

function inboundCounts(cluster: string, meter: Meter, identity: Identity): ClusterCounts {
  const labels = {
    source_namespace: identity.namespace,
    source_workload_kind: identity.workloadKind,
    source_workload_name: identity.serviceAccount,
    source_workload_pod: identity.podName,
    sidecar_cluster_name: cluster,
  }
  const total = meter.counter('sidecar_cluster_upstream_rq_total', labels)
  const byClass = perNumber((digit) =>
    meter.counter('sidecar_cluster_upstream_rq_xx', {
      ...labels,
      sidecar_response_code_class: String(digit),
    }),
  )
  return {
    count(status) {
      total.add()
      byClass(statusClass(status)).add()
    },
  }
}

function outboundCounts(cluster: string, meter: Meter): ClusterCounts {
  const labels = { sidecar_cluster_name: cluster }
  const completed = meter.counter('sidecar_cluster_external_upstream_rq_completed', labels)
  const byStatus = perNumber((status) =>
    meter.counter('sidecar_cluster_external_upstream_rq', {
      ...labels,
      sidecar_response_code: statusLabel(status),
    }),
  )
  const byClass = perNumber((digit) =>
    meter.counter('sidecar_cluster_external_upstream_rq_xx', {
      ...labels,
      sidecar_response_code_class: String(digit),
    }),
  )
  return {
    count(status) {
      completed.add()
      byStatus(statusClass(status) === 0 ? 0 : status).add()
      byClass(statusClass(status)).add()
    },
  }
}

/** Counters made when first needed; the numbers are statuses or their classes, and so bounded. */
function perNumber(make: (key: number) => Counter): (key: number) => Counter {
  const made = new Map<number, Counter>()
  return (key) => {
    let counter = made.get(key)
    if (!counter) {
      counter = make(key)
      made.set(key, counter)
    }
    return counter
  }
}

/** Marks an inbound answer with who gave it. What cannot stand in a mark is written as `_`. */
export function fsmMark(identity: Identity): (response: HttpResponse) => void {
  const { namespace, workloadKind, serviceAccount, podName } = identity
  const parts = [namespace, workloadKind, serviceAccount, podName]
  const value = parts.map((part) => part.replace(/[^\w.-]/g, '_')).join(',')
  return (response) => response.headers.set(statsHeader, value)
}

/**
 * Takes the mark off an outbound answer, and observes how long its head took
 * under the name it gives. The name is a stranger's word: it is checked, and
 * only {@link maxDestinations} different ones are kept, over all pushes.
 */
export function fsmObserve(
  tools: Tools,
  identity: Identity,
): (response: HttpResponse, tookMs: number) => void {
  const source = [identity.namespace, identity.workloadKind, identity.serviceAccount, identity.podName]
  const known = tools.shared.get(JSON.stringify(['fsm-stats', ...source]), () => new Map<string, Histogram>())
  return (response, tookMs) => {
    const mark = response.headers.get(statsHeader)
    if (mark === undefined) return
    response.headers.delete(statsHeader)
    let histogram = known.get(mark)
    if (!histogram) {
      if (!isMark(mark)) return
      const destination = known.size < maxDestinations ? mark : 'other,other,other,other'
      histogram = pairHistogram(tools.meter, source, destination.split(','))
      if (destination === mark) known.set(mark, histogram)
    }
    histogram.observe(tookMs)
  }
}

/** Four names, such as Kubernetes allows. */
const isMark = (mark: string): boolean =>
  mark.length <= maxStatsLength && /^[\w.-]*,[\w.-]*,[\w.-]*,[\w.-]*$/.test(mark)

function pairHistogram(meter: Meter, source: readonly string[], destination: readonly string[]): Histogram {
  const [namespace = '', kind = '', name = '', pod = ''] = source
  const [toNamespace = '', toKind = '', toName = '', toPod = ''] = destination
  return meter.histogram('fsm_request_duration_ms', {
    source_namespace: namespace,
    source_kind: kind,
    source_name: name,
    source_pod: pod,
    destination_namespace: toNamespace,
    destination_kind: toKind,
    destination_name: toName,
    destination_pod: toPod,
  })
}
