import type { PipelineEvent } from '../../events.ts'
import type { EventSink } from '../flow.ts'
import type { HeldBytes } from '../held-bytes.ts'

/** What a sink that is full has not been given yet. It has no bound of its own: {@link bytes} is for its owner to watch. */
export class Backlog {
  readonly #sink: EventSink
  readonly #held: HeldBytes
  #events: PipelineEvent[] = []
  #bytes = 0
  #isFull = false

  constructor(sink: EventSink, held: HeldBytes) {
    this.#sink = sink
    this.#held = held
  }

  /** Whether the sink takes nothing at the moment. */
  get isFull(): boolean {
    return this.#isFull
  }

  get bytes(): number {
    return this.#bytes
  }

  give(event: PipelineEvent): void {
    if (!this.#isFull) {
      this.#isFull = !this.#sink.process(event)
      return
    }
    this.#events.push(event)
    if (event.type !== 'data') return
    this.#bytes += event.bytes.length
    this.#held.hold(event.bytes)
  }

  /** The sink has room again. */
  drain(): void {
    this.#isFull = false
    while (this.#events.length > 0 && !this.#isFull) {
      const event = this.#events.shift() as PipelineEvent
      this.#forget(event)
      this.#isFull = !this.#sink.process(event)
    }
  }

  /** Lets go of what waits. */
  clear(): void {
    for (const event of this.#events) this.#forget(event)
    this.#events = []
  }

  #forget(event: PipelineEvent): void {
    if (event.type !== 'data') return
    this.#bytes -= event.bytes.length
    this.#held.release(event.bytes)
  }
}
