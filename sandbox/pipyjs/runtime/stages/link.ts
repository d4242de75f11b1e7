import type { PipelineEvent } from '../../events.ts'
import type { CallbackResult } from '../../guest-session.ts'
import type { FilterReader } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'

/** Finds a pipeline of the script by its name. */
export type PipelineFinder = (name: string) => PipelineLayout | undefined

/** Sends a stream into another pipeline of the script, by its name or by a function that gives one. */
export function link(reader: FilterReader, find: PipelineFinder): StageMaker {
  const { layouts } = reader
  if (layouts.length > 0) {
    const layout = reader.layout()
    reader.atMost(0)
    return (pipeline, next) => new LinkStage(pipeline, next, () => layout)
  }
  reader.atMost(1)
  const fn = reader.callback(0)
  return (pipeline, next) =>
    new LinkStage(pipeline, next, () => {
      const result = pipeline.call(fn, 'value', [])
      if (result === null || result.type === 'none') return null
      const name = nameIn(result)
      const layout = name === null ? undefined : find(name)
      if (layout) return layout
      pipeline.fail(unknownPipeline(pipeline, reader, name))
      return null
    })
}

class LinkStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #choose: () => PipelineLayout | null
  #inlet: EventSink | null = null

  constructor(pipeline: Pipeline, next: EventSink, choose: () => PipelineLayout | null) {
    this.#pipeline = pipeline
    this.#next = next
    this.#choose = choose
  }

  process(event: PipelineEvent): boolean {
    if (this.#inlet) return this.#inlet.process(event)
    const layout = this.#choose()
    // nobody to take the event: it is dropped, and the next one asks again
    if (!layout) return !this.#pipeline.line.isOver
    this.#inlet = this.#pipeline.beginWithin(layout, this.#next)
    if (!this.#inlet) return false
    this.#inlet.source = this
    return this.#inlet.process(event)
  }

  resume(): void {
    this.source.resume()
  }
}

function nameIn(result: CallbackResult): string | null {
  return result.type === 'plain' && typeof result.value === 'string' ? result.value : null
}

function unknownPipeline(pipeline: Pipeline, reader: FilterReader, name: string | null): Error {
  const { runtime } = pipeline.line.exchange
  const reason =
    name === null ? 'link() was not given the name of a pipeline' : `there is no pipeline ${name}`
  return runtime.error('exception', reader.place, reason, pipeline.line.cx)
}
