import type { PipelineEvent, StartEvent } from '../../events.ts'
import { amount, durationForm, type FilterReader, milliseconds, text } from '../arguments.ts'
import { joined } from '../emit.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'

/** What a script said of packing. */
interface PackOptions {
  readonly batchSize: number
  /** From one batch to the next, and from the last input on; 0 is never. In milliseconds. */
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly prefix: Uint8Array
  readonly postfix: Uint8Array
  readonly separator: Uint8Array
}

/**
 * Makes one message of several: the head of the first, and all bodies. A batch
 * goes when it is full, when its time is over, or when the stream ends.
 */
export function pack(reader: FilterReader): StageMaker {
  const batchSize =
    reader.count > 0 ? reader.read(0, 'a number of messages', (value) => amount(value ?? 1)) : 1
  const options = reader.options(1)
  const bytes = (name: string): Uint8Array => Buffer.from(options.get(name, 'a text', text, ''))
  const read: PackOptions = {
    batchSize,
    intervalMs: options.get('interval', durationForm, milliseconds, 0),
    timeoutMs: options.get('timeout', durationForm, milliseconds, 0),
    prefix: bytes('prefix'),
    postfix: bytes('postfix'),
    separator: bytes('separator'),
  }
  return (pipeline, next) => new PackStage(pipeline, next, read, reader)
}

class PackStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #options: PackOptions
  readonly #reader: FilterReader
  #start: StartEvent | null = null
  #chunks: Uint8Array[] = []
  #messages = 0
  #isInMessage = false
  #flushedAt: number
  #stopTimer: (() => void) | null = null

  constructor(pipeline: Pipeline, next: EventSink, options: PackOptions, reader: FilterReader) {
    this.#pipeline = pipeline
    this.#next = next
    this.#options = options
    this.#reader = reader
    this.#flushedAt = pipeline.line.exchange.runtime.host.tools.clock.now()
  }

  process(event: PipelineEvent): boolean {
    switch (event.type) {
      case 'start':
        return this.#begin(event)
      case 'data':
        return !this.#isInMessage || this.#hold(event.bytes)
      case 'end':
        return this.#end()
      case 'streamEnd':
        this.#flush()
        return this.#next.process(event)
    }
  }

  resume(): void {
    this.source.resume()
  }

  #begin(start: StartEvent): boolean {
    this.#disarm()
    this.#isInMessage = true
    this.#messages += 1
    const { prefix, separator } = this.#options
    if (this.#start) return this.#hold(separator)
    this.#start = start
    return this.#hold(prefix)
  }

  #end(): boolean {
    if (!this.#isInMessage) return true
    this.#isInMessage = false
    const { batchSize, intervalMs, timeoutMs } = this.#options
    const { line } = this.#pipeline
    const { clock } = line.exchange.runtime.host.tools
    const isLate = intervalMs > 0 && clock.now() - this.#flushedAt >= intervalMs
    if (this.#messages >= batchSize || isLate) return this.#flush()
    if (timeoutMs === 0) return true
    line.expect()
    const stop = clock.after(timeoutMs, () => {
      this.#stopTimer = null
      line.run(() => void this.#flush())
      line.settle()
    })
    this.#stopTimer = () => {
      stop()
      line.settle()
    }
    line.onEnd(stop)
    return true
  }

  #flush(): boolean {
    this.#disarm()
    const start = this.#start
    if (!start) return true
    this.#hold(this.#options.postfix)
    const { held, runtime } = this.#pipeline.line.exchange
    const chunks = this.#chunks
    for (const chunk of chunks) held.release(chunk)
    this.#start = null
    this.#chunks = []
    this.#messages = 0
    this.#isInMessage = false
    this.#flushedAt = runtime.host.tools.clock.now()
    return this.#pipeline.line.isOver || this.#next.process(joined(start, chunks))
  }

  #hold(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true
    this.#chunks.push(bytes)
    const { held } = this.#pipeline.line.exchange
    if (held.hold(bytes)) return true
    const reason = `pack() would hold more than the ${held.limit} bytes that it may`
    return this.#pipeline.overLimit(this.#reader.place, reason)
  }

  #disarm(): void {
    this.#stopTimer?.()
    this.#stopTimer = null
  }
}
