import { Context } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { PipelineEvent, StreamEndEvent } from '../../events.ts'
import type { CallbackArgument } from '../../guest-session.ts'
import { finishDerived } from '../contexts.ts'
import { emitAll } from '../emit.ts'
import { Exchange } from '../exchange.ts'
import { Expand } from '../expand.ts'
import { endOf } from '../failures.ts'
import { type EventSink, type EventSource, noSource } from '../flow.ts'
import { Line, type LineOwner } from '../line.ts'
import type { Pipeline, PipelineLayout } from '../pipeline.ts'
import type { MuxPool, Pooled } from './mux-pool.ts'
import type { MuxSettings } from './mux-settings.ts'

/** One message on its way through a shared pipeline. */
export interface MuxTicket {
  /** Whether nobody waits for the answer any more. */
  readonly isAbandoned: boolean
  /** The message; asked for once, when it goes. */
  take(): readonly PipelineEvent[]
  /** A part of the answer, or the end of the stream in its place. Says whether there is room for more. */
  answer(event: PipelineEvent): boolean
  /** There will be no answer. */
  unanswered(): void
  /** It has not gone, and its pipeline is over: it must find another. */
  again(): void
  /** The shared pipeline failed. */
  fail(error: ProxyError): void
}

/** What a shared pipeline begins with. */
export interface MuxSessionOptions {
  /** That of the exchange it is begun for; its context is the one that is cloned. */
  readonly parent: Pipeline
  readonly layout: PipelineLayout
  readonly key: unknown
  readonly startArguments: readonly CallbackArgument[]
  readonly settings: MuxSettings
  readonly pool: MuxPool<MuxSession>
}

/**
 * A pipeline that several exchanges share: their messages go into it one after
 * the other, and the messages that come out are the answers in that order. It
 * is a line of its own, which outlives the exchange it was begun for, and ends
 * when it has had nothing to do for as long as its settings say.
 */
export class MuxSession implements LineOwner, EventSink, Pooled {
  source: EventSource = noSource
  readonly key: unknown
  readonly line: Line
  readonly #pool: MuxPool<MuxSession>
  readonly #settings: MuxSettings
  /** Those that have not gone. */
  #queue: MuxTicket[] = []
  /** Those that wait for an answer, in order. */
  #sent: MuxTicket[] = []
  #inlet: EventSink | null = null
  /** How many messages it was given. */
  #given = 0
  /** Whether the answer of the first has begun. */
  #hasBegun = false
  /** Whether the pipeline takes nothing at the moment. */
  #isFull = false
  /** Whether the pipeline was told to stop. */
  #isStopped = false
  #stopTimer: (() => void) | null = null
  #failure: ProxyError | null = null
  #isOver = false

