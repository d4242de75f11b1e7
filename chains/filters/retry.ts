import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { HttpFilter, Next } from '../filter.ts'
import type { HttpRequest, HttpResponse } from '../http.ts'
import type { Direction, Model, RetryPolicy } from '../model.ts'
import { backoffMs, wait } from '../policy/backoff.ts'
import { type Repeatable, repeatable } from '../policy/repeatable.ts'
import { type Replay, replayable } from '../policy/replay.ts'
import { type RetryCounts, retryCounts } from '../policy/retry-counts.ts'
import type { Tools } from '../tools.ts'

/**
 * Requests of one cluster that wait for the head of their answer, and how many
 * of them are being tried again. Kept over pushes.
 */
interface Budget {
  requests: number
  retries: number
}

/** All that is needed to try requests to one cluster again. */
interface Plan {
  readonly policy: RetryPolicy
  readonly repeatable: Repeatable
  readonly budget: Budget
  readonly counts: RetryCounts
}

/**
 * Sends a request again when its cluster's policy says so, and doing so is safe
 * ({@link repeatable}).
 *
 * Between tries it waits with exponential backoff and full jitter. Retries are
 * bounded by their number, by a share of the requests in flight, and by what is
 * remembered of the body (`maxReplayBytes`). When there are no more, the last
 * answer or failure goes through. An answer whose head has gone on is never
 * taken back. Clusters without a policy pass at no cost.
 */
export function retry(direction: Direction, tools: Tools, model: Model): HttpFilter {
  const { maxReplayBytes } = model.limits
  const plans = new Map<string, Plan>()
  for (const { name, retry: policy } of Object.values(model[direction].clusters)) {
    if (!policy) continue
    plans.set(name, {
      policy,
      repeatable: repeatable(policy),
      budget: tools.shared.get(`retry:${direction}:${name}`, () => ({ requests: 0, retries: 0 })),
      counts: retryCounts(name, tools.meter, model.fsmMetrics),
    })
  }

  return (request, cx, next) => {
    const { cluster } = cx.vars
    // by name, and only those of the config: plugins may put clusters of their own into the variable
    const plan = cluster?.retry ? plans.get(cluster.name) : undefined
    cx.tryTimeoutMs = plan ? plan.policy.perTryTimeoutMs : null
    const replay = plan && plan.policy.retries > 0 ? replayable(request, maxReplayBytes) : null
    if (!plan || !replay) return next(request, cx)
    return tryAgainAndAgain(plan, replay, request.method, cx, next, tools)
  }
}

async function tryAgainAndAgain(
  plan: Plan,
  replay: Replay,
  method: string,
  cx: Context,
  next: Next<HttpRequest, HttpResponse>,
  tools: Tools,
): Promise<HttpResponse> {
  const { policy, budget, counts } = plan
  budget.requests += 1
  let retries = 0
  let isRetrying = false
  try {
    for (;;) {
      let response: HttpResponse | null = null
      let failure: unknown = null
      try {
        response = await next(replay.next(), cx)
      } catch (thrown) {
        failure = thrown
      }
      const isBad = response
        ? plan.repeatable.isAnswer(response, method)
        : plan.repeatable.isFailure(failure, method)
      if (isRetrying) {
        isRetrying = false
        budget.retries -= 1
        counts.ended(response !== null && !isBad)
      }
      if (!isBad || cx.abortReason || !mayRetry(plan, retries, replay)) {
        if (response) return response
        throw failure
      }
      retries += 1
      isRetrying = true
      budget.retries += 1
      counts.started()
      abandon(response, replay)
      await wait(backoffMs(policy, retries, tools.random), cx, tools.clock)
    }
  } finally {
    budget.requests -= 1
    if (isRetrying) budget.retries -= 1
    replay.release()
  }
}

function mayRetry({ policy, budget, counts }: Plan, retries: number, replay: Replay): boolean {
  if (retries >= policy.retries) {
    counts.exhausted()
    return false
  }
  if (!replay.canRepeat()) return false
  if (budget.retries < Math.max(policy.budgetMinimum, policy.budgetRatio * budget.requests)) return true
  counts.refused()
  return false
}

/** Lets go of the try that failed, so that its connection is free and the rest of the body waits for the next. */
function abandon(response: HttpResponse | null, replay: Replay): void {
  const reason = new ProxyError('UPSTREAM_RESET', 'the request is sent again')
  replay.abandon(reason)
  response?.body?.cancel(reason)
  response?.tunnel?.destroy(reason)
}
