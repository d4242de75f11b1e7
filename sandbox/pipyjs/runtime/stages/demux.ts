import { ProxyError } from '../../../../chains/failures.ts'
import type { PipelineEvent, StreamEndEvent } from '../../events.ts'
import type { FilterReader } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { DemuxedMessage, type DemuxOwner } from './demux-message.ts'

/** Messages of one stream that are under way at a time: each costs a context. */
const maxUnderWay = 64

/**
 * Has each message of a stream answered by a pipeline of its own in a cloned
 * context, and gives the answers in the order of the messages. A pipeline that
 * has no answer is passed over; one that ends its stream before it has given
 * any ends the whole stream.
 */
export function demux(reader: FilterReader): StageMaker {
  reader.atMost(1)
  reader.options(0)
  const layout = reader.layout()
  return (pipeline, next) => new DemuxStage(pipeline, next, layout)
}

class DemuxStage implements Stage, DemuxOwner {
  source: EventSource = noSource
  readonly pipeline: Pipeline
  readonly layout: PipelineLayout
  readonly #next: EventSink
  /** Those whose answers have not been given, in order. */
  readonly #order: DemuxedMessage[] = []
  /** Those that have something to do, also after their answer. */
  readonly #underWay = new Set<DemuxedMessage>()
  /** The one whose data comes now. */
  #open: DemuxedMessage | null = null
  /** What came when there were too many under way. */
  #waiting: PipelineEvent[] = []
  /** How the input ended. */
  #end: StreamEndEvent | null = null
  #isFull = false
  #isClosed = false
  #isAdvancing = false

  constructor(pipeline: Pipeline, next: EventSink, layout: PipelineLayout) {
    this.pipeline = pipeline
    this.#next = next
    this.layout = layout
    pipeline.line.onEnd((reason) => {
      this.#isClosed = true
      this.#endAll(reason)
    })
  }

  get isFull(): boolean {
    return this.#isFull
  }

  process(event: PipelineEvent): boolean {
    if (this.#isClosed) return dropped(event)
    if (this.#waiting.length === 0 && !this.#mustWait(event)) return this.#take(event)
    this.#waiting.push(event)
    if (event.type !== 'data') return false
    const { held } = this.pipeline.line.exchange
    if (held.hold(event.bytes)) return false
    const reason = `more than the ${held.limit} bytes that may be held wait for it`
    return this.pipeline.overLimit(this.layout.place, reason)
  }

  resume(): void {
    this.#isFull = false
    this.#advance()
  }

  emit(event: PipelineEvent): boolean {
    if (this.#isClosed) return true
    if (event.type === 'streamEnd') this.#close()
    this.#isFull = !this.#next.process(event)
    return !this.#isFull
  }

  answered(): void {
    this.#advance()
  }

  hasRoom(): void {
    this.#admit()
  }

  over(message: DemuxedMessage): void {
    this.#underWay.delete(message)
    this.#admit()
  }

  #mustWait(event: PipelineEvent): boolean {
    return event.type === 'start' && this.#open === null && this.#underWay.size >= maxUnderWay
  }

  #take(event: PipelineEvent): boolean {
    const open = this.#open
    if (event.type === 'start') return open ? dropped(event) : this.#begin(event)
    if (event.type === 'data') return event.bytes.length > 0 && open ? open.give(event) : true
    this.#open = null
    if (event.type === 'streamEnd') this.#end = event
    const hasRoom = open?.give(event) ?? true
    this.#advance()
    return hasRoom
  }

  #begin(event: PipelineEvent & { type: 'start' }): boolean {
    const message = new DemuxedMessage(this)
    this.#underWay.add(message)
    this.#order.push(message)
    if (!event.isWhole) this.#open = message
    const hasRoom = message.give(event)
    this.#advance()
    return hasRoom && this.#underWay.size < maxUnderWay
  }

  /** Gives what there is of the answers, each in its turn. */
  #advance(): void {
    // what comes while it gives is given by the loop that runs
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    while (!this.#isFull && !this.#isClosed) {
      const message = this.#order[0]
      if (!message) break
      message.turn()
      if (!message.isAnswered) break
      this.#order.shift()
    }
    this.#isAdvancing = false
    if (this.#end && this.#order.length === 0 && this.#waiting.length === 0) this.emit(this.#end)
  }

  #admit(): void {
    const { held } = this.pipeline.line.exchange
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const event = this.#waiting[0] as PipelineEvent
      if (this.#mustWait(event)) return
      this.#waiting.shift()
      if (event.type === 'data') held.release(event.bytes)
      if (!this.#take(event)) return
    }
    if (!this.#isClosed && this.#underWay.size < maxUnderWay) this.source.resume()
  }

  #close(): void {
    this.#isClosed = true
    // later: it may be one of them that gives the end just now
    queueMicrotask(() => this.#endAll(null))
  }

  #endAll(reason: ProxyError | null): void {
    const { held } = this.pipeline.line.exchange
    for (const event of this.#waiting) {
      if (event.type === 'data') held.release(event.bytes)
      else dropped(event)
    }
    this.#waiting = []
    for (const message of [...this.#underWay]) message.line.end(reason)
  }
}

/** Nobody wants it: there is room for more of the kind. */
function dropped(event: PipelineEvent): true {
  if (event.type === 'start') event.body?.cancel(new ProxyError('CLIENT_GONE', 'its stream is over'))
  return true
}
