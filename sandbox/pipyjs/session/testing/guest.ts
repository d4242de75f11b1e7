/** What the tests of sessions are built from: scripts in real guests, and exchanges for them. */

import type { Context } from '../../../../chains/context.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import type { Model } from '../../../../chains/model.ts'
import { defaultPluginPolicy, type PluginLimits, type PluginSpec } from '../../../../chains/plugins.ts'
import {
  type RecordingTools,
  recordingTools,
  testContext,
  testModel,
} from '../../../../chains/policy/testing.ts'
import { engineCode } from '../../../quickjs/testing/code.ts'
import type { MessageHead, PipelineEvent, StartEvent } from '../../events.ts'
import type {
  CallbackArgument,
  CallbackResult,
  Expectation,
  GuestContext,
  GuestSession,
} from '../../guest-session.ts'
import { createGuestSession } from '../session.ts'

/** What a test may say of its plugin and of the world around it. */
export interface GuestOptions {
  readonly spec?: Partial<PluginSpec>
  readonly limits?: Partial<PluginLimits>
  readonly env?: readonly string[]
  readonly model?: Model
  readonly tools?: RecordingTools
}

/** A script in a guest. */
export interface TestGuest extends Disposable {
  readonly session: GuestSession
  readonly tools: RecordingTools
  /** What it wrote to the log outside of exchanges. */
  readonly lines: string[]
  /** The callback of the filter of that kind, counted among those of the entrance. */
  fn(kind: string, index?: number): number
  /** A new exchange, or a clone of one. */
  open(cx?: Context, parent?: GuestContext | null): GuestContext
}

/** The plugin that tests have, made of a script. */
export function testSpec(source: string, options: GuestOptions = {}): PluginSpec {
  const { limits, grants } = defaultPluginPolicy
  return {
    name: 'tested',
    version: 'v1',
    language: 'pipyjs',
    source,
    origin: 'tested.js',
    lineOffset: 0,
    columnOffset: 0,
    sourceMap: null,
    priority: 100,
    policy: {
      ...defaultPluginPolicy,
      limits: { ...limits, callMs: 1_000, ...options.limits },
      grants: { ...grants, env: options.env ?? [] },
    },
    previous: null,
    ...options.spec,
  }
}

/** Loads a script. */
export function loadGuest(source: string, options: GuestOptions = {}): TestGuest {
  const lines: string[] = []
  const write = (message: string): void => void lines.push(message)
  const log = { debug: write, info: write, warn: write, error: write }
  const tools = { ...(options.tools ?? recordingTools()), log }
  const meter = { called: () => {}, failed: () => {}, restarted: () => {} }
  const model = options.model ?? testModel()
  const session = createGuestSession(testSpec(source, options), engineCode, { tools, model, meter })
  const { entrance, pipelines } = session.plan
  return {
    session,
    tools,
    lines,
    fn(kind, index = 0) {
      const filters = pipelines[entrance ?? 0]?.filters ?? []
      const argument = filters.filter((filter) => filter.kind === kind)[index]?.args[0]
      if (argument?.type !== 'fn') throw new Error(`there is no callback ${kind} ${index}`)
      return argument.fn
    },
    open: (cx = testContext(), parent = null) => session.open(cx, parent),
    [Symbol.dispose]: () => session[Symbol.dispose](),
  }
}

/** Loads a script that has one callback, and gives a way to call it: each time in a new exchange unless told otherwise. */
export function loadCallback(callback: string, options: GuestOptions & { readonly variables?: string } = {}) {
  const guest = loadGuest(
    `pipy({ ${options.variables ?? ''} }).pipeline().replaceMessage(${callback})`,
    options,
  )
  const fn = guest.fn('replaceMessage')
  return {
    guest,
    call: (args: readonly CallbackArgument[] = [], expected: Expectation = 'value', context = guest.open()) =>
      context.call(fn, expected, args),
    [Symbol.dispose]: () => guest[Symbol.dispose](),
  }
}

/** What a callback that gives a plain value gave. */
export function plainOf(result: CallbackResult): unknown {
  if (result.type === 'plain') return result.value
  if (result.type === 'object') return result.json
  return result.type === 'none' ? undefined : result
}

/** Evaluates an expression in a callback of a new guest. */
export function evaluated(
  expression: string,
  options: GuestOptions & { readonly variables?: string } = {},
): unknown {
  using loaded = loadCallback(`() => (${expression})`, options)
  return plainOf(loaded.call())
}

/** A head of a request, with these fields. */
export function requestHead(fields: readonly string[] = [], parts: Partial<MessageHead> = {}): MessageHead {
  return {
    kind: 'request',
    id: 0,
    protocol: 'HTTP/1.1',
    method: 'GET',
    path: '/cart?id=1',
    status: 0,
    statusText: '',
    scheme: '',
    authority: '',
    headers: new HeaderList([...fields]),
    extra: null,
    ...parts,
  }
}

/** The head of an answer. */
export function responseHead(status: number, fields: readonly string[] = []): MessageHead {
  return requestHead(fields, { kind: 'response', status, statusText: 'OK', method: '', path: '' })
}

/** The event that a message with that head begins with. */
export function startOf(head: MessageHead): StartEvent {
  return { type: 'start', head, body: null, isWhole: false }
}

/** An argument: the event that a message with that head begins with. */
export function starting(head: MessageHead): CallbackArgument {
  return { type: 'event', event: startOf(head) }
}

/** An argument: a whole message. */
export function whole(head: MessageHead, body = ''): CallbackArgument {
  return { type: 'message', message: { start: startOf(head), bytes: Buffer.from(body), end: null } }
}

/** Events in short: `start 404 x-a=b`, `data text`, `end`, `streamEnd Replay`. */
export function shortOf(events: readonly PipelineEvent[]): string[] {
  return events.map((event) => {
    if (event.type === 'data') return `data ${Buffer.from(event.bytes)}`
    if (event.type === 'streamEnd') return `streamEnd ${event.error} ${event.detail}`.trim()
    if (event.type === 'end') return `end ${event.payload ?? ''}`.trim()
    const { kind, status, method, path, headers } = event.head
    const line = kind === 'response' ? String(status) : `${method} ${path}`
    return ['start', line, ...[...headers].map(([name, value]) => `${name}=${value}`)].join(' ')
  })
}

/** The events that a callback gave, in short. */
export function sentBy(result: CallbackResult): string[] {
  if (result.type === 'none') return []
  if (result.type !== 'events') throw new Error(`the callback gave ${result.type}, and no events`)
  return shortOf(result.events)
}
