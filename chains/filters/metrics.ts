import type { Context, Outcome } from '../context.ts'
import { type FailureCode, failures } from '../failures.ts'
import type { HttpFilter, TcpFilter } from '../filter.ts'
import type { Direction, Model, RouteRule } from '../model.ts'
import { fsmCount, fsmMark, fsmObserve } from '../policy/fsm-metrics.ts'
import { labelled } from '../policy/labelled.ts'
import { statusClass, statusLabel } from '../policy/statuses.ts'
import type { Counter, Histogram, Meter } from '../telemetry.ts'
import type { Tools } from '../tools.ts'

/** Statuses and failures that are told apart on one route; the upstreams of strangers choose them. */
const maxSeriesPerRoute = 64

const failureCodes = Object.keys(failures) as FailureCode[]
/** Each failure code by a number above 0. */
const failureNumbers: ReadonlyMap<FailureCode, number> = new Map(
  failureCodes.map((code, at) => [code, at + 1]),
)

/**
 * Counts HTTP exchanges when they end; those in flight are counted at the edge.
 * It waits for nothing, except under FSM's metrics for the head of the answer,
 * which carries the `fsm-stats` mark.
 *
 * Labels come from the config alone; instruments are made when first needed.
 */
export function httpMetrics(direction: Direction, tools: Tools, model: Model): HttpFilter {
  const countsOf = labelled((service) => new ServiceCounts(service, direction, tools.meter))
  const countFailure = failureCounter(direction, tools.meter)
  const countForFsm = model.fsmMetrics ? fsmCount(direction, tools, model) : null
  let counted: Outcome | null = null

  const ended = (outcome: Outcome, cx: Context) => {
    // a filter further out may have run the chain again: still one exchange
    if (outcome === counted) return
    counted = outcome
    const { service, route, cluster } = cx.vars
    const failure = outcome.error?.code ?? cx.refusal
    const counts = countsOf(service)
    counts.add(outcome)
    counts.durations(route, outcome.status, failure).observe(outcome.durationMs / 1_000)
    if (failure) countFailure(failure)
    if (countForFsm && outcome.status !== 0) countForFsm(cluster, outcome.status)
  }

  if (!model.fsmMetrics) {
    return (request, cx, next) => {
      cx.onEnd(ended)
      return next(request, cx)
    }
  }
  const mark = fsmMark(model.identity)
  const observe = fsmObserve(tools, model.identity)
  return async (request, cx, next) => {
    cx.onEnd(ended)
    const response = await next(request, cx)
    if (direction === 'inbound') mark(response)
    else observe(response, tools.clock.now() - cx.startedAt)
    return response
  }
}

/** Counts TCP connections when they end. What leaves the mesh is one cluster, `egress`: its targets are anybody's. */
export function tcpMetrics(direction: Direction, tools: Tools): TcpFilter {
  const bytesOf = labelled((cluster) => ({
    received: tools.meter.counter('pillion_tcp_bytes_total', { direction, cluster, way: 'received' }),
    sent: tools.meter.counter('pillion_tcp_bytes_total', { direction, cluster, way: 'sent' }),
  }))
  const egress = { name: 'egress' }
  const countFailure = failureCounter(direction, tools.meter)
  let counted: Outcome | null = null

  const ended = (outcome: Outcome, cx: Context) => {
    if (outcome === counted) return
    counted = outcome
    const { received, sent } = bytesOf(cx.vars.isEgress ? egress : cx.vars.cluster)
    received.add(outcome.receivedBytes)
    sent.add(outcome.sentBytes)
    const failure = outcome.error?.code ?? cx.refusal
    if (failure) countFailure(failure)
  }

  return (stream, cx, next) => {
    cx.onEnd(ended)
    return next(stream, cx)
  }
}

/** The instruments of one service, or of the requests that belong to none. */
class ServiceCounts {
  readonly #service: string
  readonly #direction: Direction
  readonly #meter: Meter
  readonly #requestBytes: Counter
  readonly #responseBytes: Counter
  /** By the first digit of the status. */
  readonly #byClass: Counter[] = []
  readonly #byRoute = new WeakMap<RouteRule, Map<number, Histogram>>()
  readonly #withoutRoute = new Map<number, Histogram>()

  constructor(service: string, direction: Direction, meter: Meter) {
    this.#service = service
    this.#direction = direction
    this.#meter = meter
    this.#requestBytes = meter.counter('pillion_request_body_bytes_total', { direction, service })
    this.#responseBytes = meter.counter('pillion_response_body_bytes_total', { direction, service })
  }

  add(outcome: Outcome): void {
    const digit = statusClass(outcome.status)
    this.#byClass[digit] ??= this.#meter.counter('pillion_requests_total', {
      direction: this.#direction,
      service: this.#service,
      status_class: String(digit),
    })
    this.#byClass[digit].add()
    if (outcome.receivedBytes > 0) this.#requestBytes.add(outcome.receivedBytes)
    if (outcome.sentBytes > 0) this.#responseBytes.add(outcome.sentBytes)
  }

  durations(route: RouteRule | null, status: number, failure: FailureCode | null): Histogram {
    let known = route ? this.#byRoute.get(route) : this.#withoutRoute
    if (!known) {
      known = new Map()
      if (route) this.#byRoute.set(route, known)
    }
    const failureNumber = failure ? (failureNumbers.get(failure) ?? 0) : 0
    const key = seriesKey(status, failureNumber)
    const histogram = known.get(key)
    if (histogram) return histogram
    if (known.size < maxSeriesPerRoute) return this.#newDurations(known, key, route, status, failure)
    const rest = seriesKey(0, failureNumber)
    return known.get(rest) ?? this.#newDurations(known, rest, route, 0, failure)
  }

  #newDurations(
    known: Map<number, Histogram>,
    key: number,
    route: RouteRule | null,
    status: number,
    failure: FailureCode | null,
  ): Histogram {
    const name =
      this.#direction === 'inbound'
        ? 'http_server_request_duration_seconds'
        : 'http_client_request_duration_seconds'
    const histogram = this.#meter.histogram(name, {
      http_route: route ? `${this.#service} ${route.name}` : this.#service,
      http_response_status_code: statusLabel(status),
      error_type: failure ?? '',
    })
    known.set(key, histogram)
    return histogram
  }
}

/** One number for a status and a failure; all that is no status is one. */
const seriesKey = (status: number, failureNumber: number): number =>
  (statusClass(status) === 0 ? 0 : status) * 1_000 + failureNumber

function failureCounter(direction: Direction, meter: Meter): (code: FailureCode) => void {
  const counters = new Map<FailureCode, Counter>()
  return (code) => {
    let counter = counters.get(code)
    if (!counter) {
      counter = meter.counter('pillion_failures_total', { direction, code, blame: failures[code].blame })
      counters.set(code, counter)
    }
    counter.add()
  }
}
