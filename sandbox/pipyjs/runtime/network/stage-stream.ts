import { ProxyError } from '../../../../chains/failures.ts'
import type { ByteStream, StreamSink } from '../../../../chains/stream.ts'
import type { PipelineEvent, StreamEndEvent } from '../../events.ts'
import { takenApart } from '../expand.ts'
import { endOf, failureOf } from '../failures.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { PushBody } from '../push-body.ts'

/** What is done with a stage's two sides: what comes in can be read, and what is written goes on, to `next`. */
export type StreamUser = (stream: ByteStream, pipeline: Pipeline, next: EventSink) => void

/**
 * A stage that is a connection for `use`, which is called with the first event
 * that is no end. With `takesFailures` a failure will do for that.
 */
export function asStream(use: StreamUser, takesFailures = false): StageMaker {
  return (pipeline, next) => takenApart(pipeline.line, new StreamStage(pipeline, next, use, takesFailures))
}

class StreamStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #use: StreamUser
  readonly #takesFailures: boolean
  readonly #push: PushBody
  readonly #writable: StreamSink
  #isBegun = false
  #hasEnded = false

  constructor(pipeline: Pipeline, next: EventSink, use: StreamUser, takesFailures: boolean) {
    this.#pipeline = pipeline
    this.#next = next
    this.#use = use
    this.#takesFailures = takesFailures
    this.#push = new PushBody({ resume: () => this.source.resume() }, null)
    this.#writable = this.#makeWritable()
  }

  process(event: PipelineEvent): boolean {
    if (!this.#isBegun) {
      if (event.type === 'streamEnd' && !this.#mayBeginWith(event)) return this.#next.process(event)
      this.#begin()
    }
    if (event.type === 'data') return this.#push.write(event.bytes)
    if (event.type !== 'streamEnd') return true
    if (event.error === null) this.#push.end(null)
    else this.#push.fail(failureOf(event))
    return true
  }

  resume(): void {
    this.#writable.source?.resume()
  }

  #mayBeginWith({ error }: StreamEndEvent): boolean {
    return this.#takesFailures && error !== null
  }

  #begin(): void {
    this.#isBegun = true
    const { line } = this.#pipeline
    line.expect()
    line.onEnd((reason) => this.#push.fail(reason ?? new ProxyError('CLIENT_GONE', 'the stream is over')))
    const destroy = (error?: ProxyError) => this.#destroy(error)
    this.#use({ readable: this.#push.body, writable: this.#writable, destroy }, this.#pipeline, this.#next)
  }

  #makeWritable(): StreamSink {
    return {
      source: null,
      write: (bytes) => {
        if (this.#hasEnded || this.#pipeline.line.isOver) return true
        return this.#next.process({ type: 'data', bytes: new Uint8Array(bytes) })
      },
      end: () => this.#end({ type: 'streamEnd', error: null, detail: '' }),
      fail: (error) => this.#end(endOf(error)),
    }
  }

  #destroy(error: ProxyError | undefined): void {
    this.#push.body.cancel(error ?? new ProxyError('CLIENT_GONE', 'nobody wants the rest'))
    this.#end(error ? endOf(error) : { type: 'streamEnd', error: null, detail: '' })
  }

  #end(end: StreamEndEvent): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const { line } = this.#pipeline
    if (!line.isOver) this.#next.process(end)
    line.settle()
  }
}
