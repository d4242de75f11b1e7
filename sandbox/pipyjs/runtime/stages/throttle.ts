import type { PipelineEvent } from '../../events.ts'
import type { FilterReader } from '../arguments.ts'
import type { EventSink } from '../flow.ts'
import type { Line } from '../line.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import type { Quota, QuotaConsumer } from '../quota.ts'
import { Turnstile } from '../turnstile.ts'

/** Finds the quota that a filter was given; null when that failed, and the line with it. */
type QuotaFinder = (pipeline: Pipeline) => Quota | null

const quotaForm =
  'an algo.Quota, or a function that gives one; a number is none: new algo.Quota(10, { per: 1 })'

/**
 * Lets a message begin when its quota gives a token; those that wait do so in
 * the order of coming. All of a message that has begun passes.
 */
export function throttleMessageRate(reader: FilterReader): StageMaker {
  const find = quotaOf(reader)
  return (pipeline, next) => {
    const turn = new Turn(pipeline.line)
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (event.type !== 'start') return next.process(event)
      const quota = find(pipeline)
      return quota !== null && takeOne(turn, stage, quota, () => next.process(event))
    })
    return stage
  }
}

/** Lets a stream begin when its quota gives a token, which it gives back when the pipeline is over. */
export function throttleConcurrency(reader: FilterReader): StageMaker {
  const find = quotaOf(reader)
  return (pipeline, next) => {
    const turn = new Turn(pipeline.line)
    let hasBegun = false
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (hasBegun) return next.process(event)
      hasBegun = true
      const quota = find(pipeline)
      if (!quota) return false
      return takeOne(turn, stage, quota, () => {
        pipeline.line.onEnd(() => quota.produce(1))
        return next.process(event)
      })
    })
    return stage
  }
}

/** Lets a byte pass for each token of its quota. */
export function throttleDataRate(reader: FilterReader): StageMaker {
  const find = quotaOf(reader)
  return (pipeline, next) => {
    const turn = new Turn(pipeline.line)
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (event.type !== 'data' || event.bytes.length === 0) return next.process(event)
      const quota = find(pipeline)
      return quota !== null && passBytes(turn, stage, quota, event.bytes, next)
    })
    return stage
  }
}

/** What a stage waits for at its quota: one thing at a time, given up when the line ends. */
class Turn {
  readonly #line: Line
  #giveUp: (() => void) | null = null
  #isWatching = false

  constructor(line: Line) {
    this.#line = line
  }

  /** Not one for each wait: a line remembers them all until it ends. */
  wait(quota: Quota, consumer: QuotaConsumer): void {
    this.#giveUp = () => quota.leave(consumer)
    if (this.#isWatching) return
    this.#isWatching = true
    this.#line.onEnd(() => this.#giveUp?.())
  }

  /** Lets go of what has been served. */
  done(): void {
    this.#giveUp = null
  }
}

function takeOne(turn: Turn, stage: Turnstile, quota: Quota, go: () => boolean): boolean {
  let open: ((first?: () => boolean) => void) | null = null
  let isServed = false
  const consumer = {
    consume: () => {
      // going on can bring others to the quota while this one still stands in its queue
      if (isServed) return true
      if (quota.current < 1) return false
      quota.consume(1)
      isServed = true
      turn.done()
      open?.(go)
      return true
    },
  }
  quota.join(consumer)
  if (isServed) return go()
  open = stage.shut(false)
  turn.wait(quota, consumer)
  return false
}

function passBytes(turn: Turn, stage: Turnstile, quota: Quota, bytes: Uint8Array, next: EventSink): boolean {
  let rest = bytes
  let hasRoom = true
  let open: ((first?: () => boolean) => void) | null = null
  const consumer = {
    consume: () => {
      const granted = quota.consume(Math.min(rest.length, Math.floor(quota.current)))
      if (granted === 0) return false
      const piece: PipelineEvent = { type: 'data', bytes: rest.subarray(0, granted) }
      rest = rest.subarray(granted)
      hasRoom = next.process(piece)
      const goOn = open
      const isServed = rest.length === 0
      // each step is a wait of its own: what flows slowly does not stand still
      if (goOn && !isServed) open = stage.shut(false)
      // before going on, which may be to the next wait
      if (isServed) turn.done()
      goOn?.(() => hasRoom)
      return isServed
    },
  }
  quota.join(consumer)
  if (rest.length === 0) return hasRoom
  open = stage.shut(false)
  turn.wait(quota, consumer)
  return false
}

function quotaOf(reader: FilterReader): QuotaFinder {
  const fn = reader.function(0)
  if (fn === null) {
    const id = reader.read(0, quotaForm, quotaId)
    return (pipeline) => known(pipeline, reader, id)
  }
  return (pipeline) => {
    const result = pipeline.call(fn, 'value', [])
    if (result === null) return null
    return known(pipeline, reader, result.type === 'object' ? quotaId(result.json) : null)
  }
}

function known(pipeline: Pipeline, reader: FilterReader, id: number | null): Quota | null {
  const { runtime } = pipeline.line.exchange
  const quota = id === null ? null : runtime.quotas.get(id)
  if (quota) return quota
  pipeline.fail(
    runtime.error('exception', reader.place, `${reader.kind}() takes ${quotaForm}`, pipeline.line.cx),
  )
  return null
}

/** How a quota stands in the data that a script gives: as `{ "$quota": number }`. */
function quotaId(value: unknown): number | null {
  if (typeof value !== 'object' || value === null || !('$quota' in value)) return null
  return typeof value.$quota === 'number' ? value.$quota : null
}
