import type { ProxyError } from '../../../../chains/failures.ts'
import type { PipelineEvent, StartEvent, StreamEndEvent } from '../../events.ts'
import type { CallbackArgument } from '../../guest-session.ts'
import type { FilterReader } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import { copyHead } from '../heads.ts'
import { askValue } from '../network/values.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { MuxPool } from './mux-pool.ts'
import { MuxSession, type MuxTicket } from './mux-session.ts'
import { askSettings, keyOf, type MuxPlan, type MuxSettings, readMux } from './mux-settings.ts'

/** Messages of one stream that wait for their answers at a time. */
const maxWaiting = 64

/**
 * Sends messages through pipelines that are shared by all exchanges with the
 * same key, and gives the answers. Without a key it is the client's connection
 * that they must have in common. A message is kept until it is whole. How the
 * shared pipeline ends, if it ends before the answer, is what the stream ends with.
 */
export function mux(reader: FilterReader): StageMaker {
  const layout = reader.layout()
  const plan = readMux(reader)
  const pool = new MuxPool<MuxSession>()
  return (pipeline, next) => new MuxStage(pipeline, next, { plan, layout, pool })
}

interface MuxParts {
  readonly plan: MuxPlan
  readonly layout: PipelineLayout
  readonly pool: MuxPool<MuxSession>
}

/** Where the messages of one stream go. */
interface Place {
  readonly key: unknown
  readonly startArguments: readonly CallbackArgument[]
  readonly settings: MuxSettings
}

class MuxStage implements Stage {
  source: EventSource = noSource
  readonly pipeline: Pipeline
  readonly #next: EventSink
  readonly #parts: MuxParts
  /** The message that is coming. */
  #message: MuxMessage | null = null
  /** Those that have not been answered. */
  readonly #waiting = new Set<MuxMessage>()
  #place: Place | null = null
  #isAsking = false
  #session: MuxSession | null = null
  /** How the input ended. */
  #end: StreamEndEvent | null = null
  #isClosed = false
  #forgetAbort: (() => void) | null = null

