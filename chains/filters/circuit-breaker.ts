import { Body } from '../body.ts'
import type { Context, Outcome } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { HttpFilter } from '../filter.ts'
import { HeaderList } from '../headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../http.ts'
import type { BreakerPolicy, Direction, Model } from '../model.ts'
import { Breaker, type BreakerState, type Ticket } from '../policy/breaker.ts'
import type { Meter } from '../telemetry.ts'
import type { Clock, Tools } from '../tools.ts'

/** As `pillion_circuit_state` shows them. */
const stateLevels = { closed: 0, 'half-open': 1, open: 2 } as const satisfies Record<BreakerState, number>

/**
 * Keeps requests away from a cluster that does not bear them: while its circuit
 * is open they are answered with the policy's status and body.
 *
 * Errors are statuses above 499 and failures that are the upstream's fault, also
 * when they come after the head; slow is measured up to the head. Failures of
 * clients and plugins do not count. The state is the cluster's, outlives pushes
 * that leave the policy as it was, and is each worker's own.
 */
export function circuitBreaker(direction: Direction, tools: Tools, model: Model): HttpFilter {
  const { clock, meter, shared } = tools
  const guards = new Map<string, Guard>()
  for (const { name, breaker: policy } of Object.values(model[direction].clusters)) {
    if (!policy) continue
    const key = JSON.stringify(['breaker', direction, name, Object.entries(policy).sort()])
    const { breaker } = shared.get(key, () => gaugedBreaker(name, policy, meter))
    guards.set(name, { policy, breaker })
  }

  return (request, cx, next) => {
    const { cluster } = cx.vars
    // set when another cluster was tried before, and refused
    cx.refusal = null
    // by name, and only those of the config: plugins may put clusters of their own into the variable
    const guard = cluster?.breaker ? guards.get(cluster.name) : undefined
    if (!guard) return next(request, cx)
    const now = clock.now()
    const ticket = guard.breaker.admit(now)
    if (ticket === 0) return Promise.resolve(refuse(request, cx, guard.policy))
    const answer = () => next(request, cx)
    return observe(guard, { ticket, startedAt: now }, answer, cx, clock)
  }
}

interface Guard {
  readonly policy: BreakerPolicy
  readonly breaker: Breaker
}

/** A breaker that shows its state in the metrics, until it is forgotten. */
function gaugedBreaker(
  cluster: string,
  policy: BreakerPolicy,
  meter: Meter,
): Disposable & { breaker: Breaker } {
  const state = meter.gauge('pillion_circuit_state', { cluster })
  const opened = meter.counter('pillion_circuit_opened_total', { cluster })
  let shown = 0
  let isForgotten = false
  const show = (level: number) => {
    if (isForgotten) return
    state.add(level - shown)
    shown = level
  }
  return {
    breaker: new Breaker(policy, (next) => {
      if (next === 'open') opened.add()
      show(stateLevels[next])
    }),
    [Symbol.dispose]() {
      show(0)
      isForgotten = true
    },
  }
}

/** A request that was let through. */
interface Admission {
  readonly ticket: Ticket
  readonly startedAt: number
}

async function observe(
  { breaker, policy }: Guard,
  { ticket, startedAt }: Admission,
  answer: () => Promise<HttpResponse>,
  cx: Context,
  clock: Clock,
): Promise<HttpResponse> {
  let isWell = false
  let isSettled = false
  // an exchange that ends before its answer came must give its place back, whatever hangs below
  cx.onEnd((outcome) => {
    if (!isSettled) breaker.leave(ticket)
    else if (isWell && isUpstreamFault(outcome)) breaker.recordBreak(ticket, clock.now())
    isSettled = true
  })
  const settle = (isError: boolean) => {
    if (isSettled) return
    isSettled = true
    isWell = !isError
    const now = clock.now()
    breaker.record(ticket, { isError, isSlow: now - startedAt >= policy.slowMs }, now)
  }
  try {
    const response = await answer()
    settle(response.status > 499)
    return response
  } catch (thrown) {
    if (thrown instanceof ProxyError && thrown.traits.blame === 'upstream') settle(true)
    else if (!isSettled) {
      isSettled = true
      breaker.leave(ticket)
    }
    throw thrown
  }
}

const isUpstreamFault = ({ error }: Outcome): boolean => error !== null && error.traits.blame === 'upstream'

function refuse(request: HttpRequest, cx: Context, policy: BreakerPolicy): HttpResponse {
  cx.refusal = 'CIRCUIT_OPEN'
  request.body?.cancel(new ProxyError('CIRCUIT_OPEN', 'the circuit of the cluster is open'))
  const headers = new HeaderList(policy.body === '' ? [] : ['Content-Type', 'text/plain; charset=utf-8'])
  const body = policy.body === '' ? null : Body.of(policy.body)
  if (request.method !== 'HEAD') return localResponse(policy.status, headers, body)
  return { ...localResponse(policy.status, headers, null), declaredLength: body?.length ?? null }
}
