import type { ProxyError } from '../../../../chains/failures.ts'
import type { PipelineEvent } from '../../events.ts'
import { deriveContext, finishDerived } from '../contexts.ts'
import type { EventSink, EventSource } from '../flow.ts'
import { copyHead } from '../heads.ts'
import { Line, type LineOwner } from '../line.ts'
import type { Pipeline, PipelineLayout } from '../pipeline.ts'
import { Backlog } from './backlog.ts'
import type { BranchInit } from './fork-init.ts'

/** Who is told about a branch. */
export interface BranchOwner {
  /** It has room again, or will never need any. */
  branchChanged(branch: ForkBranch): void
}

/** What a branch is made of. */
export interface BranchOptions {
  readonly parent: Pipeline
  readonly layout: PipelineLayout
  readonly init: BranchInit
  readonly owner: BranchOwner
  /** Where its output goes. */
  readonly outletOf: (line: Line) => EventSink
}

/**
 * One branch of a fork: a line of its own, whose failures are its own. It ends
 * with the main line, unless it has all of its input and still waits for
 * somebody: then it may take as long as an exchange may pause.
 */
export class ForkBranch implements LineOwner, EventSource {
  readonly line: Line
  readonly #parent: Pipeline
  readonly #owner: BranchOwner
  #backlog: Backlog | null = null
  #isComplete = false
  #isMainOver = false
  #stopTimer: (() => void) | null = null

  constructor(options: BranchOptions) {
    const { parent, layout, init, owner, outletOf } = options
    this.#parent = parent
    this.#owner = owner
    const { exchange, cx } = parent.line
    const derived = deriveContext(cx, init.isClone)
    this.line = new Line(exchange, derived, this)
    this.line.onEnd((reason) => this.#ended(reason))
    const context = init.isClone ? exchange.openIn(this.line, parent.context) : parent.context
    if (!context) return
    const { startArguments } = init
    const inlet = parent.beginWithin(layout, outletOf(this.line), {
      line: this.line,
      context,
      startArguments,
    })
    if (!inlet) return
    inlet.source = this
    this.#backlog = new Backlog(inlet, exchange.held)
  }

  /** Whether it has been given all there is, as far as one can tell. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Whether it wants more, and can take it. */
  get isHungry(): boolean {
    return !this.line.isOver && !this.#isComplete && this.#backlog !== null && !this.#backlog.isFull
  }

  /** Gives it a copy of an event. */
  give(event: PipelineEvent): void {
    const backlog = this.#backlog
    if (this.line.isOver || !backlog) return
    this.#isComplete =
      event.type === 'end' || event.type === 'streamEnd' || (event.type === 'start' && event.isWhole)
    this.line.expect()
    backlog.give(event.type === 'start' ? { ...event, head: copyHead(event.head, false) } : event)
    const { held, runtime } = this.line.exchange
    if (backlog.bytes > held.limit / 2) {
      const reason = `a fork lagged by ${backlog.bytes} bytes, which is more than it may`
      this.line.fail(runtime.error('limit', this.#parent.layout.place, reason, this.line.cx))
    }
    this.line.settle()
  }

  resume(): void {
    if (this.line.isOver) return
    this.#backlog?.drain()
    this.#owner.branchChanged(this)
  }

  /** The main line is over: well, or for that reason. */
  mainEnded(reason: ProxyError | null): void {
    this.#isMainOver = true
    const { runtime } = this.line.exchange
    const mayLinger = this.#isComplete && !this.line.isIdle && runtime.mayLinger
    if (this.line.isOver || reason || !mayLinger) {
      this.line.end(reason)
      return
    }
    const { clock } = runtime.host.tools
    runtime.lingering += 1
    const stop = clock.after(runtime.spec.policy.limits.pauseMs, () => this.line.end(null))
    this.#stopTimer = () => {
      runtime.lingering -= 1
      stop()
    }
  }

  failed(error: ProxyError): void {
    const { spec } = this.line.exchange.runtime
    this.line.cx.log.warn('a fork of a plugin failed', { plugin: spec.name, code: error.code, error })
    this.#owner.branchChanged(this)
  }

  idle(): void {
    if (this.#isMainOver) this.line.end(null)
    else this.#owner.branchChanged(this)
  }

  #ended(reason: ProxyError | null): void {
    this.#stopTimer?.()
    this.#backlog?.clear()
    finishDerived(this.line.cx, reason, this.line.exchange.runtime.host.tools.clock.now())
  }
}