  constructor(pipeline: Pipeline, next: EventSink, parts: MuxParts) {
    this.pipeline = pipeline
    this.#next = next
    this.#parts = parts
    pipeline.line.onEnd(() => this.#abandon())
  }

  process(event: PipelineEvent): boolean {
    if (this.#isClosed) return true
    if (event.type === 'streamEnd') return this.#endInput(event)
    if (!this.#isAsking) void this.#ask()
    if (event.type === 'start') this.#message ??= new MuxMessage(this, event)
    else if (event.type === 'data') return this.#message?.add(event) ?? true
    else if (this.#message) this.#complete(this.#message, event)
    return this.#waiting.size < maxWaiting
  }

  resume(): void {
    this.#session?.resume()
  }

  /** A part of the answer to one of its messages. */
  give(event: PipelineEvent): boolean {
    if (this.#isClosed) return true
    if (event.type === 'streamEnd') this.#isClosed = true
    return this.#next.process(event)
  }

  /** Sends a message, for the first time or once more. */
  dispatch(message: MuxMessage): void {
    const { pipeline: parent } = this
    const place = this.#place
    if (this.#isClosed) this.done(message)
    if (!place || this.#isClosed || parent.line.isOver) return
    this.#session = this.#sessionAt(place)
    this.#session.send(message)
  }

  /** A message has its answer, or will have none. */
  done(message: MuxMessage): void {
    this.#waiting.delete(message)
    if (this.#waiting.size === 0) this.#stopListening()
    const { line } = this.pipeline
    const end = this.#waiting.size === 0 ? this.#end : null
    if (end) line.run(() => this.give(end))
    line.settle()
    // later: the answer may have come while it was being sent
    if (this.#waiting.size === maxWaiting - 1) queueMicrotask(() => line.run(() => this.source.resume()))
  }

  /** Answers keep their order, because all that are awaited at a time come out of the same pipeline. */
  #sessionAt({ key, startArguments, settings }: Place): MuxSession {
    const { pool, layout } = this.#parts
    const session = this.#session
    if (session && !session.isOver && this.#waiting.size > 1) return session
    const known = pool.find(key, settings)
    return known ?? new MuxSession({ parent: this.pipeline, layout, key, startArguments, settings, pool })
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    const { pipeline } = this
    pipeline.line.expect()
    const place = await this.#findPlace()
    if (place) {
      this.#place = place
      for (const message of [...this.#waiting]) this.dispatch(message)
    }
    pipeline.line.settle()
  }

  async #findPlace(): Promise<Place | null> {
    const { pipeline } = this
    const { key, reader } = this.#parts.plan
    const settings = await askSettings(pipeline, this.#parts.plan)
    const { peer } = pipeline.line.cx
    const inbound: readonly CallbackArgument[] = [{ type: 'inbound' }]
    if (!settings || key === null) return settings && { key: peer, startArguments: inbound, settings }
    if ('value' in key) return { key: key.value, startArguments: [], settings }
    const result = await askValue(pipeline, reader.place, key.fn)
    if (!result) return null
    const known = keyOf(result)
    if (known === null) return { key: peer, startArguments: inbound, settings }
    const startArguments = result.type === 'plain' ? [result] : []
    return { key: known, startArguments, settings }
  }

  #complete(message: MuxMessage, end: PipelineEvent): void {
    this.#message = null
    message.end = end
    this.#waiting.add(message)
    const { line } = this.pipeline
    this.#forgetAbort ??= line.cx.onAbort((reason) => line.fail(reason))
    line.expect()
    this.dispatch(message)
  }

  #endInput(event: StreamEndEvent): boolean {
    // a message that breaks off is not sent
    this.#message?.release()
    this.#message = null
    if (this.#waiting.size === 0) return this.give(event)
    this.#end = event
    return true
  }

  #stopListening(): void {
    this.#forgetAbort?.()
    this.#forgetAbort = null
  }

  #abandon(): void {
    this.#isClosed = true
    this.#stopListening()
    this.#message?.release()
    for (const message of this.#waiting) message.isAbandoned = true
    if (this.#waiting.size > 0) this.#session?.abandoned()
  }
}

/** One message of a stream, kept until it goes. */
class MuxMessage implements MuxTicket {
  isAbandoned = false
  end: PipelineEvent | null = null
  readonly #stage: MuxStage
  readonly #start: StartEvent
  #data: (PipelineEvent & { type: 'data' })[] = []

  constructor(stage: MuxStage, start: StartEvent) {
    this.#stage = stage
    this.#start = start
  }

  add(event: PipelineEvent & { type: 'data' }): boolean {
    if (event.bytes.length === 0) return true
    this.#data.push(event)
    const { line, layout } = this.#stage.pipeline
    const { held } = line.exchange
    if (held.hold(event.bytes)) return true
    const reason = `mux() would hold more than the ${held.limit} bytes that it may`
    return this.#stage.pipeline.overLimit(layout.place, reason)
  }

  release(): void {
    const { held } = this.#stage.pipeline.line.exchange
    for (const { bytes } of this.#data) held.release(bytes)
    this.#data = []
  }

  take(): readonly PipelineEvent[] {
    const data = this.#data
    this.release()
    const { head } = this.#start
    // another context sees it
    const start: StartEvent = { type: 'start', head: copyHead(head, false), body: null, isWhole: false }
    return [start, ...data, ...(this.end ? [this.end] : [])]
  }

  answer(event: PipelineEvent): boolean {
    const { line } = this.#stage.pipeline
    if (this.isAbandoned || line.isOver) return true
    let hasRoom = true
    line.run(() => {
      const given = event.type === 'start' ? { ...event, head: copyHead(event.head, false) } : event
      hasRoom = this.#stage.give(given)
    })
    if (event.type === 'end' || event.type === 'streamEnd') this.#stage.done(this)
    return hasRoom
  }

  unanswered(): void {
    if (!this.isAbandoned) this.#stage.done(this)
  }

  again(): void {
    if (!this.isAbandoned) this.#stage.dispatch(this)
  }

  fail(error: ProxyError): void {
    if (!this.isAbandoned) this.#stage.pipeline.line.fail(error)
  }
}
