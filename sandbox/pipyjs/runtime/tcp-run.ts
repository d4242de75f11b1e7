import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { Next } from '../../../chains/filter.ts'
import type { ByteStream, StreamSink } from '../../../chains/stream.ts'
import type { PipelineEvent, StreamEndEvent } from '../events.ts'
import { Exchange } from './exchange.ts'
import { Expand } from './expand.ts'
import { causeOf, failureOf } from './failures.ts'
import { type EventSink, type EventSource, noSource } from './flow.ts'
import { Line, type LineOwner } from './line.ts'
import { Pipeline, type PipelineLayout } from './pipeline.ts'
import { type BodyGiver, PushBody } from './push-body.ts'
import type { Runtime } from './runtime.ts'

/** What begins a connection before the client has said anything, as FSM's listeners have it. */
const beginning: PipelineEvent = { type: 'data', bytes: new Uint8Array(0) }

/**
 * One connection in a plugin. The chain gets a stream whose writable side is
 * the plugin's entrance, and whose readable side is what comes out of it.
 *
 * It is there when the upstream is connected; at once if the plugin waits for
 * the client before it connects.
 */
export class TcpRun implements EventSink, BodyGiver, LineOwner {
  source: EventSource = noSource
  readonly #cx: Context
  readonly #line: Line
  readonly #push: PushBody
  readonly #writable: StreamSink
  readonly #stream: Promise<ByteStream>
  #resolve: (stream: ByteStream) => void = () => {}
  #reject: (error: ProxyError) => void = () => {}
  #inlet: EventSink | null = null
  #isConnecting = false
  #isSettled = false

  constructor(runtime: Runtime, stream: ByteStream, cx: Context, next: Next<ByteStream, ByteStream>) {
    this.#cx = cx
    this.#push = new PushBody(this, null)
    this.#writable = this.#makeWritable()
    this.#stream = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const connect = (input: ByteStream, context: Context) => this.#connect(input, context, next)
    this.#line = new Line(new Exchange(runtime, { kind: 'tcp', stream, next: connect }), cx, this)
  }

  /** Resolves with the stream; rejects with the `ProxyError` that there is instead. Called once. */
  run(entrance: PipelineLayout): Promise<ByteStream> {
    const line = this.#line
    this.#cx.onEnd(({ error }) => this.#ended(error))
    const context = line.exchange.openIn(line, null)
    if (context) {
      const outlet = new Expand(line, this, false)
      this.source = outlet
      line.run(() => {
        this.#inlet = new Pipeline(entrance, line, context).begin(outlet)
        if (!this.#inlet) return
        this.#inlet.source = { resume: () => this.#writable.source?.resume() }
        this.#inlet.process(beginning)
      })
    }
    if (!this.#isConnecting) this.#settle()
    return this.#stream
  }

  process(event: PipelineEvent): boolean {
    if (this.#line.isOver) return true
    if (event.type === 'data') {
      this.#settle()
      return this.#push.write(event.bytes)
    }
    if (event.type !== 'streamEnd') return true
    if (event.error === null) {
      this.#settle()
      this.#push.end(null)
    } else this.#breakBy(event)
    return true
  }

  /** The client has room for more. */
  resume(): void {
    this.source.resume()
  }

  /** Nobody reads what comes out: as with any connection, that is its end. */
  cancelled(reason: ProxyError): void {
    this.#line.end(reason)
  }

  failed(error: ProxyError): void {
    this.#break(error)
  }

  // a connection may be silent for as long as its timeouts let it
  idle(): void {}

  async #connect(stream: ByteStream, cx: Context, next: Next<ByteStream, ByteStream>): Promise<ByteStream> {
    this.#isConnecting = true
    const upstream = await next(stream, cx)
    this.#settle()
    return upstream
  }

  #makeWritable(): StreamSink {
    return {
      source: null,
      write: (bytes) => this.#give({ type: 'data', bytes: new Uint8Array(bytes) }),
      end: () => void this.#give({ type: 'streamEnd', error: null, detail: '' }),
      fail: (error) => this.#destroy(error),
    }
  }

  #give(event: PipelineEvent): boolean {
    let hasRoom = true
    // what comes when all is over is dropped
    this.#line.run(() => {
      hasRoom = this.#inlet?.process(event) ?? true
    })
    return hasRoom
  }

  #settle(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    const destroy = (error?: ProxyError) => this.#destroy(error)
    this.#resolve({ readable: this.#push.body, writable: this.#writable, destroy })
  }

  #breakBy(end: StreamEndEvent): void {
    // what a script ends is no failure of the upstream's, which is only closed
    if (!causeOf(end)) this.#line.end(null)
    this.#break(failureOf(end))
  }

  #break(error: ProxyError): void {
    if (this.#isSettled) this.#push.fail(error)
    else {
      this.#isSettled = true
      this.#reject(error)
    }
  }

  #destroy(error: ProxyError | undefined): void {
    this.#line.end(error ?? null)
    this.#push.fail(error ?? new ProxyError('CLIENT_GONE', 'the connection was closed'))
  }

  #ended(error: ProxyError | null): void {
    this.#line.end(error)
    this.#break(error ?? new ProxyError('CLIENT_GONE', 'the connection was closed'))
  }
}
