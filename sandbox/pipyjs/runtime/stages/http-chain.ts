import type { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { Next } from '../../../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import type { MessageHead, PipelineEvent, StartEvent, StreamEndEvent } from '../../events.ts'
import { joined } from '../emit.ts'
import { asPluginFailure, endOf, failureOf } from '../failures.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import { drop, responseHead, toRequest } from '../heads.ts'
import type { Pipeline } from '../pipeline.ts'
import { PushBody } from '../push-body.ts'

/** A message that is kept until it is whole, because its head may still change. */
interface LateMessage {
  readonly start: StartEvent
  readonly chunks: Uint8Array[]
}

/**
 * Sends one request on, as `ask` does it, and gives what comes back to the
 * stages behind: the answer as one whole message, or a failure as the end of
 * the stream. It serves one request; others that come are dropped.
 */
export class HttpChainStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #ask: Next<HttpRequest, HttpResponse>
  #isAsked = false
  /** The request's body, while it comes in pieces. */
  #push: PushBody | null = null
  #late: LateMessage | null = null

  constructor(pipeline: Pipeline, next: EventSink, ask: Next<HttpRequest, HttpResponse>) {
    this.#pipeline = pipeline
    this.#next = next
    this.#ask = ask
  }

  process(event: PipelineEvent): boolean {
    switch (event.type) {
      case 'start':
        return this.#begin(event)
      case 'data':
        if (this.#late) return this.#keep(event.bytes, this.#late)
        return this.#push ? this.#push.write(event.bytes) : true
      case 'end':
        if (this.#late) this.#sendLate(this.#late)
        this.#push?.end(event.trailers)
        this.#push = null
        return true
      case 'streamEnd':
        return this.#endStream(event)
    }
  }

  resume(): void {
    // what comes back goes on in one piece: there is never more to give
  }

  #begin(event: StartEvent): boolean {
    if (this.#isAsked || this.#late) {
      event.body?.cancel(new ProxyError('PLUGIN_THREW', 'a plugin sent a second request where one was asked'))
      return true
    }
    if (event.isWhole) {
      this.#send(event.head, event.body)
      return true
    }
    if (event.isLate) {
      this.#late = { start: event, chunks: [] }
      return true
    }
    if (event.length === 0) {
      this.#send(event.head, null)
      return true
    }
    this.#push = new PushBody({ resume: () => this.source.resume() }, event.length ?? null)
    this.#send(event.head, this.#push.body)
    // the next stage opens the body when it wants some
    return true
  }

  #keep(bytes: Uint8Array, { chunks }: LateMessage): boolean {
    chunks.push(bytes)
    const { held } = this.#pipeline.line.exchange
    if (held.hold(bytes)) return true
    const reason = `handleMessage() would hold more than the ${held.limit} bytes that it may`
    return this.#pipeline.overLimit(this.#pipeline.layout.place, reason)
  }

  #sendLate({ start, chunks }: LateMessage): void {
    this.#late = null
    const { held } = this.#pipeline.line.exchange
    for (const chunk of chunks) held.release(chunk)
    const { head, body } = joined(start, chunks)
    this.#send(head, body)
  }

  #endStream(event: StreamEndEvent): boolean {
    const push = this.#push
    this.#push = null
    if (push) {
      push.fail(failureOf(event))
      return true
    }
    if (this.#isAsked) return true
    this.#isAsked = true
    this.#late = null
    return this.#next.process(event)
  }

  #send(head: MessageHead, body: Body | null): void {
    const { line } = this.#pipeline
    if (line.isOver) return
    this.#isAsked = true
    const { rest } = line.exchange
    line.expect()
    try {
      this.#ask(toRequest(head, body, rest.kind === 'http' ? rest.request : null), line.cx).then(
        (response) => this.#answered(response),
        (thrown: unknown) => this.#failed(thrown),
      )
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #answered(response: HttpResponse): void {
    const { line } = this.#pipeline
    if (line.isOver) drop(response, new ProxyError('CLIENT_GONE', 'nobody waits for the answer'))
    else this.#give(response)
    line.settle()
  }

  #give(response: HttpResponse): void {
    const { line } = this.#pipeline
    // as line.run() does it, but without a closure for each exchange
    try {
      // an answer to a request whose body nobody has opened: nobody will
      const body = this.#push?.body
      if (body?.isTaken === false) body.cancel(new ProxyError('CLIENT_GONE', 'the answer came without it'))
      const head = responseHead(response)
      if (response.body || response.tunnel) line.carry(head)
      this.#next.process({ type: 'start', head, body: response.body, isWhole: true })
    } catch (thrown) {
      line.fail(thrown)
    }
  }

  #failed(thrown: unknown): void {
    const { line } = this.#pipeline
    line.run(() => this.#next.process(endOf(asPluginFailure(thrown))))
    line.settle()
  }
}
