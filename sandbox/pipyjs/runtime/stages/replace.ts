import type { PipelineEvent, StartEvent } from '../../events.ts'
import type { CallbackArgument, CallbackResult } from '../../guest-session.ts'
import type { FilterReader, Replacement } from '../arguments.ts'
import { emitAll } from '../emit.ts'
import type { EventSink } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { Turnstile } from '../turnstile.ts'
import type { EventTest } from './handle.ts'

/** Puts what the script gives in place of each event that it is about: events, messages, or nothing. */
export function replaceEvents(reader: FilterReader, test: EventTest): StageMaker {
  const replacement = reader.replacement(0)
  return (pipeline, next) => {
    const isMeant = test()
    let count = 0
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (!isMeant(event)) return next.process(event)
      const args = [
        { type: 'event', event },
        { type: 'plain', value: count++ },
      ] as const
      return putIn(pipeline, stage, next, replacement, args, event)
    })
    return stage
  }
}

/** Gives `next` what stands in for `replaced`; holds what comes while the script has only promised it. */
export function putIn(
  pipeline: Pipeline,
  stage: Turnstile,
  next: EventSink,
  replacement: Replacement,
  args: readonly CallbackArgument[],
  replaced: PipelineEvent | null = null,
): boolean {
  if (replacement.fn === null) return true
  const result = pipeline.call(replacement.fn, 'events', replacement.isFunction ? args : [])
  if (result === null) return false
  const give = (value: CallbackResult) =>
    value.type === 'events' ? emitAll(next, likeReplaced(value.events, replaced)) : true
  return result.type === 'promise' ? stage.hold(result.result, give) : give(result)
}

/** A message start in place of another announces the same data: what is known of that stays known. */
function likeReplaced(
  events: readonly PipelineEvent[],
  replaced: PipelineEvent | null,
): readonly PipelineEvent[] {
  const [start] = events
  if (events.length !== 1 || start?.type !== 'start' || replaced?.type !== 'start') return events
  if (start.isWhole) return events
  const { length, isLate = false } = replaced
  const made: StartEvent = { type: 'start', head: start.head, body: null, isWhole: false, isLate }
  return [length === undefined ? made : { ...made, length }]
}
