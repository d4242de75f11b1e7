import type { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, Next } from '../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { Variables } from '../../chains/variables.ts'
import type { TellingFilter } from './contract.ts'
import { isFailureOf, type PluginHealth } from './health.ts'
import { type Lent, lendBody, lendRequest } from './lending/lend.ts'
import { mendedBody } from './lending/mended-body.ts'

/** What takes over when a plugin fails, and what that is called. */
export interface Rescue<F> {
  readonly filter: F
  readonly outcome: 'open' | 'previous'
}

/** `onError: close`: the exchange fails as the plugin does. Costs next to nothing. */
export function closingHttp(spec: PluginSpec, filter: HttpFilter, health: PluginHealth): HttpFilter {
  const failed = (thrown: unknown, cx: Context): void => {
    if (isFailureOf(spec, thrown)) health.exchangeFailed(cx, 'closed')
  }
  const telling = 'telling' in filter ? (filter as TellingFilter).telling(failed) : listenedTo(filter, failed)
  return (request, cx, next) => {
    if (health.isHeldBack) {
      health.exchangeFailed(cx, 'closed')
      throw health.refusal()
    }
    try {
      return telling(request, cx, next)
    } catch (thrown) {
      failed(thrown, cx)
      throw thrown
    }
  }
}

/** Makes a filter tell that does not do it by itself. */
function listenedTo(filter: HttpFilter, failed: (thrown: unknown, cx: Context) => void): HttpFilter {
  return (request, cx, next) => {
    const answer = filter(request, cx, next)
    answer.then(undefined, (thrown: unknown) => failed(thrown, cx))
    return answer
  }
}

/**
 * `onError: open` and `previous`: the exchange goes on without the plugin.
 *
 * One in which it failed before it called `next` starts again with `rescue`, and with the request as it came. After
 * that the client gets the upstream's answer as it came. Both as far as the bodies are still there: of each,
 * `bufferKiB` are remembered until the first byte of the plugin's own has gone on. Else the exchange fails.
 */
export function rescuingHttp(
  spec: PluginSpec,
  filter: HttpFilter,
  health: PluginHealth,
  rescue: Rescue<HttpFilter>,
): HttpFilter {
  return (request, cx, next) => {
    if (health.isReplaced) return rescue.filter(request, cx, next)
    if (health.isHeldBack) {
      health.exchangeFailed(cx, rescue.outcome)
      return rescue.filter(request, cx, next)
    }
    return new RescuedExchange(spec, health, rescue, cx, next).run(request, filter)
  }
}

/** One exchange in a plugin that may fail. */
class RescuedExchange {
  readonly #spec: PluginSpec
  readonly #health: PluginHealth
  readonly #rescue: Rescue<HttpFilter>
  readonly #cx: Context
  readonly #next: Next<HttpRequest, HttpResponse>
  readonly #vars: Variables
  readonly #maxBytes: number
  /** What the last call of `next` comes to; null before the first. */
  #upstream: Promise<LentAnswer> | null = null
  /** The same, once it is there. */
  #answered: LentAnswer | null = null
  /** Whether the plugin has answered or failed: what comes of `next` later is nobody's. */
  #isOver = false
  #isAnswered = false
  #calls = 0

  constructor(
    spec: PluginSpec,
    health: PluginHealth,
    rescue: Rescue<HttpFilter>,
    cx: Context,
    next: Next<HttpRequest, HttpResponse>,
  ) {
    this.#spec = spec
    this.#health = health
    this.#rescue = rescue
    this.#cx = cx
    this.#next = next
    this.#vars = { ...cx.vars }
    this.#maxBytes = spec.policy.limits.bufferKiB * 1_024
  }

