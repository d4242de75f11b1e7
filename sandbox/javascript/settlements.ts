import type { GuestValue } from '../quickjs/contract.ts'
import type { ScriptExchange } from './exchange.ts'

/** What the host has for a promise of the guest: the entry that takes it, and its arguments. */
export interface Settlement {
  /** Who asked for it; over perhaps, while others wait for the same promise. */
  readonly exchange: ScriptExchange
  readonly entry: 'settle' | 'settleFetch'
  readonly args: readonly GuestValue[]
}

interface Due extends Settlement {
  readonly delivered: () => void
}

/**
 * Settlements of one guest, in order, in turns of the event loop that are theirs alone.
 *
 * Each is a call into the guest with the time of a call, and a script can have any number of them: so a turn ends
 * with the one that has used up its share, and what they bring about comes in a later turn. The loop
 * is held for one call, and `turnMs` before it, at most.
 */
export class Settlements {
  readonly #deliver: (settlement: Settlement) => void
  readonly #turnMs: number
  #due: Due[] = []
  #isScheduled = false

  /** `deliver` enters the guest; it does nothing when that is dead. */
  constructor(turnMs: number, deliver: (settlement: Settlement) => void) {
    this.#turnMs = turnMs
    this.#deliver = deliver
  }

  /** Resolves when it has been delivered, and the guest has done what it does then. */
  add(settlement: Settlement): Promise<void> {
    return new Promise((delivered) => {
      this.#due.push({ ...settlement, delivered })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    const due = this.#due
    const until = performance.now() + this.#turnMs
    let count = 0
    this.#due = []
    try {
      while (count < due.length && (count === 0 || performance.now() < until)) {
        const settlement = due[count] as Due
        count += 1
        // who waits for that goes on after this turn, whatever comes of it
        settlement.delivered()
        this.#deliver(settlement)
      }
    } finally {
      this.#isScheduled = false
      if (count < due.length) this.#due = [...due.slice(count), ...this.#due]
      if (this.#due.length > 0) this.#schedule()
    }
  }
}
