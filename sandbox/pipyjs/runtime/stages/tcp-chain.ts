import type { BodySink } from '../../../../chains/body.ts'
import type { ProxyError } from '../../../../chains/failures.ts'
import type { Next } from '../../../../chains/filter.ts'
import { type ByteStream, relay } from '../../../../chains/stream.ts'
import type { PipelineEvent } from '../../events.ts'
import { asPluginFailure, endOf, failureOf } from '../failures.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline } from '../pipeline.ts'
import { PushBody } from '../push-body.ts'

/**
 * Sends a connection on, as `connect` does it, with the first event; gives what
 * comes back to the stages behind.
 */
export class TcpChainStage implements Stage, BodySink {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #connect: Next<ByteStream, ByteStream>
  readonly #push: PushBody
  #isAsked = false
  #upstream: ByteStream | null = null

  constructor(pipeline: Pipeline, next: EventSink, connect: Next<ByteStream, ByteStream>) {
    this.#pipeline = pipeline
    this.#next = next
    this.#connect = connect
    this.#push = new PushBody({ resume: () => this.source.resume() }, null)
  }

  process(event: PipelineEvent): boolean {
    if (event.type === 'streamEnd' && !this.#isAsked) return this.#next.process(event)
    if (!this.#isAsked) this.#ask()
    if (event.type === 'data') return this.#push.write(event.bytes)
    if (event.type !== 'streamEnd') return true
    if (event.error === null) this.#push.end(null)
    else this.#push.fail(failureOf(event))
    return true
  }

  resume(): void {
    this.#upstream?.readable.resume()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#pipeline.line.isOver) return false
    return this.#next.process({ type: 'data', bytes: new Uint8Array(bytes) })
  }

  end(): void {
    if (!this.#pipeline.line.isOver) this.#next.process({ type: 'streamEnd', error: null, detail: '' })
  }

  fail(error: ProxyError): void {
    if (!this.#pipeline.line.isOver) this.#next.process(endOf(error))
  }

  #ask(): void {
    const { line } = this.#pipeline
    const { rest } = line.exchange
    if (line.isOver || rest.kind !== 'tcp') return
    this.#isAsked = true
    line.expect()
    try {
      this.#connect(rest.stream, line.cx).then(
        (upstream) => this.#connected(upstream),
        (thrown: unknown) => this.#failed(thrown),
      )
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #connected(upstream: ByteStream): void {
    const { line } = this.#pipeline
    this.#upstream = upstream
    line.onEnd((reason) => upstream.destroy(reason ?? undefined))
    if (!line.isOver) {
      relay(this.#push.body, upstream.writable)
      upstream.readable.open(this)
    }
    line.settle()
  }

  #failed(thrown: unknown): void {
    const { line } = this.#pipeline
    if (!line.isOver) this.#next.process(endOf(asPluginFailure(thrown)))
    line.settle()
  }
}
