import type { BreakerPolicy } from '../model.ts'

/** Closed lets everything through, open nothing, half-open a few to find out. */
export type BreakerState = 'closed' | 'half-open' | 'open'

/** What {@link Breaker.admit} gives to who is let through. 0 is nobody. */
export type Ticket = number

/** How one admitted request was answered. */
export interface Verdict {
  /** A status above 499, or a failure that is the upstream's fault. */
  readonly isError: boolean
  /** The head of the answer took as long as the policy calls slow, or longer. */
  readonly isSlow: boolean
}

/**
 * A circuit breaker: a state machine without clock, timers or metrics.
 *
 * Closed, it counts answers in windows that follow each other (FSM's), and
 * opens when errors or slow answers reach an amount, or a ratio of at least
 * `minRequests` answers. Open, it admits nobody for `openMs`. Half-open, it
 * admits `halfOpenRequests`: all well closes it, one bad opens it again, and
 * one that has no verdict after another `openMs` gives its place away. Verdicts
 * on requests that were admitted in an earlier state are ignored.
 */
export class Breaker {
  readonly #policy: BreakerPolicy
  readonly #onChange: (state: BreakerState) => void
  #state: BreakerState = 'closed'
  /** The ticket of all who are admitted in the current state. */
  #ticket: Ticket = 1
  /** When the window, or the state, began. */
  #since = Number.NEGATIVE_INFINITY
  #answers = 0
  #errors = 0
  #slow = 0
  /** Half-open: places that are taken, and how many of them were well. */
  #probes = 0
  #wellProbes = 0

  /** `onChange` is told of every new state, and must not call back. */
  constructor(policy: BreakerPolicy, onChange: (state: BreakerState) => void) {
    this.#policy = policy
    this.#onChange = onChange
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Asks to let a request through; 0 is no. Every other ticket goes to {@link record} or {@link leave}, once. */
  admit(now: number): Ticket {
    if (this.#state === 'closed') return this.#ticket
    const isOver = now - this.#since >= this.#policy.openMs
    if (this.#state === 'open') {
      if (!isOver) return 0
      this.#change('half-open', now)
    }
    if (this.#probes >= this.#policy.halfOpenRequests) {
      if (!isOver) return 0
      this.#begin(now)
    }
    this.#probes += 1
    return this.#ticket
  }

  /** Takes the verdict on an admitted request. */
  record(ticket: Ticket, verdict: Verdict, now: number): void {
    if (ticket !== this.#ticket) return
    if (this.#state === 'half-open') this.#recordProbe(verdict, now)
    else {
      this.#turnWindow(now)
      this.#answers += 1
      this.#count(verdict, now)
    }
  }

  /** For an answer that began well, and was recorded so, but broke off later: counts the error alone. */
  recordBreak(ticket: Ticket, now: number): void {
    if (ticket !== this.#ticket) return
    const verdict = { isError: true, isSlow: false }
    if (this.#state === 'half-open') this.#recordProbe(verdict, now)
    else {
      this.#turnWindow(now)
      this.#count(verdict, now)
    }
  }

  /** For an admitted request on which there is no verdict: its client left, or the fault was not the upstream's. */
  leave(ticket: Ticket): void {
    if (ticket === this.#ticket && this.#state === 'half-open') this.#probes -= 1
  }

  #recordProbe(verdict: Verdict, now: number): void {
    const { errorAmount, errorRatio, slowAmount, slowRatio, halfOpenRequests } = this.#policy
    const isBad =
      (verdict.isError && (errorAmount !== null || errorRatio !== null)) ||
      (verdict.isSlow && (slowAmount !== null || slowRatio !== null))
    if (isBad) {
      this.#change('open', now)
      return
    }
    this.#wellProbes += 1
    if (this.#wellProbes >= halfOpenRequests) this.#change('closed', now)
  }

  #count(verdict: Verdict, now: number): void {
    const { errorAmount, errorRatio, slowAmount, slowRatio } = this.#policy
    if (verdict.isError) this.#errors += 1
    if (verdict.isSlow) this.#slow += 1
    if (
      this.#isOver(this.#errors, errorAmount, errorRatio) ||
      this.#isOver(this.#slow, slowAmount, slowRatio)
    ) {
      this.#change('open', now)
    }
  }

  #isOver(count: number, amount: number | null, ratio: number | null): boolean {
    // thresholds of 0 would open on nothing
    if (count === 0) return false
    if (amount !== null && count >= amount) return true
    return ratio !== null && this.#answers >= this.#policy.minRequests && count >= ratio * this.#answers
  }

  #turnWindow(now: number): void {
    if (now - this.#since >= this.#policy.windowMs) this.#begin(now, this.#ticket)
  }

  #change(state: BreakerState, now: number): void {
    this.#state = state
    this.#begin(now)
    this.#onChange(state)
  }

  #begin(now: number, ticket: Ticket = this.#ticket + 1): void {
    this.#ticket = ticket
    this.#since = now
    this.#answers = 0
    this.#errors = 0
    this.#slow = 0
    this.#probes = 0
    this.#wellProbes = 0
  }
}
