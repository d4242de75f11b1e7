import type { PipelineEvent } from '../../events.ts'
import type { CallbackArgument } from '../../guest-session.ts'
import type { FilterReader } from '../arguments.ts'
import { Expand } from '../expand.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { MessageCollector } from './message.ts'

/** When conditions are asked, and what they are shown. */
export type Question = 'anything' | 'start' | 'message'

interface Choice {
  readonly condition: number | boolean
  readonly layout: PipelineLayout
}

/**
 * Sends a stream into the pipeline of the first condition that holds; the
 * choice is for good. While none holds and there is no default, what comes is
 * kept, and the conditions are asked again with the next event.
 */
export function branch(reader: FilterReader, question: Question): StageMaker {
  const { count, layouts } = reader
  if (layouts.length === 0 || (layouts.length !== count && layouts.length !== count + 1)) {
    throw reader.fault('it takes conditions and pipelines in turn, and at the end a pipeline for the rest')
  }
  const choices = layouts.map((layout, index): Choice => {
    if (index >= count) return { condition: true, layout }
    return { condition: reader.function(index) ?? Boolean(reader.data(index, 'a condition')), layout }
  })
  return (pipeline, next) => new BranchStage(pipeline, next, choices, reader, question)
}

const nothing: readonly CallbackArgument[] = []

class BranchStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #choices: readonly Choice[]
  readonly #reader: FilterReader
  readonly #question: Question
  #inlet: EventSink | null = null
  #kept: PipelineEvent[] | null = null
  #collector: MessageCollector | null = null
  /** Takes the rest of a whole message apart, so that each of its events asks again. */
  #expand: Expand | null = null

  constructor(
    pipeline: Pipeline,
    next: EventSink,
    choices: readonly Choice[],
    reader: FilterReader,
    question: Question,
  ) {
    this.#pipeline = pipeline
    this.#next = next
    this.#choices = choices
    this.#reader = reader
    this.#question = question
  }

  process(event: PipelineEvent): boolean {
    if (this.#expand) return this.#expand.process(event)
    if (this.#inlet) return this.#inlet.process(event)
    const args = this.#argumentsFor(event)
    const layout = args ? this.#choose(args) : null
    if (layout === undefined) return false
    if (layout) return this.#enter(layout, event)
    if (event.type === 'start' && event.isWhole) return this.#askLater().process(event)
    return this.#keep(event)
  }

  resume(): void {
    if (this.#expand) this.#expand.resume()
    else this.source.resume()
  }

  /** What the conditions are shown of an event; null when they are not asked. */
  #argumentsFor(event: PipelineEvent): readonly CallbackArgument[] | null {
    if (this.#question === 'anything') return nothing
    if (this.#question === 'start') return event.type === 'start' ? [{ type: 'event', event }] : null
    this.#collector ??= new MessageCollector(this.#pipeline, this.#reader)
    if (event.type === 'start') this.#collector.begin(event)
    else if (event.type === 'data') this.#collector.add(event.bytes)
    else {
      const message = this.#collector.finish(event)
      return message && [{ type: 'message', message }]
    }
    return null
  }

  /** Null when no condition holds; undefined when one failed. */
  #choose(args: readonly CallbackArgument[]): PipelineLayout | null | undefined {
    for (const { condition, layout } of this.#choices) {
      if (condition === true) return layout
      if (condition === false) continue
      const result = this.#pipeline.call(condition, 'truth', args)
      if (result === null) return undefined
      if (result.type === 'plain' ? Boolean(result.value) : result.type !== 'none') return layout
    }
    return null
  }

  #enter(layout: PipelineLayout, event: PipelineEvent): boolean {
    const inlet = this.#pipeline.beginWithin(layout, this.#next)
    if (!inlet) return false
    inlet.source = this
    this.#inlet = inlet
    const { held } = this.#pipeline.line.exchange
    for (const kept of this.#kept ?? []) {
      if (kept.type === 'data') held.release(kept.bytes)
      inlet.process(kept)
    }
    this.#kept = null
    return inlet.process(event)
  }

  #keep(event: PipelineEvent): boolean {
    this.#kept ??= []
    this.#kept.push(event)
    if (event.type !== 'data') return true
    const { held } = this.#pipeline.line.exchange
    if (held.hold(event.bytes)) return true
    return this.#pipeline.overLimit(
      this.#reader.place,
      `no condition held within the ${held.limit} bytes that may be kept`,
    )
  }

  #askLater(): Expand {
    let hasBegun = false
    const asking: EventSink = {
      source: noSource,
      process: (event) => {
        if (this.#inlet) return this.#inlet.process(event)
        // the beginning has been asked about already
        if (hasBegun) return this.#ask(event)
        hasBegun = true
        return this.#keep(event)
      },
    }
    this.#expand = new Expand(this.#pipeline.line, asking, false)
    this.#expand.source = { resume: () => this.source.resume() }
    return this.#expand
  }

  #ask(event: PipelineEvent): boolean {
    const args = this.#argumentsFor(event)
    const layout = args ? this.#choose(args) : null
    if (layout === undefined) return false
    return layout ? this.#enter(layout, event) : this.#keep(event)
  }
}
