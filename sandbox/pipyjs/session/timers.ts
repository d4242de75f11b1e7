import type { Clock } from '../../../chains/tools.ts'
import { type HostFunction, HostRefusal } from '../../quickjs/contract.ts'
import type { Calling, CallingContext } from './calling.ts'
import { Turns } from './turns.ts'

/** Timers that one plugin can have at a time in one worker. */
const maxTimers = 10_000
const maxMs = 86_400_000

/** The timers of a plugin. They end with its session. */
export class Timers implements Disposable {
  readonly functions: Readonly<Record<string, HostFunction>>
  /** Those that have not fired yet. */
  readonly #running = new Map<number, () => void>()
  readonly #turns: Turns

  /**
   * `fire` is called with the ticket of a timer whose time is over, and the context that it belongs to: in each turn
   * of the event loop for as long as `callMs`, however many timers are due.
   */
  constructor(
    clock: Clock,
    calling: Calling,
    callMs: number,
    fire: (ticket: number, context: CallingContext | null) => void,
  ) {
    this.#turns = new Turns(callMs)
    const fireOnce = (ticket: number, context: CallingContext | null): void => {
      if (this.#running.delete(ticket)) fire(ticket, context)
    }
    this.functions = {
      startTimer: (call) => {
        const ticket = call.number(0)
        const ms = Math.min(maxMs, Math.max(0, call.number(1) || 0))
        if (this.#running.size >= maxTimers)
          throw new HostRefusal(`a plugin can have ${maxTimers} timeouts, and no more`)
        const context = calling.current
        const stop = clock.after(ms, () => this.#turns.add(() => fireOnce(ticket, context)))
        this.#running.set(ticket, stop)
      },
      stopTimer: (call) => {
        const ticket = call.number(0)
        this.#running.get(ticket)?.()
        this.#running.delete(ticket)
      },
    }
  }

  [Symbol.dispose](): void {
    for (const stop of this.#running.values()) stop()
    this.#running.clear()
    this.#turns[Symbol.dispose]()
  }
}
