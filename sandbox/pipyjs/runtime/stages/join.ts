import type { PipelineEvent } from '../../events.ts'
import type { FilterReader } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Line, Wait } from '../line.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { Turnstile } from '../turnstile.ts'
import { Drain } from './discard.ts'
import { type BranchOwner, ForkBranch } from './fork-branch.ts'
import { branchInits, type ForkInit, readForkInit } from './fork-init.ts'

/** What the two kinds have in common. */
interface JoinOptions {
  readonly layout: PipelineLayout
  readonly init: ForkInit
  readonly reader: FilterReader
}

/** Like a fork, but the main line waits until every branch has ended its stream, or has nothing more to wait for. */
export function forkJoin(reader: FilterReader): StageMaker {
  const options = { layout: reader.layout(), init: readForkInit(reader), reader }
  return (pipeline, next) => {
    const gate = new Turnstile(pipeline.line, reader.place, (event) => next.process(event))
    return new JoinStage(pipeline, gate, options)
  }
}

/** Gives everything to every branch; the first that gives something is the one whose output goes on. */
export function forkRace(reader: FilterReader): StageMaker {
  const options = { layout: reader.layout(), init: readForkInit(reader), reader }
  return (pipeline, next) => new RaceStage(pipeline, next, options)
}

/** Notes the end of a branch's stream, and drops everything before. */
class EndWatch implements EventSink {
  source: EventSource = noSource
  readonly #drain: Drain
  readonly #onEnd: () => void

  constructor(line: Line, onEnd: () => void) {
    this.#drain = new Drain(line)
    this.#onEnd = onEnd
  }

  process(event: PipelineEvent): boolean {
    if (event.type === 'streamEnd') this.#onEnd()
    return this.#drain.process(event)
  }
}

class JoinStage implements Stage, BranchOwner {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #gate: Turnstile
  readonly #options: JoinOptions
  readonly #ended = new Set<Line>()
  #branches: ForkBranch[] | null = null
  #open: (() => void) | null = null

  constructor(pipeline: Pipeline, gate: Turnstile, options: JoinOptions) {
    this.#pipeline = pipeline
    this.#gate = gate
    this.#options = options
    gate.source = { resume: () => this.source.resume() }
  }

  process(event: PipelineEvent): boolean {
    this.#branches ??= this.#begin()
    for (const branch of this.#branches) branch.give(event)
    const hasRoom = this.#gate.process(event)
    this.branchChanged()
    // the branches must get all of it, even while the main line waits
    return this.#open ? isAnyHungry(this.#branches) : hasRoom
  }

  resume(): void {
    this.#gate.resume()
  }

  branchChanged(): void {
    // later, because a branch can change while it is given something
    queueMicrotask(() => this.#look())
  }

  #look(): void {
    if (!this.#open || !this.#branches) return
    const isOver = this.#branches.every(({ line, isComplete }) => {
      return line.isOver || this.#ended.has(line) || (isComplete && line.isIdle)
    })
    const open = this.#open
    if (isOver) {
      this.#open = null
      open()
    } else if (isAnyHungry(this.#branches)) this.source.resume()
  }

  #begin(): ForkBranch[] {
    const { layout, init, reader } = this.#options
    const parent = this.#pipeline
    this.#open = this.#gate.shut()
    const outletOf = (line: Line) =>
      new EndWatch(line, () => {
        this.#ended.add(line)
        this.branchChanged()
      })
    const branches = (branchInits(parent, init, reader) ?? []).map(
      (one) => new ForkBranch({ parent, layout, init: one, owner: this, outletOf }),
    )
    parent.line.onEnd((reason) => {
      for (const branch of branches) branch.mainEnded(reason)
    })
    return branches
  }
}

class RaceStage implements Stage, BranchOwner {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #next: EventSink
  readonly #options: JoinOptions
  #branches: ForkBranch[] | null = null
  #wait: Wait | null = null
  #winner: RaceOutlet | null = null

  constructor(pipeline: Pipeline, next: EventSink, options: JoinOptions) {
    this.#pipeline = pipeline
    this.#next = next
    this.#options = options
  }

  process(event: PipelineEvent): boolean {
    this.#branches ??= this.#begin()
    for (const branch of this.#branches) branch.give(event)
    this.branchChanged()
    return isAnyHungry(this.#branches)
  }

  resume(): void {
    this.#winner?.source.resume()
  }

  branchChanged(): void {
    queueMicrotask(() => this.#look())
  }

  #look(): void {
    const branches = this.#branches ?? []
    if (isAnyHungry(branches)) this.source.resume()
    else if (branches.every(({ line, isComplete }) => line.isOver || (isComplete && line.isIdle))) {
      // nobody has given anything, and nobody will
      this.#wait?.end(() => {})
    }
  }

  /** From a branch: the first that comes with something is the one. */
  give(outlet: RaceOutlet, event: PipelineEvent): boolean {
    if (!this.#winner) {
      this.#winner = outlet
      for (const { line } of this.#branches ?? []) if (line !== outlet.line) line.end(null)
    }
    if (this.#winner !== outlet) return true
    const hasRoom = this.#next.process(event)
    this.#wait?.end(() => {})
    return hasRoom
  }

  #begin(): ForkBranch[] {
    const { layout, init, reader } = this.#options
    const parent = this.#pipeline
    this.#wait = parent.line.wait(reader.place)
    const outletOf = (line: Line) => new RaceOutlet(line, this)
    const branches = (branchInits(parent, init, reader) ?? []).map(
      (one) => new ForkBranch({ parent, layout, init: one, owner: this, outletOf }),
    )
    parent.line.onEnd((reason) => {
      for (const branch of branches) branch.mainEnded(reason)
    })
    return branches
  }
}

const isAnyHungry = (branches: readonly ForkBranch[]): boolean => branches.some((branch) => branch.isHungry)

class RaceOutlet implements EventSink {
  source: EventSource = noSource
  readonly line: Line
  readonly #stage: RaceStage

  constructor(line: Line, stage: RaceStage) {
    this.line = line
    this.#stage = stage
  }

  process(event: PipelineEvent): boolean {
    return this.#stage.give(this, event)
  }
}
