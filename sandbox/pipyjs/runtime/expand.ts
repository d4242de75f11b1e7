import type { Body, BodySink } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'
import type { PipelineEvent, StartEvent } from '../events.ts'
import { endOf } from './failures.ts'
import { type EventSink, type EventSource, noSource, type Stage } from './flow.ts'
import type { Line } from './line.ts'

/** A stage that gets whole messages taken apart, as one stage. */
export function takenApart(line: Line, inner: Stage): Stage {
  const expand = new Expand(line, inner, false)
  const outer: Stage = {
    source: noSource,
    process: (event) => expand.process(event),
    // what is behind has room for what the inner stage gives, and knows nothing of the one in front
    resume: () => inner.resume(),
  }
  expand.source = { resume: () => outer.source.resume() }
  inner.source = expand
  return outer
}

/**
 * Takes whole messages apart, for stages that want to see data and ends. The
 * body flows no faster than there is room behind it.
 */
export class Expand implements Stage, BodySink {
  source: EventSource = noSource
  readonly #line: Line
  readonly #next: EventSink
  readonly #keepsEmpty: boolean
  /** The body that flows, or is to flow when there is room. */
  #body: Body | null = null
  #queue: PipelineEvent[] | null = null
  #isWatched = false

  /** With `keepsEmpty` a message without a body stays whole. */
  constructor(line: Line, next: EventSink, keepsEmpty: boolean) {
    this.#line = line
    this.#next = next
    this.#keepsEmpty = keepsEmpty
  }

  process(event: PipelineEvent): boolean {
    if (this.#body) {
      this.#queue ??= []
      this.#queue.push(event)
      return false
    }
    return event.type === 'start' && event.isWhole ? this.#expand(event) : this.#next.process(event)
  }

  resume(): void {
    const body = this.#body
    if (!body) this.#drain()
    else if (body.isTaken) body.resume()
    else body.open(this)
  }

  write(bytes: Uint8Array): boolean {
    let hasRoom = false
    this.#line.run(() => {
      // the source may use its bytes again, and events keep theirs
      hasRoom = this.#next.process({ type: 'data', bytes: new Uint8Array(bytes) })
    })
    return hasRoom
  }

  end(trailers: HeaderList | null): void {
    this.#ended({ type: 'end', trailers, payload: null })
  }

  fail(error: ProxyError): void {
    this.#ended(endOf(error))
  }

  #expand(event: StartEvent): boolean {
    const { head, body, isLate = false } = event
    if (!body) {
      if (this.#keepsEmpty) return this.#next.process(event)
      this.#next.process({ type: 'start', head, body: null, isWhole: false, length: 0, isLate })
      return this.#next.process({ type: 'end', trailers: null, payload: null })
    }
    const start = { type: 'start', head, body: null, isWhole: false, isLate } as const
    this.#body = body
    this.#line.expect()
    this.#watch()
    const hasRoom = this.#next.process(body.length === null ? start : { ...start, length: body.length })
    if (hasRoom && !body.isTaken && !this.#line.isOver) body.open(this)
    return this.#body === null
  }

  #ended(event: PipelineEvent): void {
    if (!this.#body) return
    this.#body = null
    this.#line.run(() => {
      if (this.#next.process(event)) this.#drain()
    })
    this.#line.settle()
  }

  #drain(): void {
    while (this.#queue?.length && !this.#body) {
      if (!this.process(this.#queue.shift() as PipelineEvent)) return
    }
    if (!this.#body) this.source.resume()
  }

  #watch(): void {
    if (this.#isWatched) return
    this.#isWatched = true
    this.#line.onEnd((reason) => {
      const body = this.#body
      this.#body = null
      body?.cancel(reason ?? new ProxyError('CLIENT_GONE', 'nobody waits for the rest'))
    })
  }
}
