import type { Log } from '../../../chains/context.ts'
import { ring } from './bell.ts'
import { bellAt } from './layout.ts'
import { LockTimeout } from './lock.ts'
import type { SharedParts } from './parts.ts'

/** Ready calls in one turn of the event loop; each may be a whole call into a plugin. */
const callsAtOnce = 32
/** Sleeps of 10 ms for the lock; no plugin waits for it here, and there is a next time. */
const patience = 2

interface Registration {
  readonly space: number
  onReady: () => void
  owed: number
}

/** The queues that this thread has registered, and the calls it has yet to make for their entries. */
export class ReadyCalls {
  readonly #parts: SharedParts
  readonly #seat: number
  readonly #log: Log | null
  readonly #registrations = new Map<number, Registration>()
  #isScheduled = false

  constructor(parts: SharedParts, seat: number, log: Log | null) {
    this.#parts = parts
    this.#seat = seat
    this.#log = log
  }

  /** The newest registrant of this thread takes the place of the one before. */
  add(token: number, space: number, onReady: () => void): void {
    const known = this.#registrations.get(token)
    if (known) known.onReady = onReady
    else this.#registrations.set(token, { space, onReady, owed: 0 })
  }

  /** Forgets the queues of a vm id. Gives whether other threads may now be the ones to call. */
  remove(space: number): boolean {
    const { memory, queues } = this.#parts
    let hasResigned = false
    for (const [token, registration] of this.#registrations) {
      if (registration.space !== space) continue
      this.#registrations.delete(token)
      registration.owed = 0
      memory.transaction(() => queues.resign(queues.placeOf(token), this.#seat))
      hasResigned = true
    }
    return hasResigned
  }

  /** Takes over what is owed to this thread, and makes the calls: not here, but from the event loop. */
  collect(): void {
    const { memory, queues } = this.#parts
    try {
      for (const [token, registration] of this.#registrations) {
        registration.owed += memory.transaction(() => queues.takeOwed(token, this.#seat), patience)
      }
    } catch (error) {
      if (!(error instanceof LockTimeout)) throw error
      // Nothing is lost: it is still owed.
      ring(memory.words, bellAt(this.#seat))
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    if (![...this.#registrations.values()].some(({ owed }) => owed > 0)) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#makeCalls()
    }).unref()
  }

  #makeCalls(): void {
    let count = 0
    // A call can register, and forget, queues.
    for (const registration of [...this.#registrations.values()]) {
      while (registration.owed > 0 && count < callsAtOnce) {
        registration.owed -= 1
        count += 1
        try {
          registration.onReady()
        } catch (error) {
          this.#log?.error('a queue of a Wasm plugin could not be announced', { error: String(error) })
        }
      }
    }
    this.#schedule()
  }
}
