import type { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { PipelineEvent } from '../../events.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Line } from '../line.ts'
import type { StageMaker } from '../pipeline.ts'

/** Swallows everything but the end of the stream. */
export const dummy: StageMaker = (pipeline, next) => {
  const drain = new Drain(pipeline.line)
  const stage: Stage = {
    source: noSource,
    process: (event) => (event.type === 'streamEnd' ? next.process(event) : drain.process(event)),
    resume: () => stage.source.resume(),
  }
  return stage
}

/**
 * Where nobody wants anything. Bodies are read to their end, so that the
 * connections they come on can be used again.
 */
export class Drain implements EventSink {
  source: EventSource = noSource
  readonly #line: Line

  constructor(line: Line) {
    this.#line = line
  }

  process(event: PipelineEvent): boolean {
    if (event.type === 'start' && event.body) drainBody(event.body, this.#line)
    return true
  }
}

function drainBody(body: Body, line: Line): void {
  if (body.isTaken) return
  line.expect()
  body.open({ write: () => true, end: () => line.settle(), fail: () => line.settle() })
  line.onEnd((reason) => body.cancel(reason ?? new ProxyError('CLIENT_GONE', 'nobody reads the rest')))
}
