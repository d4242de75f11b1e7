import type { PipelineEvent } from '../../events.ts'
import type { FilterReader } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { Backlog } from './backlog.ts'
import { Drain } from './discard.ts'
import { type BranchOwner, ForkBranch } from './fork-branch.ts'
import { branchInits, type ForkInit, readForkInit } from './fork-init.ts'

/**
 * Gives a copy of everything to other pipelines, whose output nobody sees, and
 * sends it on unchanged.
 *
 * A branch that is slower than the main line is given up when it lags by more
 * than half of what the policy lets it hold. While the main line waits the
 * branches go on, as far as that much can be kept for it.
 */
export function fork(reader: FilterReader): StageMaker {
  const layout = reader.layout()
  const init = readForkInit(reader)
  return (pipeline, next) => new ForkStage(pipeline, next, layout, init, reader)
}

class ForkStage implements Stage, BranchOwner {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #layout: PipelineLayout
  readonly #init: ForkInit
  readonly #reader: FilterReader
  readonly #main: Backlog
  #branches: ForkBranch[] | null = null
  /** Whether the source was told to stop. */
  #isStopped = false
  #isLookScheduled = false

  constructor(
    pipeline: Pipeline,
    next: EventSink,
    layout: PipelineLayout,
    init: ForkInit,
    reader: FilterReader,
  ) {
    this.#pipeline = pipeline
    this.#layout = layout
    this.#init = init
    this.#reader = reader
    this.#main = new Backlog(next, pipeline.line.exchange.held)
  }

  process(event: PipelineEvent): boolean {
    this.#branches ??= this.#begin()
    for (const branch of this.#branches) branch.give(event)
    this.#main.give(event)
    this.#isStopped = !this.#wantsMore()
    return !this.#isStopped
  }

  /** From the main line. */
  resume(): void {
    this.#main.drain()
    this.#goOn()
  }

  branchChanged(): void {
    if (this.#isLookScheduled) return
    this.#isLookScheduled = true
    // later, because a branch can change while it is given something
    queueMicrotask(() => {
      this.#isLookScheduled = false
      if (this.#isStopped) this.#goOn()
    })
  }

  #goOn(): void {
    if (!this.#wantsMore()) return
    this.#isStopped = false
    this.source.resume()
  }

  #begin(): ForkBranch[] {
    const parent = this.#pipeline
    const layout = this.#layout
    const branches = (branchInits(parent, this.#init, this.#reader) ?? []).map(
      (init) => new ForkBranch({ parent, layout, init, owner: this, outletOf: (line) => new Drain(line) }),
    )
    parent.line.onEnd((reason) => {
      this.#main.clear()
      for (const branch of branches) branch.mainEnded(reason)
    })
    return branches
  }

  /** The main line sets the pace, unless it waits, perhaps for what a branch finds out. */
  #wantsMore(): boolean {
    if (!this.#main.isFull) return true
    const { line } = this.#pipeline
    const { held } = line.exchange
    if (!line.isWaiting || held.used * 2 > held.limit) return false
    return this.#branches?.some((branch) => branch.isHungry) ?? false
  }
}
