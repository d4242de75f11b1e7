import type { Context } from '../../chains/context.ts'
import type { PipelineEvent, StartEvent } from './events.ts'
import type { Plan } from './plan.ts'

/** A message with its whole body, as callbacks of `handleMessage` and its like get it. */
export interface WholeMessage {
  readonly start: StartEvent
  readonly bytes: Uint8Array
  readonly end: {
    readonly trailers: import('../../chains/headers.ts').HeaderList | null
    readonly payload: string | null
  } | null
}

/** What is handed to a callback. */
export type CallbackArgument =
  | { readonly type: 'event'; readonly event: PipelineEvent }
  | { readonly type: 'message'; readonly message: WholeMessage }
  | { readonly type: 'head'; readonly start: StartEvent }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'plain'; readonly value: undefined | null | boolean | number | string }
  /** A value of the guest by its handle, such as an element of `fork`'s array. */
  | { readonly type: 'handle'; readonly handle: number }
  /** The inbound connection, as `__inbound` has it. */
  | { readonly type: 'inbound' }

/** How a callback's result is to be read: only its truth, as events, or as a value. */
export type Expectation = 'nothing' | 'truth' | 'events' | 'value'

/** What a callback gave. */
export type CallbackResult =
  | { readonly type: 'none' }
  | { readonly type: 'events'; readonly events: readonly PipelineEvent[] }
  | { readonly type: 'plain'; readonly value: boolean | number | string }
  /** An array: each element kept in the guest under a handle, until the context is closed. */
  | { readonly type: 'array'; readonly handles: readonly number[] }
  /** Any other object: `key` is the same number for the same object, `json` what it is made of when it is plain data. */
  | { readonly type: 'object'; readonly key: number; readonly json: unknown }
  /** Settles when the guest's promise does; rejects with a `PluginError`. */
  | { readonly type: 'promise'; readonly result: Promise<CallbackResult> }

/**
 * The guest of one PipyJS plugin, as the runtime that runs its plan sees it. One instance of the
 * engine; when that dies, so does the session, and its exchanges with it.
 *
 * Methods that enter the guest throw `PluginError`.
 */
export interface GuestSession extends Disposable {
  readonly plan: Plan
  readonly isDead: boolean
  readonly memoryBytes: number
  /** A new context, for an exchange or (with `parent`) cloned from another. The same `cx` may have many. */
  open(cx: Context, parent: GuestContext | null): GuestContext
}

/** One context of the script: its variables, and the exchange it is about. */
export interface GuestContext {
  readonly id: number
  /** The exchange whose variables `__service` and its like are; a clone has its own copy. */
  readonly cx: Context
  /** The contexts that share an origin with this one, by a number. */
  readonly family: number
  /** Calls a guest function in this context. */
  call(fn: number, expected: Expectation, args: readonly CallbackArgument[]): CallbackResult
  /** Hot path: a callback of a message's start whose result is of no interest unless it is a promise; null is none. */
  callWithStart(fn: number, start: StartEvent): Promise<CallbackResult> | null
  /** Calls `listener` after anything ran in the family of this context (for `wait`). The result ends it. */
  onActivity(listener: () => void): () => void
  /** Forgets the context. Heads and data that the script still holds stay readable. */
  close(): void
}
