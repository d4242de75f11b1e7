import { ProxyError } from '../../../../chains/failures.ts'
import type { ByteStream, StreamSink } from '../../../../chains/stream.ts'
import type { PipelineEvent, StreamEndEvent } from '../../events.ts'
import type { CallbackArgument } from '../../guest-session.ts'
import { Expand } from '../expand.ts'
import { endOf, failureOf } from '../failures.ts'
import type { EventSink, EventSource } from '../flow.ts'
import type { Pipeline, PipelineLayout } from '../pipeline.ts'
import { PushBody } from '../push-body.ts'

/**
 * A pipeline of the script as a connection: what is written goes into it, and
 * what comes out can be read. It begins when it is made, and is destroyed with its line.
 */
export class PipelineStream implements EventSink, EventSource {
  source: EventSource
  readonly stream: ByteStream
  readonly #pipeline: Pipeline
  readonly #push: PushBody
  readonly #inlet: EventSink | null
  #ending: StreamEndEvent | null = null
  #isClosed = false

  constructor(pipeline: Pipeline, layout: PipelineLayout, startArguments: readonly CallbackArgument[] = []) {
    this.#pipeline = pipeline
    this.#push = new PushBody(this, null)
    const writable = this.#makeWritable()
    this.stream = { readable: this.#push.body, writable, destroy: (error) => this.#destroy(error) }
    const outlet = new Expand(pipeline.line, this, false)
    this.source = outlet
    pipeline.line.onEnd((reason) => this.#destroy(reason ?? undefined))
    this.#inlet = pipeline.beginWithin(layout, outlet, { startArguments })
    if (this.#inlet) this.#inlet.source = { resume: () => writable.source?.resume() }
  }

  /** How the pipeline ended its output; null while it has not. */
  get ending(): StreamEndEvent | null {
    return this.#ending
  }

  process(event: PipelineEvent): boolean {
    if (this.#isClosed) return true
    if (event.type === 'data') return this.#push.write(event.bytes)
    if (event.type !== 'streamEnd') return true
    this.#ending ??= event
    if (event.error === null) this.#push.end(null)
    else this.#push.fail(failureOf(event))
    return true
  }

  resume(): void {
    this.source.resume()
  }

  #makeWritable(): StreamSink {
    return {
      source: null,
      write: (bytes) => this.#give({ type: 'data', bytes: new Uint8Array(bytes) }),
      end: () => void this.#give({ type: 'streamEnd', error: null, detail: '' }),
      fail: (error) => void this.#give(endOf(error)),
    }
  }

  #give(event: PipelineEvent): boolean {
    // what comes when all is over is dropped
    if (this.#isClosed || this.#pipeline.line.isOver) return true
    return this.#inlet?.process(event) ?? true
  }

  #destroy(error: ProxyError | undefined): void {
    if (this.#isClosed) return
    const reason = error ?? new ProxyError('CLIENT_GONE', 'nobody wants the rest')
    // so that what is behind closes too
    this.#give(endOf(reason))
    this.#isClosed = true
    this.#push.fail(reason)
  }
}
