import type { ProxyError } from '../../../../chains/failures.ts'
import type { PipelineEvent, StartEvent, StreamEndEvent } from '../../events.ts'
import { deriveContext, finishDerived } from '../contexts.ts'
import { Exchange } from '../exchange.ts'
import { Expand } from '../expand.ts'
import { type EventSink, type EventSource, noSource } from '../flow.ts'
import { copyHead } from '../heads.ts'
import { Line, type LineOwner } from '../line.ts'
import type { Pipeline, PipelineLayout } from '../pipeline.ts'

/** The stage that a message came through. */
export interface DemuxOwner {
  readonly pipeline: Pipeline
  readonly layout: PipelineLayout
  /** Whether the stage behind takes nothing at the moment. */
  readonly isFull: boolean
  /** Gives a part of an answer whose turn it is; says whether there is room for more. */
  emit(event: PipelineEvent): boolean
  /** There is more of its answer to be given, or all of it has been. */
  answered(): void
  /** Its pipeline takes more input. */
  hasRoom(): void
  /** Neither input nor answer is left of it. */
  over(message: DemuxedMessage): void
}

/** How far its answer is. */
type Stand = 'none' | 'open' | 'over'

/**
 * One message with a pipeline of its own: a line and a context that end when
 * both the message and its answer are complete. Until its answer has its turn
 * the pipeline is held up, so that little of it waits here.
 */
export class DemuxedMessage implements LineOwner, EventSink {
  source: EventSource
  readonly line: Line
  readonly #owner: DemuxOwner
  #inlet: EventSink | null = null
  #hasTurn = false
  #isInputOver = false
  #stand: Stand = 'none'
  /** What waits for its turn. */
  readonly #answer: PipelineEvent[] = []
  /** Whether its pipeline was told to stop. */
  #isStopped = false

  constructor(owner: DemuxOwner) {
    this.#owner = owner
    this.source = noSource
    const { pipeline, layout } = owner
    const { exchange, cx } = pipeline.line
    // an exchange of its own: what it holds in the guest is let go with it
    const own = new Exchange(exchange.runtime, exchange.rest)
    this.line = new Line(own, deriveContext(cx, true), this)
    pipeline.line.expect()
    this.line.onEnd((reason) => this.#ended(reason))
    this.line.expect()
    const context = own.openIn(this.line, pipeline.context)
    if (!context) return
    const outlet = new Expand(this.line, this, false)
    this.source = outlet
    this.line.run(() => {
      this.#inlet = pipeline.beginWithin(layout, outlet, { line: this.line, context })
      if (this.#inlet) this.#inlet.source = { resume: () => owner.hasRoom() }
    })
  }

  /** Whether all of its answer has been given. */
  get isAnswered(): boolean {
    return this.#stand === 'over' && this.#answer.length === 0
  }

  /** Gives its pipeline a part of the message. */
  give(event: PipelineEvent): boolean {
    let hasRoom = true
    this.line.run(() => {
      hasRoom = this.#inlet?.process(event) ?? true
    })
    const isLast = event.type === 'end' || event.type === 'streamEnd'
    if (isLast || (event.type === 'start' && event.isWhole)) {
      this.#isInputOver = true
      this.line.settle()
      this.#letGo()
    }
    return hasRoom
  }

  /** Its answer is the next: gives what there is, and goes on as there is room. */
  turn(): void {
    this.#hasTurn = true
    while (this.#answer.length > 0 && !this.#owner.isFull) {
      const event = this.#answer.shift() as PipelineEvent
      if (event.type === 'data') this.#held.release(event.bytes)
      this.#owner.emit(event)
    }
    if (this.#isStopped && !this.#owner.isFull) {
      this.#isStopped = false
      this.line.run(() => this.source.resume())
      this.#look()
    }
    this.#letGo()
  }

  process(event: PipelineEvent): boolean {
    if (this.line.isOver || this.#stand === 'over') return true
    if (event.type === 'start') return this.#stand === 'none' ? this.#begin(event) : true
    if (event.type === 'streamEnd') return this.#endStream(event)
    // what belongs to no message
    if (this.#stand === 'none') return true
    if (event.type === 'data') return this.#pass(event)
    this.#stand = 'over'
    return this.#pass(event)
  }

  failed(error: ProxyError): void {
    this.#owner.pipeline.line.fail(error)
  }

  idle(): void {
    this.#look()
  }

  get #held() {
    return this.#owner.pipeline.line.exchange.held
  }

  #begin(event: StartEvent): boolean {
    this.#stand = 'open'
    const { head, isLate = false } = event
    // a head that its context has seen is over with that context
    return this.#pass(head.id === 0 || isLate ? event : { ...event, head: copyHead(head, true) })
  }

  #endStream(event: StreamEndEvent): boolean {
    const isComplete = this.#stand === 'open' && event.error === null
    this.#stand = 'over'
    return this.#pass(isComplete ? { type: 'end', trailers: null, payload: null } : event)
  }

  #pass(event: PipelineEvent): boolean {
    const mayGo = this.#hasTurn && this.#answer.length === 0
    const hasRoom = mayGo ? this.#owner.emit(event) : this.#keep(event)
    this.#isStopped = !hasRoom
    if (this.#stand === 'over') this.#owner.answered()
    return hasRoom
  }

  #keep(event: PipelineEvent): false {
    this.#answer.push(event)
    if (event.type !== 'data' || this.#held.hold(event.bytes)) return false
    const { layout, pipeline } = this.#owner
    const reason = `answers of more than the ${this.#held.limit} bytes that may be held wait for their turn`
    return pipeline.overLimit(layout.place, reason)
  }

  /** Ends an answer to which nothing will be added. */
  #look(): void {
    if (!this.#isInputOver || !this.line.isIdle || this.#isStopped) return
    if (this.#stand === 'over' || this.line.isOver) return
    const hasBegun = this.#stand === 'open'
    this.#stand = 'over'
    if (hasBegun) this.#pass({ type: 'end', trailers: null, payload: null })
    else this.#owner.answered()
    this.#letGo()
  }

  #letGo(): void {
    if (!this.#isInputOver || !this.isAnswered || this.line.isOver) return
    // later: its own stages may be giving something just now
    queueMicrotask(() => this.line.end(null))
  }

  #ended(reason: ProxyError | null): void {
    const { pipeline } = this.#owner
    for (const event of this.#answer) if (event.type === 'data') this.#held.release(event.bytes)
    this.#answer.length = 0
    finishDerived(this.line.cx, reason, pipeline.line.exchange.runtime.host.tools.clock.now())
    this.#owner.over(this)
    pipeline.line.settle()
  }
}
