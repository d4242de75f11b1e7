/** What the tests of the runtime are built from: a plugin of a script, chains around it, and bodies that can be watched. */

import { Body, type BodySink, type BodySource } from '../../../../chains/body.ts'
import { buildChain, type HttpChain, type TcpChain } from '../../../../chains/chain.ts'
import { Context } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { HttpFilter, Next, TcpFilter } from '../../../../chains/filter.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import { localResponse } from '../../../../chains/http.ts'
import { defaultPluginPolicy, type PluginLimits, type PluginSpec } from '../../../../chains/plugins.ts'
import {
  type RecordingTools,
  recordingTools,
  testContext,
  testModel,
  testOutcome,
} from '../../../../chains/policy/testing.ts'
import type { ByteStream } from '../../../../chains/stream.ts'
import type { PluginErrorKind, PluginHost, SandboxedPlugin } from '../../../plugin/contract.ts'
import type { Network } from '../../../plugin/network.ts'
import { engineCode } from '../../../quickjs/testing/code.ts'
import { pipyJsLoader } from '../../pipyjs-plugin.ts'
import { createGuestSession } from '../../session/session.ts'
import type { QuotaOptions } from '../quota.ts'

/** What a test may say of its plugin. */
export interface BenchOptions {
  readonly limits?: Partial<PluginLimits>
  readonly connect?: readonly string[]
  readonly http?: Readonly<Record<string, HttpFilter>>
  readonly tcp?: Readonly<Record<string, TcpFilter>>
  readonly network?: Partial<Network>
  readonly tools?: RecordingTools
  /** They have the numbers 1, 2 and so on. */
  readonly quotas?: readonly QuotaOptions[]
}

/** A loaded plugin, and what it told of itself. */
export interface Bench extends Disposable {
  readonly plugin: SandboxedPlugin
  readonly tools: RecordingTools
  readonly failures: PluginErrorKind[]
  readonly restarts: () => number
  /** The plugin as an inbound HTTP chain in front of `upstream`. */
  http(upstream: Next<HttpRequest, HttpResponse>): HttpChain
  tcp(upstream: Next<ByteStream, ByteStream>): TcpChain
}

const spec = (source: string, options: BenchOptions): PluginSpec => ({
  name: 'tested',
  version: 'v1',
  language: 'pipyjs',
  source,
  origin: 'tested.yaml',
  lineOffset: 0,
  columnOffset: 0,
  sourceMap: null,
  priority: 115,
  policy: {
    ...defaultPluginPolicy,
    limits: { ...defaultPluginPolicy.limits, ...options.limits },
    grants: { ...defaultPluginPolicy.grants, connect: options.connect ?? [] },
  },
  previous: null,
})

const noNetwork: Network = {
  request: () => Promise.reject(new Error('this test has no network')),
  connect: () => Promise.reject(new Error('this test has no network')),
  exchange: () => Promise.reject(new Error('this test has no network')),
  serve: () => {
    throw new Error('this test has no network')
  },
}

/** Loads a script as a plugin. Dispose of it: that checks that no exchange is left in it. */
export function bench(source: string, options: BenchOptions = {}): Bench {
  const tools = options.tools ?? recordingTools()
  const failures: PluginErrorKind[] = []
  let restarts = 0
  const host: PluginHost = {
    tools,
    model: testModel(),
    meter: {
      called: () => {},
      failed: (kind) => void failures.push(kind),
      restarted: () => {
        restarts += 1
      },
    },
    network: { ...noNetwork, ...options.network },
    kv: null,
    metrics: {
      metric: () => {
        throw new RangeError('this test has no metrics')
      },
    },
    httpModule: (file) => options.http?.[file] ?? null,
    tcpModule: (file) => options.tcp?.[file] ?? null,
  }
  const load = pipyJsLoader((made, given, quotas) => {
    for (const quota of options.quotas ?? []) quotas.open(quota)
    return createGuestSession(made, engineCode, given)
  })
  const plugin = load(spec(source, options), host)
  const step = <F>(filter: F | null) => ({
    name: 'plugins/tested.js',
    priority: 115,
    plugin: { version: 'v1', mode: 'enforce' as const },
    filter: filter as F,
  })
  return {
    plugin,
    tools,
    failures,
    restarts: () => restarts,
    http: (upstream) => buildChain('inbound-http', [step(plugin.http('inbound-http'))], upstream),
    tcp: (upstream) => buildChain('inbound-tcp', [step(plugin.tcp('inbound-tcp'))], upstream),
    [Symbol.dispose]() {
      const { exchanges } = plugin.usage()
      plugin[Symbol.dispose]()
      if (exchanges > 0) throw new Error(`${exchanges} exchanges are left in the plugin`)
    },
  }
}

/** The context of a new exchange, which gives its log lines away. */
export function loggingContext(
  write: (message: string, fields: Readonly<Record<string, unknown>>) => void,
  id = 'x',
): Context {
  const { peer, vars, startedAt } = testContext()
  const log = (message: string, fields: Readonly<Record<string, unknown>> = {}) => write(message, fields)
  return new Context({
    id,
    peer,
    vars,
    startedAt,
    log: { debug: log, info: log, warn: log, error: log },
  })
}

/** What came of one request. */
export interface Asked {
  readonly response: HttpResponse
  readonly text: string
  readonly trailers: HeaderList | null
}

/** Sends a request through a chain, reads its answer to the end, and ends the exchange as the edge does. */
export async function ask(
  chain: HttpChain,
  request: HttpRequest,
  cx: Context = testContext(),
): Promise<Asked> {
  try {
    const response = await chain.run(request, cx)
    let text = ''
    const trailers = response.body
      ? await response.body.pipeTo({
          write: (bytes) => {
            text += Buffer.from(bytes).toString()
            return true
          },
          end: () => {},
        })
      : null
    cx.finish(testOutcome({ status: response.status }))
    return { response, text, trailers }
  } catch (error) {
    if (error instanceof ProxyError) {
      cx.abort(error)
      cx.finish(testOutcome({ error }))
    }
    throw error
  }
}

/** An upstream that answers 200 with what it was sent: `METHOD PATH`, the header `x-seen`, and the body. */
export const echo: Next<HttpRequest, HttpResponse> = async ({ method, path, headers, body }) => {
  const text = body ? (await body.buffer(1 << 20)).toString() : ''
  const seen = headers.get('x-seen') ?? ''
  return localResponse(
    200,
    new HeaderList(['Server', 'echo', 'X-Seen', seen]),
    Body.of(`${method} ${path} ${text}`),
  )
}

/** A body that a test feeds by hand. */
export interface HandBody {
  readonly body: Body
  /** Null until somebody opens it. */
  readonly sink: () => BodySink | null
  /** How often the reader said that it has room again. */
  readonly resumes: () => number
  readonly cancelled: () => ProxyError | null
}

/** Makes a body that gives nothing by itself. */
export function handBody(length: number | null = null): HandBody {
  let sink: BodySink | null = null
  let resumes = 0
  let cancelled: ProxyError | null = null
  const source: BodySource = {
    open: (opened) => {
      sink = opened
    },
    resume: () => {
      resumes += 1
    },
    cancel: (reason) => {
      cancelled ??= reason
    },
  }
  return {
    body: new Body(source, length),
    sink: () => sink,
    resumes: () => resumes,
    cancelled: () => cancelled,
  }
}
