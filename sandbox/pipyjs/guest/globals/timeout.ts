import { host } from '../host.ts'
import { hostPromise, settleHere } from '../tickets.ts'

/** The longest that a timeout can be, in seconds: a day. */
const maxSeconds = 86_400

/** A wait that can be cut short. */
export class Timeout {
  readonly #ms: number
  #ticket = 0
  #promise: Promise<boolean> | null = null

  constructor(seconds: unknown) {
    const number = Number(seconds ?? 0)
    if (!(number >= 0 && number <= maxSeconds)) {
      throw new RangeError(`a timeout takes 0 to ${maxSeconds} seconds, and not ${String(seconds)}`)
    }
    this.#ms = number * 1_000
  }

  /** Resolves with true when the time is over, with false when it was cut short. */
  wait(): Promise<boolean> {
    this.#promise ??= hostPromise<boolean>((ticket) => {
      host.startTimer(ticket, this.#ms)
      this.#ticket = ticket
    })
    return this.#promise
  }

  /** Cuts it short. */
  cancel(): void {
    if (this.#ticket === 0) return
    host.stopTimer(this.#ticket)
    settleHere(this.#ticket, false)
    this.#ticket = 0
  }
}
