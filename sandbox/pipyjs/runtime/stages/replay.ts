import type { PipelineEvent } from '../../events.ts'
import { type Dynamic, durationForm, type FilterReader, milliseconds } from '../arguments.ts'
import { emitAll } from '../emit.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import { copyHead } from '../heads.ts'
import { Line, type LineOwner } from '../line.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'

/** What a script said of a replay. */
interface ReplayOptions {
  readonly layout: PipelineLayout
  readonly delay: Dynamic<number> | null
}

/**
 * Sends a stream into a pipeline, and once more into a fresh one each time that
 * it gives a StreamEnd `Replay`, after a delay. All of the input is kept, as far
 * as the policy allows; replaying may go on for as long as an exchange may pause.
 * Each time the heads are as they came.
 */
export function replay(reader: FilterReader): StageMaker {
  const layout = reader.layout()
  const delay = reader.options(0).dynamic('delay', durationForm, milliseconds)
  return (pipeline, next) => new ReplayStage(pipeline, next, { layout, delay }, reader)
}

/** One time through the pipeline: a part of the line, which can end before it. */
class Attempt implements LineOwner, EventSink {
  source: EventSource = noSource
  readonly line: Line
  readonly #stage: ReplayStage
  inlet: EventSink | null = null

  constructor(parent: Line, stage: ReplayStage) {
    this.#stage = stage
    this.line = new Line(parent.exchange, parent.cx, this, parent)
  }

  process(event: PipelineEvent): boolean {
    if (this.line.isOver) return true
    const isReplay = event.type === 'streamEnd' && event.error === 'Replay'
    return isReplay ? this.#stage.again(this) : this.#stage.give(event)
  }

  // its failures are its parent's
  failed(): void {}

  idle(): void {}
}

class ReplayStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #options: ReplayOptions
  readonly #reader: FilterReader
  readonly #recorded: PipelineEvent[] = []
  #attempt: Attempt | null = null
  /** When the first replay was asked for. */
  #since: number | null = null

  constructor(pipeline: Pipeline, next: EventSink, options: ReplayOptions, reader: FilterReader) {
    this.#pipeline = pipeline
    this.#next = next
    this.#options = options
    this.#reader = reader
  }

  process(event: PipelineEvent): boolean {
    const isFirst = this.#recorded.length === 0
    if (!this.#record(event)) return false
    if (isFirst) this.#begin()
    const hasRoom = this.#attempt?.inlet?.process(forAttempt(event)) ?? true
    // while it waits for its next time, what comes is only recorded
    return hasRoom || (this.#attempt === null && !this.#pipeline.line.isOver)
  }

  /** From the stage behind: what this stage gives came from the attempt under way. */
  resume(): void {
    this.#attempt?.source.resume()
  }

  /** From an attempt: what it gives, but for a replay. */
  give(event: PipelineEvent): boolean {
    return this.#next.process(event)
  }

  /** From an attempt: it wants another. */
  again(attempt: Attempt): boolean {
    const { line } = this.#pipeline
    const { runtime } = line.exchange
    const { clock } = runtime.host.tools
    this.#attempt = null
    line.expect()
    attempt.line.end(null)
    const now = clock.now()
    this.#since ??= now
    const { pauseMs } = runtime.spec.policy.limits
    const delayMs = this.#delayMs()
    if (delayMs !== null && now + delayMs - this.#since >= pauseMs) {
      const reason = `replay() would keep the exchange for over ${pauseMs} ms`
      line.fail(runtime.error('pause', this.#reader.place, reason, line.cx))
    }
    if (delayMs === null || line.isOver) {
      line.settle()
      return false
    }
    const wait = line.wait(this.#reader.place, false)
    const stop = clock.after(delayMs, () => wait.end(() => this.#replay()))
    line.onEnd(stop)
    line.settle()
    return false
  }

  #replay(): void {
    this.#begin()
    const inlet = this.#attempt?.inlet
    if (inlet && emitAll(inlet, this.#recorded.map(forAttempt))) this.source.resume()
  }

  #begin(): void {
    const attempt = new Attempt(this.#pipeline.line, this)
    this.#attempt = attempt
    const inlet = this.#pipeline.beginWithin(this.#options.layout, attempt, { line: attempt.line })
    if (!inlet || attempt.line.isOver) return
    inlet.source = { resume: () => this.source.resume() }
    attempt.inlet = inlet
  }

  #record(event: PipelineEvent): boolean {
    const { held } = this.#pipeline.line.exchange
    this.#recorded.push(event.type === 'start' ? { ...event, head: copyHead(event.head, true) } : event)
    if (event.type !== 'data' || held.hold(event.bytes)) return true
    const reason = `replay() would record more than the ${held.limit} bytes that may be held`
    return this.#pipeline.overLimit(this.#reader.place, reason)
  }

  /** Null when the script failed to say. */
  #delayMs(): number | null {
    const { delay } = this.#options
    if (delay === null) return 0
    if ('value' in delay) return delay.value
    const result = this.#pipeline.call(delay.fn, 'value', [])
    if (result === null) return null
    if (result.type === 'none') return 0
    const ms = result.type === 'plain' ? milliseconds(result.value) : null
    if (ms !== null) return ms
    const { runtime } = this.#pipeline.line.exchange
    const reason = `the delay of replay() must be ${durationForm}`
    this.#pipeline.fail(runtime.error('exception', this.#reader.place, reason, this.#pipeline.line.cx))
    return null
  }
}

/** Each attempt has the head to itself. */
function forAttempt(event: PipelineEvent): PipelineEvent {
  return event.type === 'start' ? { ...event, head: copyHead(event.head, true) } : event
}
