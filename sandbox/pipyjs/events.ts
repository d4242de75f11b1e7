import type { Body } from '../../chains/body.ts'
import type { HeaderList } from '../../chains/headers.ts'

/**
 * The head of a message while it is in a pipeline: what the guest sees as `head` is a view of this,
 * and its edits land here. Belongs to one exchange; `id` is its number in the guest, 0 before it was there.
 */
export interface MessageHead {
  readonly kind: 'request' | 'response'
  id: number
  /** `HTTP/1.1` and so on. */
  protocol: string
  method: string
  path: string
  status: number
  statusText: string
  scheme: string
  authority: string
  headers: HeaderList
  /** Properties of a head that HTTP has no place for, as JSON text by name; null when there are none. */
  extra: Map<string, string> | null
}

/** A message begins. With `body`, everything up to its MessageEnd is in there, and nothing of it follows as events. */
export interface StartEvent {
  readonly type: 'start'
  readonly head: MessageHead
  readonly body: Body | null
  /** Whether `body` says all that follows, also when it is null (an empty message). False: data and end events follow. */
  readonly isWhole: boolean
  /** When not whole: how many bytes of data follow, if that is known. The guest never sees it, and need not give it. */
  readonly length?: number
  /** When not whole: the head may still be edited until the message ends. As with `length`. */
  readonly isLate?: boolean
}

/** Bytes; they must not change any more. Empty is a flush marker. */
export interface DataEvent {
  readonly type: 'data'
  readonly bytes: Uint8Array
}

/** A message ends. */
export interface EndEvent {
  readonly type: 'end'
  readonly trailers: HeaderList | null
  /** Whatever a script gave as `payload`, as JSON text; null for none. */
  readonly payload: string | null
}

/** A stream ends. */
export interface StreamEndEvent {
  readonly type: 'streamEnd'
  /** Null for an orderly end; else one of {@link streamErrors}, or `RuntimeError`. */
  readonly error: string | null
  /** What a script gave as the error when it is none of the names; as text. */
  readonly detail: string
}

/** What flows through a pipeline. */
export type PipelineEvent = StartEvent | DataEvent | EndEvent | StreamEndEvent

/** The names of stream errors (PipyJS `StreamEnd`). */
export const streamErrors = [
  'Replay',
  'RuntimeError',
  'ReadError',
  'WriteError',
  'CannotResolve',
  'ConnectionAborted',
  'ConnectionReset',
  'ConnectionRefused',
  'ConnectionTimeout',
  'ReadTimeout',
  'WriteTimeout',
  'IdleTimeout',
  'BufferOverflow',
  'ProtocolError',
  'Unauthorized',
] as const
