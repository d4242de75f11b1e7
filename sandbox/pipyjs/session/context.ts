import type { Context } from '../../../chains/context.ts'
import type { StartEvent } from '../events.ts'
import type { CallbackArgument, CallbackResult, Expectation, GuestContext } from '../guest-session.ts'
import type { CallingContext } from './calling.ts'
import type { Family } from './family.ts'

/** What a context needs of its session. */
export interface ContextCalls {
  call(
    context: SessionContext,
    fn: number,
    expected: Expectation,
    args: readonly CallbackArgument[],
  ): CallbackResult
  callWithStart(context: SessionContext, fn: number, start: StartEvent): Promise<CallbackResult> | null
  close(context: SessionContext): void
}

/** One context of a script, on this side of the wall. */
export class SessionContext implements GuestContext, CallingContext {
  readonly id: number
  readonly cx: Context
  readonly relatives: Family
  heads: CallingContext['heads'] = null
  assigned: CallingContext['assigned'] = null
  /** Whether the guest has it too: it does from the first call on that needed it there. */
  isEntered = false
  #isClosed = false
  readonly #calls: ContextCalls

  constructor(calls: ContextCalls, id: number, cx: Context, relatives: Family) {
    this.#calls = calls
    this.id = id
    this.cx = cx
    this.relatives = relatives
  }

  get family(): number {
    return this.relatives.id
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  call(fn: number, expected: Expectation, args: readonly CallbackArgument[]): CallbackResult {
    return this.#calls.call(this, fn, expected, args)
  }

  callWithStart(fn: number, start: StartEvent): Promise<CallbackResult> | null {
    return this.#calls.callWithStart(this, fn, start)
  }

  onActivity(listener: () => void): () => void {
    return this.relatives.listen(listener)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#calls.close(this)
  }
}
