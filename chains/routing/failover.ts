import type { Context } from '../context.ts'
import { asProxyError, ProxyError } from '../failures.ts'
import type { HttpRequest, HttpResponse } from '../http.ts'
import { replayable } from '../policy/replay.ts'
import { idempotentMethods } from '../syntax.ts'

type Send = (request: HttpRequest) => Promise<HttpResponse>

/**
 * Sends a request, and once more elsewhere if the answer is missing or has a
 * status above 499 (FSM's rule for targets of weight 0).
 *
 * Only where that is safe: the body can still be given from its start, the
 * client waits, and a request whose answer is missing was either not sent or
 * may be done twice. The second one has the head of the first as it came here.
 * Answers are passed on as they stream.
 * `pickStandIn` is asked when it is needed, and may say that there is nobody.
 */
export async function sendOrFailOver(
  request: HttpRequest,
  cx: Context,
  maxReplayBytes: number,
  primary: Send,
  pickStandIn: () => Send | null,
): Promise<HttpResponse> {
  const replay = replayable(request, maxReplayBytes)
  if (!replay) return primary(request)
  const first = replay.next()
  const pickSecond = () => (cx.abortReason || !replay.canRepeat() ? null : pickStandIn())
  try {
    let standIn: Send | null
    try {
      const response = await primary(first)
      standIn = response.status > 499 ? pickSecond() : null
      if (!standIn) return response
      dismiss(response)
    } catch (thrown) {
      const failure = asProxyError(thrown)
      standIn = isSafeToRepeat(failure, request.method) ? pickSecond() : null
      if (!standIn) throw failure
    }
    return await standIn(replay.next())
  } finally {
    replay.release()
  }
}

function isSafeToRepeat(failure: ProxyError, method: string): boolean {
  const { blame, unsent } = failure.traits
  return blame === 'upstream' && (unsent || idempotentMethods.has(method))
}

function dismiss(response: HttpResponse): void {
  const reason = new ProxyError('UPSTREAM_INVALID', `answered ${response.status}, and is asked elsewhere`)
  response.body?.cancel(reason)
  response.tunnel?.destroy(reason)
}
