import type { PipelineEvent } from '../events.ts'
import type { CallbackResult } from '../guest-session.ts'
import type { PlanPlace } from '../plan.ts'
import { type EventSource, noSource, type Stage } from './flow.ts'
import type { Line, Wait } from './line.ts'

/**
 * A stage that lets one event through at a time: while it is held, what comes
 * waits in order, and the source is told to stop. What waits is counted
 * against what the exchange may hold.
 */
export class Turnstile implements Stage {
  source: EventSource = noSource
  readonly #line: Line
  readonly #place: PlanPlace
  readonly #work: (event: PipelineEvent) => boolean
  #queue: PipelineEvent[] | null = null
  #holds = 0

  /** `work` does with each event what the stage does, and says whether there is room behind it. */
  constructor(line: Line, place: PlanPlace, work: (event: PipelineEvent) => boolean) {
    this.#line = line
    this.#place = place
    this.#work = work
  }

  /** Whether events wait. */
  get isHeld(): boolean {
    return this.#holds > 0
  }

  process(event: PipelineEvent): boolean {
    if (this.#holds === 0 && !this.#queue?.length) return this.#work(event)
    this.#queue ??= []
    this.#queue.push(event)
    if (event.type === 'data') this.#charge(event.bytes)
    return false
  }

  resume(): void {
    if (this.#holds === 0 && this.#drain()) this.source.resume()
  }

  /** Holds what comes until the guest's promise settles; `then` goes on, and says whether there is room. */
  hold(promise: Promise<CallbackResult>, then: (result: CallbackResult) => boolean): false {
    const open = this.shut()
    promise.then(
      (result) => open(() => then(result)),
      (thrown: unknown) => this.#line.fail(thrown),
    )
    return false
  }

  /**
   * Holds what comes until the result is called, with what goes first and says
   * whether there is room. Calling it again does nothing.
   */
  shut(waitsForGuest = true): (first?: () => boolean) => void {
    const wait: Wait = this.#line.wait(this.#place, waitsForGuest)
    this.#holds += 1
    return (first = () => true) =>
      wait.end(() => {
        this.#holds -= 1
        if (first() && this.#holds === 0 && this.#drain()) this.source.resume()
      })
  }

  /** Gives on what waits, as far as there is room. True when all is given and there is room for more. */
  #drain(): boolean {
    const queue = this.#queue
    let hasRoom = true
    while (queue?.length && hasRoom && this.#holds === 0 && !this.#line.isOver) {
      const event = queue.shift() as PipelineEvent
      if (event.type === 'data') this.#line.exchange.held.release(event.bytes)
      hasRoom = this.#work(event)
    }
    return hasRoom && this.#holds === 0
  }

  #charge(bytes: Uint8Array): void {
    const { held, runtime } = this.#line.exchange
    if (held.hold(bytes)) return
    const reason = `more than the ${held.limit} bytes that may be held wait for it`
    this.#line.fail(runtime.error('limit', this.#place, reason, this.#line.cx))
  }
}
