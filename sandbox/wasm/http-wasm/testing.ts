import type { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { Next } from '../../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import { defaultPluginPolicy, type PluginLimits, type WasmSettings } from '../../../chains/plugins.ts'
import {
  recordingTools,
  testContext,
  testModel,
  testOutcome,
  testRequest,
} from '../../../chains/policy/testing.ts'
import type { Clock } from '../../../chains/tools.ts'
import { meter } from '../../metering/meter.ts'
import { wat } from '../../metering/testing/wat.ts'
import type { PluginErrorKind, PluginHost, SandboxedPlugin } from '../../plugin/contract.ts'
import { sayBack } from '../../plugin/testing/bench.ts'
import { testSpec } from '../../plugin/testing/kit.ts'
import { httpWasmLoader } from './http-wasm-plugin.ts'

/** The whole ABI as imports, some texts at fixed places, and helpers that guests of the tests are written with. */
const prelude = `
  (import "http_handler" "enable_features" (func $enable (param i32) (result i32)))
  (import "http_handler" "get_config" (func $get_config (param i32 i32) (result i32)))
  (import "http_handler" "log" (func $log (param i32 i32 i32)))
  (import "http_handler" "log_enabled" (func $log_enabled (param i32) (result i32)))
  (import "http_handler" "get_method" (func $get_method (param i32 i32) (result i32)))
  (import "http_handler" "set_method" (func $set_method (param i32 i32)))
  (import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32)))
  (import "http_handler" "set_uri" (func $set_uri (param i32 i32)))
  (import "http_handler" "get_protocol_version" (func $get_protocol_version (param i32 i32) (result i32)))
  (import "http_handler" "get_source_addr" (func $get_source_addr (param i32 i32) (result i32)))
  (import "http_handler" "get_status_code" (func $get_status (result i32)))
  (import "http_handler" "set_status_code" (func $set_status (param i32)))
  (import "http_handler" "get_header_names" (func $names (param i32 i32 i32) (result i64)))
  (import "http_handler" "get_header_values" (func $values (param i32 i32 i32 i32 i32) (result i64)))
  (import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
  (import "http_handler" "add_header_value" (func $add (param i32 i32 i32 i32 i32)))
  (import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))
  (import "http_handler" "write_body" (func $write (param i32 i32 i32)))`
const readBody = `(import "http_handler" "read_body" (func $read (param i32 i32 i32) (result i64)))`

/** What a guest of a test consists of, in the text format. Texts are put at the places that {@link text} gives. */
export interface GuestText {
  readonly imports?: string
  readonly start?: string
  /** Leaves an i64; `(i64.const 1)` is `next`. */
  readonly request?: string
  readonly response?: string
  readonly more?: string
  /** Whether it imports `read_body`. */
  readonly reads?: boolean
  readonly pages?: number
}

/** Texts that guests have in their memory, each at its own place. */
export class Texts {
  readonly #texts: string[] = []
  #at = 1_024

  /** The address and length of a text, as two constants. */
  of(text: string): string {
    const at = this.#at
    this.#texts.push(`(data (i32.const ${at}) "${escaped(text)}")`)
    this.#at += Buffer.byteLength(text, 'latin1')
    return `(i32.const ${at}) (i32.const ${text.length})`
  }

  get data(): string {
    return this.#texts.join('\n')
  }
}

const escaped = (text: string): string =>
  [...Buffer.from(text, 'latin1')].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')

/** The module of a guest, metered as for a worker. */
export function guestModule(make: (texts: Texts) => GuestText, maxPages = 16): WebAssembly.Module {
  const texts = new Texts()
  const guest = make(texts)
  const source = `(module ${prelude} ${guest.reads ? readBody : ''} ${guest.imports ?? ''}
    (memory (export "memory") ${guest.pages ?? 2})
    (global $seen (mut i32) (i32.const 0))
    ${texts.data}
    (func $low (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
    (func $high (param i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
    ${guest.more ?? ''}
    ${guest.start ? `(func (export "_initialize") ${guest.start})` : ''}
    (func (export "handle_request") (result i64) (local $n i32) (local $w i64) ${guest.request ?? '(i64.const 1)'})
    (func (export "handle_response") (param $context i32) (param $error i32) (local $n i32) (local $w i64)
      ${guest.response ?? ''}))`
  return metered(source, maxPages)
}

/** Any module, metered. */
export function metered(source: string, maxPages = 16): WebAssembly.Module {
  const options = { mode: 'tick', initialFuel: 100_000, maxPages, maxTable: 1_000, keepNames: true } as const
  return new WebAssembly.Module(meter(wat(source, true), options))
}

/** A loaded plugin, and what it told of itself. */
export interface Tried extends Disposable {
  readonly plugin: SandboxedPlugin
  readonly told: {
    restarts: number
    calls: number
    readonly failures: { kind: PluginErrorKind; message: string }[]
    readonly lines: string[]
  }
  ask(parts?: Partial<HttpRequest>, upstream?: Next<HttpRequest, HttpResponse>, cx?: Context): Promise<Ended>
}

/** How an exchange ended. */
export interface Ended {
  readonly status: number
  readonly fields: readonly string[]
  /** Ends with `!CODE` when it broke off. */
  readonly text: string
  readonly trailers: readonly string[]
  readonly sent: readonly {
    method: string
    path: string
    fields: readonly string[]
    body: string
    trailers: readonly string[]
  }[]
}

/** Loads a module as a worker would. */
export function tryModule(
  module: WebAssembly.Module,
  settings: Partial<WasmSettings> = {},
  limits: Partial<PluginLimits> = {},
  clock: Clock = realClock,
): Tried {
  const told: Tried['told'] = { restarts: 0, calls: 0, failures: [], lines: [] }
  const wasm: WasmSettings = {
    ...{ abi: 'http-wasm', module, digest: '', rootId: '', vmId: '', vmConfiguration: new Uint8Array() },
    ...{ configuration: new Uint8Array(), environment: {}, bodyWhileHeadersHeld: false, capabilities: null },
    ...settings,
  }
  const policy = { limits: { ...defaultPluginPolicy.limits, memoryMiB: 1, bufferKiB: 4, ...limits } }
  const spec = testSpec('tried', policy, { language: 'wasm', wasm })
  const plugin = httpWasmLoader()(spec, testHost(told, clock))
  const filter = plugin.http('inbound-http')
  if (!filter) throw new Error('there is no filter')
  return {
    plugin,
    told,
    async ask(parts = {}, upstream = sayBack, cx = testContext({ protocol: 'http' })) {
      const sent: Ended['sent'][number][] = []
      const next: Next<HttpRequest, HttpResponse> = async (request, given) => {
        const { method, path, headers, body } = request
        const { text, trailers } = await whole(body)
        sent.push({ method, path, fields: [...headers.fields], body: text, trailers })
        return upstream(request, given)
      }
      try {
        const { status, headers, body } = await filter(testRequest(parts), cx, next)
        return { status, fields: headers.fields, ...(await whole(body)), sent }
      } catch (thrown) {
        return { status: 0, fields: [], text: `!${(thrown as ProxyError).code}`, trailers: [], sent }
      } finally {
        cx.finish(testOutcome({}))
      }
    },
    [Symbol.dispose]: () => plugin[Symbol.dispose](),
  }
}

async function whole(body: HttpRequest['body']): Promise<{ text: string; trailers: readonly string[] }> {
  let text = ''
  if (!body) return { text, trailers: [] }
  const write = (bytes: Uint8Array) => {
    text += Buffer.from(bytes).toString()
    return true
  }
  try {
    const trailers = await body.pipeTo({ write, end: () => {} })
    return { text, trailers: [...(trailers?.fields ?? [])] }
  } catch (thrown) {
    return { text: `${text}!${(thrown as ProxyError).code}`, trailers: [] }
  }
}

function testHost(told: Tried['told'], clock: Clock): PluginHost {
  const noNetwork = () => Promise.reject(new Error('there is no network'))
  const line = (level: string) => (message: string) => void told.lines.push(`${level} ${message}`)
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  return {
    tools: { ...recordingTools(), clock, log },
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
    kv: null,
    metrics: { metric: () => ({ add() {}, set() {}, observe() {} }) },
    httpModule: () => null,
    tcpModule: () => null,
  }
}

const realClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}
