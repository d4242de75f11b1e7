import type { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../chains/http.ts'
import { defaultPluginPolicy, type PluginPolicy, type PluginSpec } from '../../chains/plugins.ts'
import { recordingTools, testContext, testModel, testRequest } from '../../chains/policy/testing.ts'
import type { PluginError, PluginErrorKind, PluginHost, SandboxedPlugin } from '../plugin/contract.ts'
import { loadEngineCode } from '../quickjs/engine-code.ts'
import { loadGuestSources } from './guest-sources.ts'
import { javaScriptLoader } from './javascript-plugin.ts'

const code = await loadEngineCode()
const sources = await loadGuestSources()

/** A loaded plugin, and what was seen of it from outside. */
export interface Loaded extends Disposable {
  readonly plugin: SandboxedPlugin
  readonly failures: { readonly kind: PluginErrorKind; readonly error: PluginError }[]
  readonly state: { calls: number; restarts: number }
  /** Sends one request through the plugin; `upstream` answers behind it. */
  ask(parts?: Partial<HttpRequest>, upstream?: Upstream): Promise<{ response: HttpResponse; text: string }>
}

/** What stands behind the plugin. */
export type Upstream = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

/** A policy that differs from the usual one as given. */
export function policyWith(parts: Partial<PluginPolicy>): PluginPolicy {
  return { ...defaultPluginPolicy, ...parts }
}

/** Loads a plugin as a worker would, with real tools but for the network. */
export function load(source: string, policy = defaultPluginPolicy, host: Partial<PluginHost> = {}): Loaded {
  const failures: Loaded['failures'] = []
  const state = { calls: 0, restarts: 0 }
  const spec: PluginSpec = {
    name: 'tried',
    version: '1',
    language: 'javascript',
    source,
    origin: 'plugins/tried.js',
    lineOffset: 0,
    columnOffset: 0,
    sourceMap: null,
    priority: 100,
    policy,
    previous: null,
  }
  const tools = recordingTools()
  const given: PluginHost = {
    tools: { ...tools, clock: { now: () => performance.now(), wallTime: () => Date.now(), after: later } },
    model: testModel(),
    meter: {
      called: () => {
        state.calls += 1
      },
      failed: (kind, error) => void failures.push({ kind, error }),
      restarted: () => {
        state.restarts += 1
      },
    },
    network: {
      request: () => Promise.reject(new Error('no network')),
      connect: () => Promise.reject(new Error('no network')),
      exchange: () => Promise.reject(new Error('no network')),
      serve: () => {},
    },
    kv: null,
    metrics: { metric: () => ({ add() {}, set() {}, observe() {} }) },
    httpModule: () => null,
    tcpModule: () => null,
    ...host,
  }
  const plugin = javaScriptLoader(code, sources)(spec, given)
  const filter = plugin.http('inbound-http')
  return {
    plugin,
    failures,
    state,
    async ask(parts = {}, upstream = echo) {
      const cx: Context = testContext()
      const request = testRequest({ headers: new HeaderList(['Host', 'shop']), ...parts })
      if (!filter) throw new Error('the plugin is none for HTTP')
      try {
        const response = await filter(request, cx, async (given) => upstream(given))
        return { response, text: await textOf(response.body) }
      } finally {
        cx.finish({ status: 0, error: null, response: null, receivedBytes: 0, sentBytes: 0, durationMs: 0 })
      }
    },
    [Symbol.dispose]: () => plugin[Symbol.dispose](),
  }
}

/** Answers with the request's own body. */
export const echo: Upstream = (request) =>
  localResponse(200, new HeaderList(['X-Path', request.path]), request.body)

/** The whole body as text. */
export async function textOf(body: Body | null): Promise<string> {
  return body ? (await body.buffer(1 << 24)).toString('utf8') : ''
}

function later(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}
