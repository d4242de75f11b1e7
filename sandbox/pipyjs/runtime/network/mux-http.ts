import type { Context } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import type { Network } from '../../../plugin/network.ts'
import type { CallbackArgument, CallbackResult } from '../../guest-session.ts'
import type { FilterReader } from '../arguments.ts'
import { asPluginFailure, endOf } from '../failures.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { HttpChainStage } from '../stages/http-chain.ts'
import { onlyConnect } from './connect.ts'
import { type ConnectPlan, destinationOf, open } from './connect-settings.ts'
import { PipelineStream } from './pipeline-stream.ts'
import { synthesised } from './synthesised.ts'
import { askValue } from './values.ts'

/** What a script said of `muxHTTP()`. */
interface MuxPlan {
  readonly reader: FilterReader
  readonly layout: PipelineLayout
  readonly network: Network
  /** Gives the key by which connections are shared; null when all share them. */
  readonly key: number | null
  /** The key, if it is a constant. */
  readonly pool: string
  /** Gives the options, or one of them. */
  readonly options: { readonly fn: number; readonly isVersion: boolean } | null
}

/** What `version` may be. */
const spoken: ReadonlySet<unknown> = new Set([undefined, null, 0, 1, '1', 'http/1', 'http/1.1', 'HTTP/1.1'])
const notSpoken = 'only HTTP/1.1 is spoken to upstreams of plugins: leave version out'

/**
 * Sends each request on a connection that the sub-pipeline makes, and gives
 * the answer. When that is `connect()` alone, the connections are those of the
 * plugin's pool for that key and target, kept alive and shared by all exchanges; any
 * other pipeline is begun for each request. An upstream that fails before
 * it has answered is an answer too.
 */
export function muxHttp(reader: FilterReader, network: Network): StageMaker {
  reader.atMost(2)
  const layout = reader.layout()
  const key = reader.function(0)
  const constant = key === null ? reader.data(0, 'a key, or a function that gives one') : undefined
  const pool = constant === undefined || constant === null ? '' : JSON.stringify(constant)
  const plan: MuxPlan = { reader, layout, network, key, pool, options: readOptions(reader) }
  return (pipeline, next) =>
    new HttpChainStage(pipeline, next, (request, cx) => new Muxed(pipeline, plan, cx).ask(request))
}

function readOptions(reader: FilterReader): MuxPlan['options'] {
  const fn = reader.function(1)
  if (fn !== null) return { fn, isVersion: false }
  const options = reader.data(1, 'an object with options') ?? {}
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw reader.fault('argument 2 must be an object with options, or a function that gives one')
  }
  const { version } = options as Readonly<Record<string, unknown>>
  if (typeof version === 'object' && version !== null && '$fn' in version) {
    return { fn: Number(version.$fn), isVersion: true }
  }
  if (!spoken.has(version)) throw reader.fault(notSpoken)
  return null
}

/** One request. */
class Muxed {
  readonly #pipeline: Pipeline
  readonly #plan: MuxPlan
  readonly #cx: Context

  constructor(pipeline: Pipeline, plan: MuxPlan, cx: Context) {
    this.#pipeline = pipeline
    this.#plan = plan
    this.#cx = cx
  }

  async ask(request: HttpRequest): Promise<HttpResponse> {
    try {
      const { layout } = this.#plan
      await this.#checkOptions()
      const key = await this.#key()
      const connect = onlyConnect(layout)
      return connect
        ? await this.#straight(request, poolOf(key, this.#plan), connect)
        : await this.#throughPipeline(request, key)
    } catch (thrown) {
      const error = asPluginFailure(thrown)
      request.body?.cancel(error)
      throw error
    }
  }

  async #straight(request: HttpRequest, pool: string, connect: ConnectPlan): Promise<HttpResponse> {
    const destination = await destinationOf(this.#pipeline, connect)
    if (!destination) throw over()
    const { target, settings } = destination
    const { network } = this.#plan
    try {
      // a pool has no tries of its own
      if (settings.retryCount > 0) {
        return await network.exchange(await open(this.#pipeline, network, destination), request)
      }
      return await network.request(request, this.#cx, target, pool, settings.timeouts)
    } catch (thrown) {
      return this.#instead(asPluginFailure(thrown))
    }
  }

  async #throughPipeline(request: HttpRequest, key: CallbackResult | null): Promise<HttpResponse> {
    const pipeline = new PipelineStream(this.#pipeline, this.#plan.layout, startArguments(key))
    if (this.#pipeline.line.isOver) throw over()
    try {
      return await this.#plan.network.exchange(pipeline.stream, request)
    } catch (thrown) {
      const { ending } = pipeline
      if (!ending || ending.error === null || 'cause' in ending) return this.#instead(asPluginFailure(thrown))
      return synthesised(ending)
    }
  }

  /** What is neither the upstream's fault nor its failure goes its own way. */
  #instead(error: ProxyError): HttpResponse {
    if (error.traits.blame !== 'upstream' || this.#cx.abortReason) throw error
    return synthesised(endOf(error))
  }

  async #key(): Promise<CallbackResult | null> {
    const { key, reader } = this.#plan
    if (key === null) return null
    const result = await askValue(this.#pipeline, reader.place, key)
    if (!result) throw over()
    return result
  }

  async #checkOptions(): Promise<void> {
    const { options, reader } = this.#plan
    if (!options) return
    const result = await askValue(this.#pipeline, reader.place, options.fn)
    if (!result) throw over()
    if (spoken.has(options.isVersion ? plainOf(result) : versionIn(result))) return
    const { exchange, cx } = this.#pipeline.line
    const reason = `${reader.kind}(): ${notSpoken}`
    this.#pipeline.fail(exchange.runtime.error('exception', reader.place, reason, cx))
    throw over()
  }
}

/** For what will be told to nobody: the line is over. */
const over = () => new ProxyError('PLUGIN_THREW', 'the plugin failed')

const plainOf = (result: CallbackResult): unknown => (result.type === 'plain' ? result.value : undefined)

function versionIn(result: CallbackResult): unknown {
  if (result.type !== 'object' || typeof result.json !== 'object' || result.json === null) return undefined
  return 'version' in result.json ? result.json.version : undefined
}

function poolOf(key: CallbackResult | null, { pool }: MuxPlan): string {
  if (key?.type === 'plain') return JSON.stringify(key.value)
  return key?.type === 'object' ? `object ${key.key}` : pool
}

function startArguments(key: CallbackResult | null): readonly CallbackArgument[] {
  return key?.type === 'plain' ? [{ type: 'plain', value: key.value }] : []
}
