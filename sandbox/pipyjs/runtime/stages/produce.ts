import type { PipelineEvent } from '../../events.ts'
import type { CallbackResult } from '../../guest-session.ts'
import type { FilterReader, Replacement } from '../arguments.ts'
import { emitAll } from '../emit.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { Drain } from './discard.ts'

/** How often a function is asked before others get their turn. */
const burst = 32

/**
 * Gives, from the first event on, what the script makes: a constant once, a
 * function again and again until it gives a StreamEnd, or nothing. No faster
 * than there is room. What comes in is dropped.
 */
export function produce(reader: FilterReader): StageMaker {
  const replacement = reader.replacement(0)
  if (replacement.fn === null) throw reader.fault('it takes events, or a function that gives them')
  const source = { ...replacement, fn: replacement.fn }
  return (pipeline, next) => new ProduceStage(pipeline, next, source, reader)
}

class ProduceStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #made: Replacement & { readonly fn: number }
  readonly #reader: FilterReader
  readonly #drain: Drain
  #stand: 'fresh' | 'running' | 'full' | 'waiting' | 'over' = 'fresh'

  constructor(
    pipeline: Pipeline,
    next: EventSink,
    made: Replacement & { readonly fn: number },
    reader: FilterReader,
  ) {
    this.#pipeline = pipeline
    this.#next = next
    this.#made = made
    this.#reader = reader
    this.#drain = new Drain(pipeline.line)
  }

  process(event: PipelineEvent): boolean {
    this.#drain.process(event)
    if (this.#stand === 'fresh') {
      this.#pipeline.line.expect()
      this.#run()
    }
    return true
  }

  resume(): void {
    if (this.#stand === 'full') this.#run()
  }

  #run(): void {
    const { line } = this.#pipeline
    this.#stand = 'running'
    for (let asked = 0; asked < burst; asked++) {
      const result = this.#pipeline.call(this.#made.fn, 'events', [])
      if (result === null) return
      if (result.type === 'promise') {
        this.#await(result.result)
        return
      }
      this.#take(result)
      // reading it anew: what was given may have come back with room, or with an end
      if (!this.#isRunning()) return
    }
    this.#stand = 'waiting'
    line.exchange.runtime.host.tools.clock.after(1, () => line.run(() => this.#run()))
  }

  #isRunning(): boolean {
    return this.#stand === 'running'
  }

  #await(promise: Promise<CallbackResult>): void {
    this.#stand = 'waiting'
    const wait = this.#pipeline.line.wait(this.#reader.place)
    promise.then(
      (result) =>
        wait.end(() => {
          this.#stand = 'running'
          this.#take(result)
          if (this.#isRunning()) this.#run()
        }),
      (thrown: unknown) => this.#pipeline.fail(thrown),
    )
  }

  #take(result: CallbackResult): void {
    if (this.#pipeline.line.isOver) {
      this.#stand = 'over'
      return
    }
    const events = result.type === 'events' ? result.events : []
    const isLast = !this.#made.isFunction || events.length === 0 || events.at(-1)?.type === 'streamEnd'
    // before it is given, because that may bring a resume
    this.#stand = isLast ? 'over' : 'full'
    const hasRoom = emitAll(this.#next, events)
    if (isLast) this.#pipeline.line.settle()
    else if (hasRoom && this.#stand === 'full') this.#stand = 'running'
  }
}
