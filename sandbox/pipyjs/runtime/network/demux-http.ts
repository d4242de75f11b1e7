import { ProxyError } from '../../../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import { watchedBody } from '../../../plugin/lending/watched-body.ts'
import type { Network } from '../../../plugin/network.ts'
import type { FilterReader } from '../arguments.ts'
import { deriveContext, finishDerived } from '../contexts.ts'
import { Exchange } from '../exchange.ts'
import { Expand } from '../expand.ts'
import { HttpRun } from '../http-run.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { replaceMessage } from '../stages/message.ts'
import { asStream } from './stage-stream.ts'

/**
 * Takes requests out of a stream, has each answered by a pipeline of its own
 * in a cloned context, and puts the answers back in their order. What is no
 * request ends the stream.
 */
export function demuxHttp(reader: FilterReader, network: Network): StageMaker {
  reader.atMost(1)
  reader.options(0)
  return serving(reader.layout(), network)
}

/** Takes requests out of a stream, and answers each by what the script gives. */
export function serveHttp(reader: FilterReader, network: Network): StageMaker {
  reader.atMost(2)
  if (reader.replacement(0).fn === null) {
    throw reader.fault('it takes a Message, or a function that gives one for each request')
  }
  const { place } = reader
  const stages: StageMaker[] = [({ line }, next) => new Expand(line, next, false), replaceMessage(reader)]
  return serving({ name: null, place, onStart: null, onEnd: null, stages }, network)
}

function serving(layout: PipelineLayout, network: Network): StageMaker {
  return asStream((stream, pipeline) => {
    const requests = new Requests(pipeline, layout)
    network.serve(stream, pipeline.line.cx, (request) => requests.answer(request))
  })
}

/** The requests on one stream. */
class Requests {
  readonly #pipeline: Pipeline
  readonly #layout: PipelineLayout
  /** Ends those that are under way. */
  readonly #underWay = new Set<(reason: ProxyError | null) => void>()

  constructor(pipeline: Pipeline, layout: PipelineLayout) {
    this.#pipeline = pipeline
    this.#layout = layout
    pipeline.line.onEnd((reason) => {
      for (const end of [...this.#underWay]) end(reason)
    })
  }

  async answer(request: HttpRequest): Promise<HttpResponse> {
    const { line, context } = this.#pipeline
    const { runtime, rest } = line.exchange
    if (line.isOver) throw new ProxyError('CLIENT_GONE', 'the stream is over')
    const cx = deriveContext(line.cx, true)
    const end = (error: ProxyError | null): void => {
      if (this.#underWay.delete(end)) finishDerived(cx, error, runtime.host.tools.clock.now())
    }
    this.#underWay.add(end)
    try {
      // an exchange of its own: what it holds in the guest is let go with it
      const run = new HttpRun(new Exchange(runtime, rest), cx)
      const response = await run.run(this.#layout, request, context)
      if (response.body) return { ...response, body: watchedBody(response.body, () => end(null)) }
      // behind a tunnel stands whoever answered, for as long as there is one
      if (!response.tunnel) end(null)
      return response
    } catch (thrown) {
      end(null)
      throw thrown
    }
  }
}
