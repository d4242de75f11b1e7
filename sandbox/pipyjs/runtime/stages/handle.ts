import type { PipelineEvent, StartEvent } from '../../events.ts'
import type { PlanPlace } from '../../plan.ts'
import type { FilterReader } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { Turnstile } from '../turnstile.ts'

/** Which events a filter is about; made anew for each stream. */
export type EventTest = () => (event: PipelineEvent) => boolean

/** Every event of one type. */
export const ofType =
  (type: PipelineEvent['type']): EventTest =>
  () =>
  (event) =>
    event.type === type

/** Every event. */
export const ofAnyType: EventTest = () => () => true

/** The first event of a stream, whatever it is. */
export const first: EventTest = () => {
  let isFirst = true
  return () => {
    const wasFirst = isFirst
    isFirst = false
    return wasFirst
  }
}

/**
 * Shows the script each event that it is about, before it goes on. A promise
 * holds that event, and all behind it, until it settles.
 */
export function handleEvents(reader: FilterReader, test: EventTest): StageMaker {
  const fn = reader.callback(0)
  return (pipeline, next) => {
    const isMeant = test()
    let count = 0
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (!isMeant(event)) return next.process(event)
      const result = pipeline.call(fn, 'nothing', [
        { type: 'event', event },
        { type: 'plain', value: count++ },
      ])
      if (result?.type === 'promise') return stage.hold(result.result, () => next.process(event))
      return result !== null && next.process(event)
    })
    return stage
  }
}

/** The hot path of {@link handleEvents}, for what nearly every script does. */
export function handleMessageStart(reader: FilterReader): StageMaker {
  const fn = reader.callback(0)
  const { place } = reader
  return (pipeline, next) => new MessageStartHandler(pipeline, next, fn, place)
}

class MessageStartHandler implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #fn: number
  readonly #place: PlanPlace
  /** Made when the script first returns a promise. */
  #gate: Turnstile | null = null

  constructor(pipeline: Pipeline, next: EventSink, fn: number, place: PlanPlace) {
    this.#pipeline = pipeline
    this.#next = next
    this.#fn = fn
    this.#place = place
  }

  process(event: PipelineEvent): boolean {
    if (this.#gate) return this.#gate.process(event)
    return event.type === 'start' ? this.#show(event) : this.#next.process(event)
  }

  resume(): void {
    if (this.#gate) this.#gate.resume()
    else this.source.resume()
  }

  #show(event: StartEvent): boolean {
    const { line, context } = this.#pipeline
    if (line.isOver) return false
    line.exchange.runtime.calls += 1
    try {
      const promise = context.callWithStart(this.#fn, event)
      if (promise) return this.#makeGate().hold(promise, () => this.#next.process(event))
    } catch (thrown) {
      return this.#pipeline.fail(thrown)
    }
    return this.#next.process(event)
  }

  #makeGate(): Turnstile {
    if (this.#gate) return this.#gate
    const gate = new Turnstile(this.#pipeline.line, this.#place, (event) =>
      event.type === 'start' ? this.#show(event) : this.#next.process(event),
    )
    gate.source = { resume: () => this.source.resume() }
    this.#gate = gate
    return gate
  }
}
