import type { BodySink } from '../../../../chains/body.ts'
import type { ProxyError } from '../../../../chains/failures.ts'
import { type ByteStream, relay } from '../../../../chains/stream.ts'
import type { PipelineEvent, StreamEndEvent } from '../../events.ts'
import { takenApart } from '../expand.ts'
import { asPluginFailure, causeOf, endOf } from '../failures.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline } from '../pipeline.ts'
import { PushBody } from '../push-body.ts'

/** Sends a connection on, as `connect` does it, with the first event. Messages are taken apart: raw bytes know none. */
export function raw(pipeline: Pipeline, next: EventSink, connect: () => Promise<ByteStream>): Stage {
  return takenApart(pipeline.line, new RawStage(pipeline, next, connect))
}

/** Gives what comes back to the stages behind. More is expected until the other side has ended. */
class RawStage implements Stage, BodySink {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #connect: () => Promise<ByteStream>
  readonly #push: PushBody
  #isAsked = false
  /** Whether the stages behind have been told that nothing more comes. */
  #isEnded = false
  #upstream: ByteStream | null = null

  constructor(pipeline: Pipeline, next: EventSink, connect: () => Promise<ByteStream>) {
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
    else this.#break(event)
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
    this.#ended({ type: 'streamEnd', error: null, detail: '' })
  }

  fail(error: ProxyError): void {
    this.#ended(endOf(error))
  }

  #ask(): void {
    const { line } = this.#pipeline
    if (line.isOver) return
    this.#isAsked = true
    line.expect()
    this.#connect().then(
      (upstream) => this.#connected(upstream),
      (thrown: unknown) => this.#ended(endOf(asPluginFailure(thrown))),
    )
  }

  /** What a script ends is closed, as Pipy does it; what broke is reset. */
  #break(end: StreamEndEvent): void {
    const cause = causeOf(end)
    if (cause) {
      this.#push.fail(cause)
      return
    }
    this.#push.end(null)
    this.#ended(end)
    this.#upstream?.destroy()
  }

  #connected(upstream: ByteStream): void {
    const { line } = this.#pipeline
    this.#upstream = upstream
    line.onEnd((reason) => upstream.destroy(reason ?? undefined))
    if (this.#isEnded) upstream.destroy()
    if (line.isOver || this.#isEnded) return
    relay(this.#push.body, upstream.writable)
    upstream.readable.open(this)
  }

  #ended(end: StreamEndEvent): void {
    const { line } = this.#pipeline
    if (this.#isEnded) return
    this.#isEnded = true
    if (!line.isOver) this.#next.process(end)
    line.settle()
  }
}
