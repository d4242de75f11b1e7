import type { Test } from 'tap'
import { Body } from '../../../chains/body.ts'
import type { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { Next } from '../../../chains/filter.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../../chains/http.ts'
import {
  recordingTools,
  testContext,
  testModel,
  testOutcome,
  testRequest,
} from '../../../chains/policy/testing.ts'
import { type ByteStream, relay } from '../../../chains/stream.ts'
import type { Clock } from '../../../chains/tools.ts'
import type { PluginErrorKind, PluginHost, SandboxedPlugin } from '../contract.ts'
import { type BehaviourName, type SandboxUnderTest, suiteLimits } from './behaviours.ts'
import { streamPair, testSpec, textOf } from './kit.ts'
import { localKeyValues } from './local-key-value.ts'

/** How an exchange ended for the client. */
export interface Ended {
  /** 0 when there was no answer. */
  readonly status: number
  readonly headers: HeaderList
  /** The body; `!CODE` at its end says that it broke off, and alone that there was no answer. */
  readonly text: string
  /** What the upstream was sent, in order. */
  readonly sent: readonly SentRequest[]
}

/** A request as the upstream got it. */
export interface SentRequest {
  readonly method: string
  readonly path: string
  readonly headers: HeaderList
  readonly body: string
}

/** A loaded plugin of the suite, and what it told of itself. */
export interface Tried {
  readonly plugin: SandboxedPlugin
  readonly told: {
    calls: number
    restarts: number
    readonly failures: { kind: PluginErrorKind; message: string }[]
  }
  /** One exchange, from its head to its end. */
  ask(parts?: Partial<HttpRequest>, options?: AskOptions): Promise<Ended>
  /** One connection to an upstream that says everything back: what the client hears when it says this. */
  talk(said: readonly string[]): Promise<string>
}

/** What is different about one exchange. */
export interface AskOptions {
  readonly cx?: Context
  readonly upstream?: Next<HttpRequest, HttpResponse>
}

/** Loads plugins, and looks after them until the end of a test. */
export interface Bench extends Disposable {
  load(behaviour: BehaviourName): Tried
  /** Asserts that no exchange is left in any plugin. */
  assertEmpty(t: Test): void
}

/** A bench for one test of the suite. */
export function openBench(sandbox: SandboxUnderTest): Bench {
  const loaded: SandboxedPlugin[] = []
  return {
    load(behaviour) {
      const tried = load(sandbox, behaviour)
      loaded.push(tried.plugin)
      return tried
    },
    assertEmpty(t) {
      for (const plugin of loaded) t.equal(plugin.usage().exchanges, 0, 'no exchange is left in the plugin')
    },
    [Symbol.dispose]() {
      for (const plugin of loaded) plugin[Symbol.dispose]()
    },
  }
}

function load({ language, loader, sources }: SandboxUnderTest, behaviour: BehaviourName): Tried {
  const told: Tried['told'] = { calls: 0, restarts: 0, failures: [] }
  const grants = { connect: [], env: [], shared: false, config: false }
  const spec = testSpec(
    'tried',
    { limits: suiteLimits, grants },
    { language, source: sources[behaviour] ?? '' },
  )
  const noNetwork = () => Promise.reject(new Error('the suite has no network'))
  const host: PluginHost = {
    tools: { ...recordingTools(), clock: realClock },
    model: testModel(),
    meter: {
      called: () => {
        told.calls += 1
      },
      failed: (kind, { message }) => void told.failures.push({ kind, message }),
      restarted: () => {
        told.restarts += 1
      },
    },
    network: { request: noNetwork, connect: noNetwork, exchange: noNetwork, serve: () => {} },
    kv: localKeyValues()('tried'),
    metrics: { metric: () => ({ add() {}, set() {}, observe() {} }) },
    httpModule: () => null,
    tcpModule: () => null,
  }
  const plugin = loader(spec, host)
  return {
    plugin,
    told,
    ask: (parts, options) => ask(plugin, parts, options),
    talk: (said) => talk(plugin, said),
  }
}

/** Says what it got, in a body that is not there at once. */
export const sayBack: Next<HttpRequest, HttpResponse> = async ({ path }) =>
  localResponse(200, new HeaderList(['X-From', 'upstream']), Body.of(`you asked for ${path}`))

async function ask(
  plugin: SandboxedPlugin,
  parts: Partial<HttpRequest> = {},
  { cx = testContext({ protocol: 'http' }), upstream = sayBack }: AskOptions = {},
): Promise<Ended> {
  const sent: SentRequest[] = []
  const filter = plugin.http('inbound-http')
  if (!filter) throw new Error('the plugin has no filter for HTTP')
  const next: Next<HttpRequest, HttpResponse> = async (request, given) => {
    const { method, path, headers } = request
    sent.push({ method, path, headers: headers.clone(), body: await textOf(request.body) })
    return upstream(request, given)
  }
  let ended: Omit<Ended, 'sent'>
  try {
    const { status, headers, body } = await filter(testRequest(parts), cx, next)
    ended = { status, headers, text: await textOf(body) }
  } catch (thrown) {
    ended = { status: 0, headers: new HeaderList(), text: `!${(thrown as ProxyError).code}` }
  }
  cx.finish(testOutcome({ status: ended.status }))
  return { ...ended, sent }
}

async function talk(plugin: SandboxedPlugin, said: readonly string[]): Promise<string> {
  const filter = plugin.tcp('inbound-tcp')
  if (!filter) throw new Error('the plugin has no filter for TCP')
  const cx = testContext({ protocol: 'tcp' })
  const [client, near] = streamPair()
  const heard = textOf(client.readable)
  const upstream = async (): Promise<ByteStream> => {
    const [there, echo] = streamPair()
    relay(echo.readable, echo.writable)
    return there
  }
  try {
    const stream = await filter(near, cx, upstream)
    relay(near.readable, stream.writable)
    relay(stream.readable, near.writable)
  } catch (thrown) {
    near.destroy(thrown as ProxyError)
  }
  for (const text of said) {
    await pause(5)
    client.writable.write(Buffer.from(text))
  }
  await pause(5)
  client.writable.end(null)
  const all = await heard
  cx.finish(testOutcome({ status: 0 }))
  return all
}

/** Resolves after that many milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const realClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}
