import type { AbortListener, Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { PlanPlace } from '../plan.ts'
import type { Exchange } from './exchange.ts'
import { asPluginFailure } from './failures.ts'
import { type ChainHead, drop } from './heads.ts'
import type { Seated } from './runtime.ts'

/** Who is told how a line fares. */
export interface LineOwner {
  /** The line failed, and is over. Called at most once. */
  failed(error: ProxyError): void
  /** Nothing is awaited any more: no event will come unless somebody gives one. */
  idle(): void
}

/**
 * Pipelines that live and die together: those of an exchange, or of one branch
 * of a fork. What fails in one of them ends them all, and nothing outside.
 */
export class Line implements AbortListener, Seated {
  readonly exchange: Exchange
  /** The exchange as the chain behind sees it; a fork has one of its own. */
  readonly cx: Context
  seat = -1
  readonly #owner: LineOwner
  readonly #parent: Line | null
  #isOver = false
  #awaited = 0
  #cleanups: ((reason: ProxyError | null) => void)[] | null = null
  #waits: Set<Wait> | null = null
  /** Answers that came from the chain, and may not have been handed on yet: the first, and the others. */
  #answer: ChainHead | null = null
  #moreAnswers: ChainHead[] | null = null

  /** With a parent it is a part of that line: its failures are the parent's, and it ends when that does. */
  constructor(exchange: Exchange, cx: Context, owner: LineOwner, parent: Line | null = null) {
    this.exchange = exchange
    this.cx = cx
    this.#owner = owner
    this.#parent = parent
    if (parent) parent.onEnd((reason) => this.end(reason))
    else exchange.enter(this)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether something is awaited that can bring events. */
  get isIdle(): boolean {
    return this.#awaited === 0
  }

  /** Whether a stage of this line waits for the guest, or for somebody else's leave. */
  get isWaiting(): boolean {
    return (this.#waits?.size ?? 0) > 0
  }

  /** Something will bring events. Taken back with {@link settle}, after the last of them. */
  expect(): void {
    this.#awaited += 1
    if (this.#awaited === 1 && !this.#isOver) this.#parent?.expect()
  }

  /** What was expected is through. */
  settle(): void {
    this.#awaited -= 1
    if (this.#awaited > 0 || this.#isOver) return
    this.#owner.idle()
    this.#parent?.settle()
  }

  /** Calls `cleanup` when the line is over: at once if it is. The reason is null after an orderly end. */
  onEnd(cleanup: (reason: ProxyError | null) => void): void {
    if (this.#isOver) cleanup(null)
    else if (this.#cleanups) this.#cleanups.push(cleanup)
    else this.#cleanups = [cleanup]
  }

  /** Takes care of an answer until it is handed on. */
  carry(head: ChainHead): void {
    if (!this.#answer) this.#answer = head
    else if (this.#moreAnswers) this.#moreAnswers.push(head)
    else this.#moreAnswers = [head]
  }

  /**
   * Begins a wait on the guest, which may last as long as the policy allows.
   * `waitsForGuest` false: somebody else is waited for, whom its death does not hold up.
   */
  wait(place: PlanPlace, waitsForGuest = true): Wait {
    const wait = new Wait(this)
    const { runtime } = this.exchange
    this.expect()
    if (!this.#waits) {
      this.#waits = new Set()
      this.onEnd(() => this.#stopWaiting())
    }
    if (this.#waits.size === 0) this.cx.addAbortListener(this)
    if (this.#isOver) return wait
    this.#waits.add(wait)
    if (waitsForGuest) runtime.waiting.add(this)
    const { pauseMs } = runtime.spec.policy.limits
    wait.stopTimer = runtime.host.tools.clock.after(pauseMs, () => {
      this.fail(runtime.error('pause', place, `kept the exchange waiting for over ${pauseMs} ms`, this.cx))
    })
    return wait
  }

  /** For a wait that is over. */
  forget(wait: Wait): void {
    wait.stopTimer?.()
    if (!this.#waits?.delete(wait) || this.#waits.size > 0) return
    this.exchange.runtime.waiting.delete(this)
    this.cx.removeAbortListener(this)
  }

  /** Ends everything with a failure, whatever was thrown. Harmless when it is over. */
  fail(thrown: unknown): void {
    if (this.#isOver) return
    const error = asPluginFailure(thrown)
    if (this.#parent) {
      this.#parent.fail(error)
      return
    }
    this.end(error)
    this.#owner.failed(error)
    this.exchange.runtime.checkAlive(thrown)
  }

  /**
   * Does what was called from outside (a body, a timer, a promise), unless the
   * line is over: what is thrown there ends the line, and nobody else.
   */
  run(go: () => void): void {
    if (this.#isOver) return
    try {
      go()
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  onAbort(reason: ProxyError): void {
    this.fail(reason)
  }

  /** Lets go of everything. With a reason, who still sends is told why. Harmless when it is over. */
  end(reason: ProxyError | null): void {
    if (this.#isOver) return
    this.#isOver = true
    const cleanups = this.#cleanups
    this.#cleanups = null
    if (cleanups) for (const cleanup of cleanups) cleanup(reason)
    if (this.#answer) dropUndelivered(this.#answer, reason)
    if (this.#moreAnswers) for (const head of this.#moreAnswers) dropUndelivered(head, reason)
    if (!this.#parent) this.exchange.leave(this)
    else if (this.#awaited > 0) this.#parent.settle()
  }

  #stopWaiting(): void {
    for (const wait of this.#waits ?? []) this.forget(wait)
  }
}

function dropUndelivered({ response, isDelivered }: ChainHead, reason: ProxyError | null): void {
  if (!response || isDelivered) return
  drop(response, reason ?? new ProxyError('CLIENT_GONE', 'nobody waits for the answer'))
}

/** One wait of a line. */
export class Wait {
  stopTimer: (() => void) | null = null
  readonly #line: Line
  #isOver = false

  constructor(line: Line) {
    this.#line = line
  }

  /** Ends the wait: `go` goes on with what waited, unless the line is over. Harmless when done before. */
  end(go: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#line.forget(this)
    this.#line.run(go)
    this.#line.settle()
  }
}