  constructor({ parent, layout, key, startArguments, settings, pool }: MuxSessionOptions) {
    this.key = key
    this.#pool = pool
    this.#settings = settings
    const { exchange, cx } = parent.line
    const own = new Exchange(exchange.runtime, exchange.rest)
    this.line = new Line(own, detached(cx), this)
    this.line.onEnd((reason) => this.#ended(reason))
    pool.add(this)
    const context = own.openIn(this.line, parent.context)
    if (!context) return
    const outlet = new Expand(this.line, this, false)
    this.source = outlet
    this.line.run(() => {
      this.#inlet = parent.beginWithin(layout, outlet, { line: this.line, context, startArguments })
    })
    if (this.#inlet) this.#inlet.source = { resume: () => this.#hasRoom() }
    else this.line.end(null)
  }

  /** Whether it takes no message any more. */
  get isOver(): boolean {
    return this.#isOver || this.line.isOver
  }

  takesFor({ maxQueue, maxMessages }: MuxSettings): boolean {
    return !this.isOver && this.#queue.length + this.#sent.length < maxQueue && this.#given < maxMessages
  }

  /** Takes a message. It goes when those before it leave room. */
  send(ticket: MuxTicket): void {
    this.#stopTimer?.()
    this.#stopTimer = null
    this.#pool.busy(this)
    this.#given += 1
    if (this.isOver) {
      ticket.fail(this.#failure ?? new ProxyError('PLUGIN_THREW', 'the pipeline of a mux() did not begin'))
      return
    }
    this.#queue.push(ticket)
    this.#flush()
  }

  /** Whoever gets the answer has room for more of it. */
  resume(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.line.run(() => this.source.resume())
    this.#look()
  }

  /** Nobody waits for the answer to a message. When nobody waits for any, it is over. */
  abandoned(): void {
    this.#queue = this.#queue.filter(({ isAbandoned }) => !isAbandoned)
    if (this.#sent.length > 0 && this.#sent.every(({ isAbandoned }) => isAbandoned)) this.#over(null)
    else if (this.#sent[0]?.isAbandoned) this.resume()
  }

  close(): void {
    this.line.run(() => this.#inlet?.process({ type: 'streamEnd', error: null, detail: '' }))
    this.#over(null)
  }

  process(event: PipelineEvent): boolean {
    const [first] = this.#sent
    if (event.type === 'streamEnd') this.#over(event)
    // what nobody has asked for
    if (!first || event.type === 'streamEnd') return true
    if (event.type === 'start') {
      if (this.#hasBegun) return true
      this.#hasBegun = true
    } else if (!this.#hasBegun) return true
    if (event.type === 'end') return this.#finish(first, event)
    const hasRoom = first.answer(event)
    this.#isStopped = !hasRoom
    return hasRoom
  }

  failed(error: ProxyError): void {
    this.#failure = error
    for (const ticket of this.#taken()) ticket.fail(error)
  }

  idle(): void {
    this.#look()
  }

  #finish(first: MuxTicket, end: PipelineEvent): true {
    this.#sent.shift()
    this.#hasBegun = false
    first.answer(end)
    this.#flush()
    // whether there is room is now for somebody else to say
    return true
  }

  #hasRoom(): void {
    this.#isFull = false
    this.#flush()
  }

  #flush(): void {
    const { line } = this
    while (this.#queue.length > 0 && !this.isOver && !this.#isFull) {
      if (this.#sent.length >= this.#settings.maxQueue) return
      const ticket = this.#queue.shift() as MuxTicket
      this.#sent.push(ticket)
      line.expect()
      line.run(() => {
        this.#isFull = this.#inlet ? !emitAll(this.#inlet, ticket.take()) : false
      })
      line.settle()
    }
    if (this.#queue.length === 0 && this.#sent.length === 0) this.#rest()
  }

  #rest(): void {
    const { line } = this
    if (this.isOver || this.#stopTimer) return
    if (this.#given >= this.#settings.maxMessages) {
      // later: it is giving the end of its last answer just now
      queueMicrotask(() => this.close())
      return
    }
    const { clock } = line.exchange.runtime.host.tools
    this.#stopTimer = clock.after(this.#settings.maxIdleMs, () => this.close())
    this.#pool.rest(this)
  }

  /** Gives up what nothing will answer. */
  #look(): void {
    if (!this.line.isIdle || this.#isStopped || this.#isFull || this.isOver) return
    const sent = this.#sent
    if (sent.length === 0) return
    this.#sent = []
    const hasBegun = this.#hasBegun
    this.#hasBegun = false
    sent.forEach((ticket, at) => {
      if (at === 0 && hasBegun) ticket.answer({ type: 'end', trailers: null, payload: null })
      else ticket.unanswered()
    })
    this.#flush()
  }

  #over(end: StreamEndEvent | null): void {
    if (this.isOver) return
    this.#isOver = true
    this.#pool.remove(this)
    const hasBegun = this.#hasBegun
    const [sent, queue] = [this.#sent, this.#queue]
    this.#sent = []
    this.#queue = []
    const given = end ?? endOf(new ProxyError('CLIENT_GONE', 'its connection was closed'))
    const isCutShort = hasBegun && given.error === null
    sent.forEach((ticket, at) => {
      ticket.answer(at === 0 && isCutShort ? cutShort() : given)
    })
    for (const ticket of queue) ticket.again()
    // later: its stages may be giving the end just now
    queueMicrotask(() => this.line.end(null))
  }

  #taken(): MuxTicket[] {
    const all = [...this.#sent, ...this.#queue]
    this.#sent = []
    this.#queue = []
    return all
  }

  #ended(reason: ProxyError | null): void {
    this.#stopTimer?.()
    this.#stopTimer = null
    this.#pool.remove(this)
    const { runtime } = this.line.exchange
    finishDerived(this.line.cx, reason, runtime.host.tools.clock.now())
  }
}

/** A context like that one, which does not end with it. */
const detached = ({ id, peer, vars, log, startedAt }: Context): Context =>
  new Context({ id, peer, vars: { ...vars }, log, startedAt })

/** The end of a stream in the middle of an answer, which is not whole then. */
const cutShort = (): StreamEndEvent =>
  endOf(new ProxyError('UPSTREAM_TRUNCATED', 'the stream of a mux() ended in the middle of an answer'))
