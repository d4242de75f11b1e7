import type { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { Next } from '../../../chains/filter.ts'
import { HeaderList } from '../../../chains/headers.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import type { WasmSettings } from '../../../chains/plugins.ts'
import {
  recordingTools,
  testContext,
  testModel,
  testOutcome,
  testRequest,
} from '../../../chains/policy/testing.ts'
import type { PluginHost, SandboxedPlugin } from '../../plugin/contract.ts'
import { suiteLimits } from '../../plugin/testing/behaviours.ts'
import { sayBack } from '../../plugin/testing/bench.ts'
import { testSpec, textOf } from '../../plugin/testing/kit.ts'
import { guestKit } from './behaviours.ts'
import { data, type GuestParts } from './guests.ts'
import type { TestLoader } from './loader.ts'

/** A guest that is loaded, and what was seen of it. */
export interface Loaded {
  readonly plugin: SandboxedPlugin
  /** What it logged. */
  readonly lines: string[]
  readonly failures: string[]
  restarts: number
  /** One exchange, to its end: its answer, and what the upstream was sent. */
  ask(parts?: Partial<HttpRequest>, upstream?: Next<HttpRequest, HttpResponse>, cx?: Context): Promise<Asked>
}

/** How an exchange ended: 0 and `!CODE` when there was no answer. */
export interface Asked {
  readonly status: number
  readonly headers: HeaderList
  readonly text: string
  /** The request as the upstream got it; null when it got none. */
  readonly sent: { readonly fields: readonly string[]; readonly body: string; readonly line: string } | null
}

/** Loads a guest as the plugin `name`. */
export function loadGuest(
  { loader, specOf }: TestLoader,
  parts: GuestParts,
  settings: Partial<WasmSettings> = {},
  name = 'tried',
): Loaded {
  const lines: string[] = []
  const failures: string[] = []
  const keep = (line: string) => void lines.push(line)
  const spec = specOf(testSpec(name, { limits: suiteLimits }), parts, settings)
  const noNetwork = () => Promise.reject(new Error('there is no network here'))
  const loaded = { lines, failures, restarts: 0 }
  const host: PluginHost = {
    tools: {
      ...recordingTools(),
      clock,
      log: { debug: keep, info: keep, warn: keep, error: keep },
    },
    model: testModel(),
    meter: {
      called: () => {},
      failed: (kind, { message }) => void failures.push(`${kind}: ${message}`),
      restarted: () => {
        loaded.restarts += 1
      },
    },
    network: { request: noNetwork, connect: noNetwork, exchange: noNetwork, serve: () => {} },
    kv: null,
    metrics: { metric: () => ({ add() {}, set() {}, observe() {} }) },
    httpModule: () => null,
    tcpModule: () => null,
  }
  const plugin = loader(spec, host)
  return Object.assign(loaded, {
    plugin,
    ask: (request?: Partial<HttpRequest>, upstream = sayBack, cx = testContext({ protocol: 'http' })) =>
      askThrough([plugin], request, upstream, cx),
  })
}

/** One exchange through several plugins, the first of them outermost. */
export async function askThrough(
  plugins: readonly SandboxedPlugin[],
  parts: Partial<HttpRequest> = {},
  upstream: Next<HttpRequest, HttpResponse> = sayBack,
  cx: Context = testContext({ protocol: 'http' }),
): Promise<Asked> {
  let sent: Asked['sent'] = null
  const last: Next<HttpRequest, HttpResponse> = async (request, given) => {
    const { method, path, headers } = request
    const body = await textOf(request.body)
    sent = { line: `${method} ${path}`, fields: [...headers.fields], body }
    return upstream(request, given)
  }
  const chain = plugins.reduceRight<Next<HttpRequest, HttpResponse>>((next, plugin) => {
    const filter = plugin.http('inbound-http')
    return filter ? (request, given) => filter(request, given, next) : next
  }, last)
  let asked: Omit<Asked, 'sent'>
  try {
    const { status, headers, body } = await chain(testRequest(parts), cx)
    asked = { status, headers, text: await textOf(body) }
  } catch (thrown) {
    asked = { status: 0, headers: new HeaderList(), text: `!${(thrown as ProxyError).code}` }
  }
  cx.finish(testOutcome({ status: asked.status }))
  return { ...asked, sent }
}

const clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

/** What a test's guest does in each of its callbacks, by name without `proxy_on_`; each says first that it was called. */
export type Script = Readonly<Record<string, string>>

const say = `
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $setProperty (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $choose (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $setPairs (param i32 i32 i32) (result i32)))`

/** Logs a text with two numbers behind it; and what a host function has given back at 128 and 132. */
const trace = `
  (func $trace (param $at i32) (param $size i32) (param $number i32) (param $other i32)
    (local $digits i32)
    (memory.copy (i32.const 1024) (local.get $at) (local.get $size))
    (i32.store8 (i32.add (i32.const 1024) (local.get $size)) (i32.const 32))
    (local.set $size (i32.add (local.get $size) (i32.const 1)))
    (local.set $digits (call $digits (local.get $number)))
    (memory.copy (i32.add (i32.const 1024) (local.get $size))
      (i32.sub (i32.const 120) (local.get $digits)) (local.get $digits))
    (local.set $size (i32.add (local.get $size) (local.get $digits)))
    (i32.store8 (i32.add (i32.const 1024) (local.get $size)) (i32.const 32))
    (i32.store8 (i32.add (i32.const 1025) (local.get $size)) (i32.add (i32.const 48) (local.get $other)))
    (drop (call $log (i32.const 2) (i32.const 1024) (i32.add (local.get $size) (i32.const 2)))))
  (func $show (drop (call $log (i32.const 2) (i32.load (i32.const 128)) (i32.load (i32.const 132)))))
  (func $status (param $status i32)
    (call $trace (i32.const 192) (i32.const 6) (local.get $status) (i32.const 0)))`

const withoutResult = new Set([
  'log',
  'delete',
  'context_create',
  'tick',
  'downstream_connection_close',
  'upstream_connection_close',
])
const withoutEnd = new Set(['request_trailers', 'response_trailers', 'context_create', 'new_connection'])

/** A guest that logs each of these callbacks, with its numbers, and then does what is said; without more it continues. */
export function scriptedGuest(script: Script, more = ''): GuestParts {
  const callbacks = Object.entries(script).map(([name, body], index) => {
    const at = 2_048 + 48 * index
    const result = withoutResult.has(name) ? '' : '(result i32)'
    const call = `(call $trace (i32.const ${at}) (i32.const ${name.length}) (local.get $size) (i32.const 0))`
    const withEnd = call.replace('(i32.const 0))', '(local.get $end))')
    const said = withoutEnd.has(name) || withoutResult.has(name) ? call : withEnd
    const ending = withoutResult.has(name)
      ? ''
      : name === 'done' || name === 'configure'
        ? '(i32.const 1)'
        : '(i32.const 0)'
    return `${data(at, name)} (func (export "proxy_on_${name}")
      (param $id i32) (param $size i32) (param $end i32) ${result} ${said} ${body} ${ending})`
  })
  const { imports, texts, isPath, raise, digits, allocator } = guestKit
  return {
    imports: imports + say,
    body: [texts, data(192, 'status'), isPath, raise, digits, trace, more, ...callbacks].join('\n'),
    allocator,
  }
}
