import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import type { FailureListener } from '../../plugin/contract.ts'
import type { PipelineEvent, StartEvent, StreamEndEvent } from '../events.ts'
import type { GuestContext } from '../guest-session.ts'
import type { Exchange } from './exchange.ts'
import { failureOf } from './failures.ts'
import { type EventSink, type EventSource, noSource } from './flow.ts'
import { requestHead, toResponse } from './heads.ts'
import { Line, type LineOwner } from './line.ts'
import { Pipeline, type PipelineLayout } from './pipeline.ts'
import { type BodyGiver, PushBody } from './push-body.ts'

/** How far the answer is: none yet, an interim one to be skipped, one whose body comes in pieces, or all said. */
type Stand = 'none' | 'interim' | 'body' | 'over'

/**
 * One HTTP exchange in a plugin: the request goes into its entrance as one
 * whole message, and the first message that comes out is the answer. Bodies
 * that no stage looks at pass from one side to the other untouched.
 */
export class HttpRun implements EventSink, BodyGiver, LineOwner {
  source: EventSource = noSource
  readonly #cx: Context
  readonly #line: Line
  readonly #answer: Promise<HttpResponse>
  #resolve!: (response: HttpResponse) => void
  #reject!: (error: ProxyError) => void
  readonly #onFailed: FailureListener | null
  #stand: Stand = 'none'
  #push: PushBody | null = null

  /** `onFailed` is told what the answer is rejected with, so that it need not listen to the promise. */
  constructor(exchange: Exchange, cx: Context, onFailed: FailureListener | null = null) {
    this.#cx = cx
    this.#onFailed = onFailed
    this.#answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#line = new Line(exchange, cx, this)
  }

  /**
   * Resolves with the answer; rejects with the `ProxyError` that there is
   * instead. Called once. `parent` is the context that its own is cloned from.
   */
  run(
    entrance: PipelineLayout,
    request: HttpRequest,
    parent: GuestContext | null = null,
  ): Promise<HttpResponse> {
    const line = this.#line
    this.#cx.onEnd(({ error }) => this.#ended(error))
    line.expect()
    const context = line.exchange.openIn(line, parent)
    if (context && !line.isOver) {
      // as line.run() does it, but without a closure for each exchange
      try {
        const inlet = new Pipeline(entrance, line, context).begin(this)
        inlet?.process({ type: 'start', head: requestHead(request), body: request.body, isWhole: true })
      } catch (thrown) {
        line.fail(thrown)
      }
    }
    line.settle()
    return this.#answer
  }

  process(event: PipelineEvent): boolean {
    if (this.#line.isOver) return true
    switch (event.type) {
      case 'start':
        return this.#begin(event)
      case 'data':
        return this.#stand === 'body' && this.#push ? this.#push.write(event.bytes) : true
      case 'end':
        if (this.#stand === 'interim') this.#stand = 'none'
        if (this.#stand === 'body') this.#over()?.end(event.trailers)
        return true
      case 'streamEnd':
        this.#endStream(event)
        return true
    }
  }

  /** The edge, or the filter in front, has room for more of the body. */
  resume(): void {
    this.source.resume()
  }

  /** Nobody wants the rest of the answer: a retry, or a client that left. */
  cancelled(reason: ProxyError): void {
    this.#over()
    this.#line.end(reason)
  }

  failed(error: ProxyError): void {
    const stand = this.#stand
    const push = this.#over()
    if (push) push.fail(error)
    else if (stand === 'over')
      this.#cx.log.debug('a plugin failed behind its answer', { code: error.code, error })
    else this.#refuse(error)
  }

  idle(): void {
    if (this.#stand !== 'none' && this.#stand !== 'interim') return
    const { runtime } = this.#line.exchange
    const reason = 'it took the request, and neither sent it on nor gave an answer'
    this.#line.fail(runtime.error('pause', null, reason, this.#cx))
  }

  #begin(start: StartEvent): boolean {
    if (this.#stand !== 'none') {
      // one request has one answer
      start.body?.cancel(new ProxyError('PLUGIN_THREW', 'a plugin answered twice'))
      return true
    }
    const isWhole = start.isWhole || start.length === 0
    const push = isWhole ? null : new PushBody(this, start.length ?? null)
    const response = toResponse(start.head, push?.body ?? start.body)
    const { status } = response
    if (status < 200 && status !== 101) {
      this.#cx.interim?.inform(status, response.headers)
      this.#stand = start.isWhole ? 'none' : 'interim'
      return true
    }
    if (status === 101 && !response.tunnel) return this.#refuseSwitch()
    this.#stand = start.isWhole ? 'over' : 'body'
    this.#push = push
    this.#resolve(response)
    return true
  }

  #refuseSwitch(): false {
    const { runtime } = this.#line.exchange
    const reason = 'it answered 101, but there is nothing to switch to'
    this.#line.fail(runtime.error('exception', null, reason, this.#cx))
    return false
  }

  #endStream(end: StreamEndEvent): void {
    if (this.#stand === 'over') return
    if (this.#stand === 'body') {
      const push = this.#over()
      if (end.error === null) push?.end(null)
      else push?.fail(failureOf(end))
      return
    }
    this.#over()
    this.#refuse(failureOf(end))
  }

  /** There is no answer, for that reason. */
  #refuse(error: ProxyError): void {
    // whoever has lost interest in the answer need not hear of it
    this.#answer.catch(() => {})
    this.#reject(error)
    this.#onFailed?.(error, this.#cx)
  }

  #over(): PushBody | null {
    const push = this.#push
    this.#push = null
    this.#stand = 'over'
    return push
  }

  /** The exchange is over: the last byte has gone, or nobody wants it. */
  #ended(error: ProxyError | null): void {
    this.#line.end(error)
    if (this.#stand === 'over') return
    const push = this.#over()
    const reason = error ?? new ProxyError('CLIENT_GONE', 'the exchange ended before its answer')
    if (push) push.fail(reason)
    else this.#refuse(reason)
  }
}
