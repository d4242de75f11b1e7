import type { Context } from '../../../chains/context.ts'
import { asProxyError, ProxyError } from '../../../chains/failures.ts'
import type { HttpFilter, Next } from '../../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import { PluginError, type PluginHost, pluginFailure } from '../../plugin/contract.ts'
import { bodyOf, type Collected, collect } from './bodies.ts'
import { features, HttpWasmExchange } from './exchange.ts'
import type { GuestPool, Lease } from './pool.ts'

type HttpNext = Next<HttpRequest, HttpResponse>

/** What the filter is made from. */
export interface HandlerOptions {
  readonly spec: PluginSpec
  readonly host: PluginHost
  readonly pool: GuestPool
  /** Whether the body of each request is collected before the guest sees its head: it cannot wait for it. */
  readonly readsRequests: boolean
}

/** `handle_request` and `handle_response` as a filter. */
export function handlerFilter(options: HandlerOptions): HttpFilter {
  const { spec, pool, readsRequests } = options
  const mostBytes = spec.policy.limits.bufferKiB * 1_024
  return async (request, cx, next) => {
    // before there is an instance: clients may be slow
    const collected = readsRequests ? await collectOf(request, mostBytes, cx) : null
    const lease = pool.take(cx) ?? (await pool.wait(cx))
    try {
      const exchange = new HttpWasmExchange(cx, request, collected, lease.guest.features, mostBytes)
      return await through(options, lease, exchange, next)
    } catch (thrown) {
      if (thrown instanceof PluginError) throw pluginFailure(thrown)
      throw thrown
    } finally {
      pool.release(lease)
    }
  }
}

async function through(
  options: HandlerOptions,
  lease: Lease,
  exchange: HttpWasmExchange,
  next: HttpNext,
): Promise<HttpResponse> {
  const { guest } = lease
  const { isNext, context } = guest.handleRequest(exchange)
  if (!isNext) return exchange.ownAnswer()
  exchange.passOn()
  let response: HttpResponse
  try {
    response = await whileLent(lease, next(exchange.request, exchange.cx))
  } catch (thrown) {
    return withoutAnswer(lease, exchange, context, asProxyError(thrown))
  }
  try {
    const collected = await collectAnswer(options, lease, exchange, response)
    exchange.receive(response, collected)
    guest.handleResponse(exchange, context, false)
    return exchange.finishResponse(response)
  } catch (thrown) {
    const failure = thrown instanceof PluginError ? pluginFailure(thrown) : asProxyError(thrown)
    letGo(response, failure)
    throw failure
  }
}

/** There is no answer. The guest is told, lest it keep what it remembers, and may give one. */
function withoutAnswer(
  { guest }: Lease,
  exchange: HttpWasmExchange,
  context: number,
  error: ProxyError,
): HttpResponse {
  if (guest.isDead) throw error
  exchange.receiveError(error)
  try {
    guest.handleResponse(exchange, context, true)
  } catch (thrown) {
    // is counted; what went wrong first is what the exchange ends with
    if (!(thrown instanceof PluginError)) throw thrown
    throw error
  }
  if (exchange.hasAnswer && !exchange.cx.abortReason) return exchange.ownAnswer()
  throw error
}

/** Collects the answer, if the guest wants to see all of it; the response has the same bytes then. */
async function collectAnswer(
  { spec, host }: HandlerOptions,
  lease: Lease,
  { features: enabled, cx }: HttpWasmExchange,
  response: HttpResponse,
): Promise<Collected | null> {
  if ((enabled & features.bufferResponse) === 0 || !response.body) return null
  const { bufferKiB } = spec.policy.limits
  try {
    return await whileLent(lease, collectOf(response, bufferKiB * 1_024, cx))
  } catch (thrown) {
    if (!(thrown instanceof ProxyError) || thrown.code !== 'BODY_TOO_LARGE') throw thrown
    const error = new PluginError(
      spec,
      'limit',
      null,
      `wants to hold an answer of more than the ${bufferKiB} KiB of bufferKiB`,
    )
    host.meter.failed('limit', error, cx)
    throw error
  }
}

async function collectOf(
  message: HttpRequest | HttpResponse,
  mostBytes: number,
  cx: Context,
): Promise<Collected | null> {
  if (!message.body) return null
  const collected = await collect(message.body, mostBytes, cx)
  message.body = bodyOf(collected.bytes, collected.trailers)
  return collected
}

/** Waits, unless the plugin is taken out meanwhile: then it rejects at once, and lets go of an answer that comes later. */
function whileLent<T>(lease: Lease, wait: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false
    lease.onEnd = (error) => {
      isOver = true
      reject(error)
    }
    wait.then((result) => {
      lease.onEnd = null
      resolve(result)
      if (isOver && isResponse(result)) letGo(result, new ProxyError('CLIENT_GONE', 'a plugin was taken out'))
    }, reject)
  })
}

const isResponse = (value: unknown): value is HttpResponse =>
  typeof value === 'object' && value !== null && 'tunnel' in value

/** Nobody will read it. */
function letGo({ body, tunnel }: HttpResponse, reason: ProxyError): void {
  body?.cancel(reason)
  tunnel?.destroy(reason)
}
