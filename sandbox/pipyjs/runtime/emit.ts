import { Body } from '../../../chains/body.ts'
import type { DataEvent, PipelineEvent, StartEvent } from '../events.ts'
import type { EventSink } from './flow.ts'

/** A message that is given as a whole: where it ends in the list, and its bytes. */
interface WholeMessage {
  readonly end: number
  readonly chunks: readonly Uint8Array[]
}

/**
 * Gives a sink events that are there already. A message that is there from
 * beginning to end goes as one, so that its length is known. Says whether there is room.
 */
export function emitAll(sink: EventSink, events: readonly PipelineEvent[]): boolean {
  let hasRoom = true
  for (let at = 0; at < events.length; at++) {
    const event = events[at] as PipelineEvent
    const whole = event.type === 'start' && !event.isWhole ? wholeMessage(events, at) : null
    if (whole) {
      hasRoom = sink.process(joined(event as StartEvent, whole.chunks))
      at = whole.end
    } else hasRoom = sink.process(event)
  }
  return hasRoom
}

/** The same message in one event. */
export function joined(start: StartEvent, chunks: readonly Uint8Array[]): StartEvent {
  const bytes = chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)
  const body = bytes.length > 0 ? Body.of(bytes) : null
  return { type: 'start', head: start.head, body, isWhole: true }
}

/** Null when the message does not end in the list, or its end says something that has to be passed on. */
function wholeMessage(events: readonly PipelineEvent[], start: number): WholeMessage | null {
  for (let at = start + 1; at < events.length; at++) {
    const event = events[at] as PipelineEvent
    if (event.type === 'data') continue
    if (event.type !== 'end' || event.trailers !== null || event.payload !== null) return null
    const data = events.slice(start + 1, at) as DataEvent[]
    return { end: at, chunks: data.map(({ bytes }) => bytes) }
  }
  return null
}
