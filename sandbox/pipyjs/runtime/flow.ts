import type { PipelineEvent } from '../events.ts'

/** Whoever gives events, and stops while the taker is full. */
export interface EventSource {
  /** The taker that answered false has room again. Harmless at any time. */
  resume(): void
}

/** Whoever takes events, in order. */
export interface EventSink {
  /** Told when there is room again. Set by whoever gives the events. */
  source: EventSource
  /**
   * Takes an event. False means full: the giver then stops until
   * {@link EventSource.resume}. What was under way already is taken all the same.
   */
  process(event: PipelineEvent): boolean
}

/** One filter of a pipeline at work: it takes events, and gives events to the stage behind it. */
export interface Stage extends EventSink, EventSource {}

/** Stands where nobody need be told. */
export const noSource: EventSource = { resume() {} }
