import type { Context } from '../../chains/context.ts'
import { asProxyError, ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, Next } from '../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import { PluginError, pluginFailure } from '../plugin/contract.ts'
import type { ScriptExchange } from './exchange.ts'
import { callbackBits, type ScriptInstance } from './instance.ts'

/** What a callback came to, as the guest says it. */
const pending = 2

/** `onRequest` and `onResponse` as a filter; `current` gives the instance for a new exchange, a fresh one after a death. */
export function httpFilter(current: () => ScriptInstance): HttpFilter {
  return async (request, cx, next) => {
    const instance = current()
    const exchange = instance.open(cx)
    cx.onEnd(() => instance.close(exchange))
    try {
      return await through(instance, exchange, request, cx, next)
    } catch (thrown) {
      if (thrown instanceof PluginError) throw pluginFailure(thrown)
      throw thrown
    }
  }
}

async function through(
  instance: ScriptInstance,
  exchange: ScriptExchange,
  request: HttpRequest,
  cx: Context,
  next: Next<HttpRequest, HttpResponse>,
): Promise<HttpResponse> {
  if (instance.callbacks & callbackBits.onRequest) {
    exchange.request = request
    const running = runs(instance, exchange, 'request')
    if (running) await running
    const { answer } = exchange
    if (answer) {
      exchange.answer = null
      return answer
    }
  }
  const response = await next(request, cx)
  if (!(instance.callbacks & callbackBits.onResponse) || response.tunnel) return response
  exchange.response = response
  try {
    const running = runs(instance, exchange, 'response')
    if (running) await running
  } catch (thrown) {
    letGo(exchange, response, asProxyError(thrown))
    throw thrown
  }
  const { answer } = exchange
  if (answer) letGo(exchange, response, new ProxyError('CLIENT_GONE', 'a plugin gave an answer in its place'))
  return answer ?? response
}

/** Nobody will read the upstream's answer. */
function letGo(exchange: ScriptExchange, { body }: HttpResponse, reason: ProxyError): void {
  exchange.giveUpReading(reason)
  body?.cancel(reason)
}

/**
 * Runs a callback, and waits for it if it gave a promise, for `pauseMs` at most, and for bodies that
 * it has asked for. Null when there is nothing to wait for.
 */
function runs(
  instance: ScriptInstance,
  exchange: ScriptExchange,
  name: 'request' | 'response',
): Promise<void> | null {
  const isPending = instance.run(name, exchange) === pending
  return isPending || exchange.isReading ? finished(instance, exchange, isPending) : null
}

async function finished(
  instance: ScriptInstance,
  exchange: ScriptExchange,
  isPending: boolean,
): Promise<void> {
  const { ended } = exchange
  exchange.ended = null
  if (ended?.rejection) throw instance.rejection(ended.rejection, exchange.cx)
  if (isPending && !ended) await settled(instance, exchange)
  const { pauseMs } = instance.spec.policy.limits
  const { clock } = instance.host.tools
  const until = clock.now() + pauseMs
  // what has come of one read may begin another, for ever
  while (exchange.isReading) {
    if (clock.now() > until) throw paused(instance, exchange)
    await Promise.all(exchange.reads)
  }
}

function paused(instance: ScriptInstance, { cx }: ScriptExchange): PluginError {
  const { pauseMs } = instance.spec.policy.limits
  return instance.fail('pause', `kept an exchange waiting for more than ${pauseMs} ms`, cx)
}

/** Waits for {@link ScriptExchange.finish}. */
async function settled(instance: ScriptInstance, exchange: ScriptExchange): Promise<void> {
  const { cx } = exchange
  const { pauseMs } = instance.spec.policy.limits
  await new Promise<void>((resolve, reject) => {
    const end = (settle: () => void) => {
      exchange.finish = null
      stopTimer()
      stopAbort()
      settle()
    }
    const stopTimer = instance.host.tools.clock.after(pauseMs, () => {
      end(() => reject(paused(instance, exchange)))
    })
    const stopAbort = cx.onAbort((reason) => end(() => reject(reason)))
    exchange.finish = (how) => {
      if (how === null) end(resolve)
      else end(() => reject(how instanceof PluginError ? how : instance.rejection(how, cx)))
    }
  })
}
