import type { PipelineEvent } from '../../events.ts'
import { durationForm, type FilterReader, milliseconds } from '../arguments.ts'
import { type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { Turnstile } from '../turnstile.ts'

/** What a script said of a wait. */
interface WaitOptions {
  readonly condition: number
  /** 0 is never. */
  readonly timeoutMs: number
}

/**
 * Holds a stream until a condition of the script holds, as Pipy documents it:
 * it is asked with each event, and again whenever anything of the script ran
 * for the same exchange, in this context or in one that shares its origin. When
 * the script's own timeout is over, the stream passes.
 */
export function wait(reader: FilterReader): StageMaker {
  const condition = reader.callback(0)
  const timeoutMs = reader.options(1).get('timeout', durationForm, milliseconds, 0)
  const options = { condition, timeoutMs }
  return (pipeline, next) => {
    const gate = new Turnstile(pipeline.line, reader.place, (event) => next.process(event))
    return new WaitStage(pipeline, gate, options)
  }
}

class WaitStage implements Stage {
  source: EventSource = noSource
  readonly #pipeline: Pipeline
  readonly #gate: Turnstile
  readonly #options: WaitOptions
  #isOpen = false
  #open: (() => void) | null = null
  /** While the script has only promised to say. */
  #isPromised = false
  #isAskScheduled = false
  #stops: (() => void)[] = []

  constructor(pipeline: Pipeline, gate: Turnstile, options: WaitOptions) {
    this.#pipeline = pipeline
    this.#gate = gate
    this.#options = options
    gate.source = { resume: () => this.source.resume() }
  }

  process(event: PipelineEvent): boolean {
    if (this.#isOpen) return this.#gate.process(event)
    if (this.#open) {
      // later, because what waits must not be let go while this is given
      this.#askSoon()
      return this.#gate.process(event)
    }
    this.#ask()
    if (!this.#isOpen && !this.#pipeline.line.isOver) this.#shut()
    return this.#gate.process(event)
  }

  resume(): void {
    this.#gate.resume()
  }

  #shut(): void {
    const { line, context } = this.#pipeline
    this.#open = this.#gate.shut()
    this.#stops.push(context.onActivity(() => this.#stirred()))
    const { timeoutMs } = this.#options
    if (timeoutMs > 0)
      this.#stops.push(line.exchange.runtime.host.tools.clock.after(timeoutMs, () => this.#pass()))
    line.onEnd(() => this.#stop())
  }

  #stirred(): void {
    if (!this.#pipeline.line.exchange.runtime.isEcho) this.#askSoon()
  }

  /** Once for whatever runs until then. */
  #askSoon(): void {
    if (this.#isAskScheduled) return
    this.#isAskScheduled = true
    queueMicrotask(() => {
      this.#isAskScheduled = false
      this.#ask()
    })
  }

  #ask(): void {
    const { line } = this.#pipeline
    if (this.#isOpen || this.#isPromised || line.isOver) return
    const result = this.#pipeline.ask(this.#options.condition, 'truth', [])
    line.exchange.runtime.noteAsked()
    if (result?.type === 'promise') {
      this.#isPromised = true
      result.result.then(
        () => this.#pass(),
        (thrown: unknown) => line.fail(thrown),
      )
    } else if (result && (result.type === 'plain' ? Boolean(result.value) : result.type !== 'none'))
      this.#pass()
  }

  #pass(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#stop()
    this.#open?.()
  }

  #stop(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
  }
}
