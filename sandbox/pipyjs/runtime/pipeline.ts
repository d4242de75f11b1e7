import type { CallbackArgument, CallbackResult, Expectation, GuestContext } from '../guest-session.ts'
import type { PlanPlace } from '../plan.ts'
import { emitAll } from './emit.ts'
import type { EventSink, Stage } from './flow.ts'
import type { Line } from './line.ts'
import { Turnstile } from './turnstile.ts'

/** Makes one stage of a pipeline that begins, in front of `next`. */
export type StageMaker = (pipeline: Pipeline, next: EventSink) => Stage

/** A pipeline as it was compiled; begun once for each stream. */
export interface PipelineLayout {
  readonly name: string | null
  readonly place: PlanPlace
  /** A function of the guest whose result, if any, comes before all input. */
  readonly onStart: number | null
  readonly onEnd: number | null
  readonly stages: readonly StageMaker[]
}

const noArguments: readonly CallbackArgument[] = []

/** Pipelines within pipelines; a script can link one to itself. */
const maxDepth = 64

/** One pipeline at work: where its callbacks run, and what it ends with. */
export class Pipeline {
  readonly layout: PipelineLayout
  readonly line: Line
  readonly context: GuestContext
  readonly #depth: number

  constructor(layout: PipelineLayout, line: Line, context: GuestContext, depth = 0) {
    this.layout = layout
    this.line = line
    this.context = context
    this.#depth = depth
  }

  /**
   * Begins the pipeline, in front of `outlet`: builds its stages, and runs
   * `onStart`. Returns where its input goes; null when that failed, and the line with it.
   */
  begin(outlet: EventSink, startArguments = noArguments): EventSink | null {
    const { stages, onStart, onEnd } = this.layout
    let next = outlet
    for (let at = stages.length - 1; at >= 0; at--) {
      const stage = (stages[at] as StageMaker)(this, next)
      next.source = stage
      next = stage
    }
    if (onEnd !== null) this.line.onEnd(() => this.#ended(onEnd))
    return onStart === null ? next : this.#start(onStart, next, startArguments)
  }

  /** Begins a pipeline within this one, in the same context unless another is given. */
  beginWithin(
    layout: PipelineLayout,
    outlet: EventSink,
    options: {
      readonly line?: Line
      readonly context?: GuestContext
      readonly startArguments?: readonly CallbackArgument[]
    } = {},
  ): EventSink | null {
    const { line = this.line, context = this.context, startArguments = noArguments } = options
    const depth = this.#depth + 1
    if (depth > maxDepth) {
      this.overLimit(layout.place, `pipelines are nested more than ${maxDepth} deep`)
      return null
    }
    return new Pipeline(layout, line, context, depth).begin(outlet, startArguments)
  }

  /** Calls the guest. Null when that failed, which has ended the line, or the line is over. */
  call(fn: number, expected: Expectation, args: readonly CallbackArgument[]): CallbackResult | null {
    this.line.exchange.runtime.calls += 1
    return this.ask(fn, expected, args)
  }

  /** Like {@link call}, for what is asked so often that it is no news that something has run. */
  ask(fn: number, expected: Expectation, args: readonly CallbackArgument[]): CallbackResult | null {
    if (this.line.isOver) return null
    try {
      return this.context.call(fn, expected, args)
    } catch (thrown) {
      this.line.fail(thrown)
      return null
    }
  }

  /** Ends the line by what was thrown. Returns false, as a full sink does. */
  fail(thrown: unknown): false {
    this.line.fail(thrown)
    return false
  }

  /** Ends the line because something is over a limit of the policy. */
  overLimit(place: PlanPlace, reason: string): false {
    return this.fail(this.line.exchange.runtime.error('limit', place, reason, this.line.cx))
  }

  #start(onStart: number, first: EventSink, args: readonly CallbackArgument[]): EventSink | null {
    const result = this.call(onStart, 'events', args)
    if (result === null || result.type === 'none') return result && first
    if (result.type === 'events') {
      emitAll(first, result.events)
      return first
    }
    if (result.type !== 'promise') return first
    const gate = new Turnstile(this.line, this.layout.place, (event) => first.process(event))
    first.source = gate
    gate.hold(result.result, (value) => value.type !== 'events' || emitAll(first, value.events))
    return gate
  }

  #ended(onEnd: number): void {
    const { runtime } = this.line.exchange
    if (runtime.session.isDead) return
    try {
      this.context.call(onEnd, 'nothing', [])
    } catch (thrown) {
      this.line.cx.log.warn('a plugin failed in onEnd', { plugin: runtime.spec.name, error: thrown })
      runtime.checkAlive(thrown)
    }
  }
}
