import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, Next } from '../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import { copyEnded, Digest, isSameBody, type Shadows, type Told, type Verdict } from './shadow.ts'

/**
 * `mode: shadow`: the exchange goes its way through `absent` while the plugin works on a copy of it.
 *
 * The plugin gets the request with a head and variables of its own and a copy of the body; its `next` gives it the
 * real answer in the same way. Only what it does beyond the exchange (call-outs, logs) is real.
 */
export function shadowHttp(filter: HttpFilter, absent: HttpFilter, shadows: Shadows): HttpFilter {
  return (request, cx, next) => {
    if (!shadows.hasRoom) return absent(request, cx, next)
    return new ShadowedExchange(shadows, cx, request).run(filter, absent, next)
  }
}

/** What is compared of a message. */
interface ToldMessage extends Told {
  readonly head: string
}

class ShadowedExchange {
  readonly #shadows: Shadows
  readonly #cx: Context
  readonly #request: HttpRequest
  readonly #forPlugin: HttpRequest
  readonly #told: ToldMessage
  /** What the plugin may have of the real answer; made when that is there. */
  #answer: (HttpResponse & { readonly told: ToldMessage }) | null = null
  #calls = 0
  #isChanged = false
  /** Whether the plugin is done, so that the answer need not be copied. */
  #isOver = false

  constructor(shadows: Shadows, cx: Context, request: HttpRequest) {
    this.#shadows = shadows
    this.#cx = cx
    const digest = new Digest()
    const split = request.body && shadows.split(request.body, digest)
    if (split) cx.onEnd(() => split.abandon(copyEnded()))
    this.#request = split ? { ...request, body: split.main } : request
    this.#told = { head: requestHead(request), digest, copy: split?.copy ?? null }
    this.#forPlugin = { ...request, headers: request.headers.clone(), body: this.#told.copy }
  }

  run(filter: HttpFilter, absent: HttpFilter, next: Next<HttpRequest, HttpResponse>): Promise<HttpResponse> {
    const real = this.#real(absent, next)
    real.catch(() => {})
    void this.#shadows.run(this.#cx, (cx) => this.#observe(filter, cx, real))
    return real
  }

  async #real(absent: HttpFilter, next: Next<HttpRequest, HttpResponse>): Promise<HttpResponse> {
    const response = await absent(this.#request, this.#cx, next)
    if (this.#isOver) return response
    const digest = new Digest()
    const split = response.body && this.#shadows.split(response.body, digest)
    if (split) this.#cx.onEnd(() => split.abandon(copyEnded()))
    const copy = split?.copy ?? null
    this.#answer = {
      ...response,
      headers: response.headers.clone(),
      body: copy,
      // a connection cannot be had twice
      tunnel: null,
      told: { head: responseHead(response), digest, copy },
    }
    return split ? { ...response, body: split.main } : response
  }

  async #observe(filter: HttpFilter, cx: Context, real: Promise<HttpResponse>): Promise<Verdict> {
    let requestBody: Promise<boolean> | null = null
    try {
      const response = await filter(this.#forPlugin, cx, (input) => {
        this.#calls += 1
        if (this.#calls > 1) {
          this.#isChanged = true
          return Promise.reject(new ProxyError('UPSTREAM_RESET', 'a shadow has one answer'))
        }
        this.#isChanged ||= requestHead(input) !== this.#told.head
        requestBody = isSameBody(input.body, this.#told)
        requestBody.catch(() => {})
        return this.#next(real)
      })
      this.#isOver = true
      const verdict = await this.#judge(response)
      return verdict.kind === 'passed' && (await requestBody) === false ? { kind: 'changed' } : verdict
    } catch (thrown) {
      this.#isOver = true
      const failure = await real.then(
        () => null,
        (error: unknown) => error,
      )
      if (failure === null || failure !== thrown) throw thrown
      // it let the failure through, as it would have without a shadow
      return { kind: this.#isChanged ? 'changed' : 'passed' }
    } finally {
      this.#forPlugin.body?.cancel(copyEnded())
      this.#answer?.told.copy?.cancel(copyEnded())
    }
  }

  /** The plugin's `next`. */
  async #next(real: Promise<HttpResponse>): Promise<HttpResponse> {
    await real
    return this.#answer as HttpResponse
  }

  async #judge(response: HttpResponse): Promise<Verdict> {
    if (this.#calls === 0) {
      response.body?.cancel(copyEnded())
      return { kind: 'answered', status: response.status }
    }
    const told = this.#answer?.told
    if (!told || responseHead(response) !== told.head) this.#isChanged = true
    const isSame = told !== undefined && (await isSameBody(response.body, told))
    return { kind: this.#isChanged || !isSame ? 'changed' : 'passed' }
  }
}

const requestHead = ({ method, path, headers }: HttpRequest): string =>
  `${method} ${path}\r\n${headers.serialize()}`

const responseHead = ({ status, reason, headers }: HttpResponse): string =>
  `${status} ${reason}\r\n${headers.serialize()}`