  async run(request: HttpRequest, filter: HttpFilter): Promise<HttpResponse> {
    const lent = lendRequest(request, this.#maxBytes)
    const taken = lent.take()
    const lentBody = taken.body
    try {
      const response = await filter(taken, this.#cx, (input, cx) => this.#goOn(input, cx, lent, lentBody))
      this.#isOver = true
      return this.#answer(response)
    } catch (thrown) {
      this.#isOver = true
      if (!isFailureOf(this.#spec, thrown) || this.#cx.abortReason) throw thrown
      return this.#upstream
        ? await this.#answerAsItCame(thrown, this.#upstream)
        : await this.#startAgain(thrown, lent)
    } finally {
      lent.release()
    }
  }

  /** The plugin's `next`. */
  #goOn(
    input: HttpRequest,
    cx: Context,
    lent: Lent<HttpRequest>,
    lentBody: Body | null,
  ): Promise<HttpResponse> {
    if (this.#isOver)
      return Promise.reject(new ProxyError('PLUGIN_THREW', 'the exchange has gone on without it'))
    const isOwn = input.body !== null && input.body !== lentBody
    if (isOwn) {
      const spare = () => (lent.canTakeAgain() ? lent.take().body : null)
      input.body = this.#mended(input.body as Body, () => lent.release(), spare)
    } else lent.release()
    this.#answered?.body?.release()
    this.#answered = null
    const upstream = this.#send(input, cx)
    const forPlugin = upstream.then((answer) => answer.forPlugin)
    // a plugin that has failed meanwhile listens to neither
    forPlugin.catch(() => {})
    this.#upstream = upstream
    return forPlugin
  }

  async #send(input: HttpRequest, cx: Context): Promise<LentAnswer> {
    this.#calls += 1
    const call = this.#calls
    const answer = lendAnswer(await this.#next(input, cx), this.#maxBytes)
    if (call === this.#calls && !this.#isAnswered) this.#answered = answer
    else answer.body?.release()
    return answer
  }

  #answer(response: HttpResponse): HttpResponse {
    this.#isAnswered = true
    const { body } = response
    const upstream = this.#answered
    const lent = upstream?.body
    if (!body || !lent || body === upstream.forPlugin.body) {
      lent?.release()
      this.#health.exchangeWell()
      return response
    }
    const isSameCoding = codingOf(response) === upstream.coding
    const spare = () => (isSameCoding && lent.canTakeAgain() ? lent.take() : null)
    return { ...response, body: this.#mended(body, () => lent.release(), spare) }
  }

  #mended(own: Body, onCommit: () => void, original: () => Body | null): Body {
    return mendedBody(own, {
      onCommit,
      onEnd: (error, isSpared) => {
        if (!error) this.#health.exchangeWell()
        else if (isFailureOf(this.#spec, error)) this.#failed(isSpared)
      },
      spare: (error) => {
        if (!isFailureOf(this.#spec, error)) return null
        const spare = original()
        return spare && (own.length === null || own.length === spare.length) ? spare : null
      },
    })
  }

  #startAgain(failure: ProxyError, lent: Lent<HttpRequest>): Promise<HttpResponse> {
    const canGoOn = lent.canTakeAgain()
    this.#failed(canGoOn)
    if (!canGoOn) throw failure
    const request = lent.take()
    lent.release()
    Object.assign(this.#cx.vars, this.#vars)
    return this.#rescue.filter(request, this.#cx, this.#next)
  }

  async #answerAsItCame(failure: ProxyError, upstream: Promise<LentAnswer>): Promise<HttpResponse> {
    const { original, body } = await upstream
    const canGoOn = !body || body.canTakeAgain()
    this.#failed(canGoOn)
    const whole = { ...original, body: canGoOn && body ? body.take() : null }
    body?.release()
    if (!canGoOn) throw failure
    return whole
  }

  #failed(isRescued: boolean): void {
    this.#health.exchangeFailed(this.#cx, isRescued ? this.#rescue.outcome : 'closed')
  }
}

/** An answer of the upstream, of which a copy was given to the plugin. */
interface LentAnswer {
  /** Its own head; its body is to be taken from `body`. */
  readonly original: HttpResponse
  readonly body: Lent<Body> | null
  readonly forPlugin: HttpResponse
  readonly coding: string
}

function lendAnswer(response: HttpResponse, maxBytes: number): LentAnswer {
  const body = response.body ? lendBody(response.body, maxBytes) : null
  const forPlugin = { ...response, headers: response.headers.clone(), body: body?.take() ?? null }
  return { original: response, body, forPlugin, coding: codingOf(response) }
}

/** Bytes in one coding are no use under the head of another. */
const codingOf = ({ headers }: HttpResponse): string => headers.getAll('content-encoding').join()
