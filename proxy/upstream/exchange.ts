import type { AbortListener, Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import { idempotentMethods } from '../../chains/syntax.ts'

/** Who has an exchange in hand: a pool's queue, a connection, or the tunnel that it became. */
export interface ExchangeHolder {
  /** The exchange is given up, or this try takes too long. */
  cancel(exchange: UpstreamExchange, reason: ProxyError): void
}

/** One request on its way through a pool, from asking for a connection to the head of its answer. */
export class UpstreamExchange implements AbortListener {
  readonly request: HttpRequest
  readonly cx: Context
  /** Settles with the head of the answer, or with the `ProxyError` that came before one. */
  readonly answer: Promise<HttpResponse>
  /** Whether it was put on a fresh connection because a reused one turned out to be closed. */
  isSecondSend = false
  /** Who has it in hand now, and so must be told if it is given up. */
  holder: ExchangeHolder | null = null
  #isSettled = false
  #resolve: (response: HttpResponse) => void = () => {}
  #reject: (error: ProxyError) => void = () => {}
  #tryTimer: NodeJS.Timeout | null = null

  /** Runs the time limit of this try, if the context has one, until the head of the answer is there. */
  constructor(request: HttpRequest, cx: Context) {
    this.request = request
    this.cx = cx
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    cx.addAbortListener(this)
    const { tryTimeoutMs } = cx
    if (tryTimeoutMs === null || this.#isSettled) return
    this.#tryTimer = setTimeout(() => {
      this.onAbort(new ProxyError('TRY_TIMEOUT', `no answer within ${tryTimeoutMs} ms`))
    }, tryTimeoutMs)
  }

  /** Whether its answer, or its failure, is out. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  onAbort(reason: ProxyError): void {
    if (this.holder) this.holder.cancel(this, reason)
    else this.reject(reason)
  }

  /** The head of the final answer is there. */
  resolve(response: HttpResponse): void {
    this.#settle()
    this.#resolve(response)
  }

  /** There will be no answer. Harmless once settled. */
  reject(error: ProxyError): void {
    if (this.#isSettled) return
    this.#settle()
    this.cx.removeAbortListener(this)
    this.#reject(error)
  }

  /** The last byte of the answer is here: giving the exchange up is no longer the connection's affair. */
  done(): void {
    this.cx.removeAbortListener(this)
  }

  /** Whether sending it once more can do no harm: nothing of its body is gone, and doing it twice is doing it once. */
  get mayBeSentAgain(): boolean {
    const { body, method } = this.request
    return !this.#isSettled && !this.isSecondSend && idempotentMethods.has(method) && !body?.isTaken
  }

  #settle(): void {
    this.#isSettled = true
    if (this.#tryTimer) clearTimeout(this.#tryTimer)
  }
}
