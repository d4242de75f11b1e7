import type { Body } from '../../../../chains/body.ts'
import type { MessageHead, PipelineEvent } from '../../events.ts'
import { failureOf } from '../failures.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { PushBody } from '../push-body.ts'

/** What is done with each message; the body flows when it is opened. Says whether there is room behind. */
export type MessageUser = (
  head: MessageHead,
  body: Body | null,
  next: EventSink,
  pipeline: Pipeline,
) => boolean

/** A stage that gets each message as one, also when it comes in pieces. What is outside of messages passes. */
export function perMessage(use: MessageUser): StageMaker {
  return (pipeline, next) => new MessageStage(pipeline, next, use)
}

class MessageStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #use: MessageUser
  #push: PushBody | null = null

  constructor(pipeline: Pipeline, next: EventSink, use: MessageUser) {
    this.#pipeline = pipeline
    this.#next = next
    this.#use = use
  }

  process(event: PipelineEvent): boolean {
    if (event.type === 'start') {
      const { head, body, isWhole, length = null } = event
      if (isWhole || length === 0) return this.#use(head, body, this.#next, this.#pipeline)
      this.#push = new PushBody({ resume: () => this.source.resume() }, length)
      // the body says itself when it has room
      this.#use(head, this.#push.body, this.#next, this.#pipeline)
      return true
    }
    const push = this.#push
    if (event.type === 'data') return push ? push.write(event.bytes) : this.#next.process(event)
    this.#push = null
    if (event.type === 'end') push?.end(event.trailers)
    else if (push) push.fail(failureOf(event))
    else return this.#next.process(event)
    return true
  }

  resume(): void {
    this.source.resume()
  }
}
