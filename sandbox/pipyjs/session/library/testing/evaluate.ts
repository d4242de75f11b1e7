/** What the tests of the library are built from: expressions that are evaluated in a real guest. */

import type { Context } from '../../../../../chains/context.ts'
import type { Model } from '../../../../../chains/model.ts'
import { defaultPluginPolicy, type PluginSpec } from '../../../../../chains/plugins.ts'
import { recordingTools, testContext, testModel } from '../../../../../chains/policy/testing.ts'
import type { Tools } from '../../../../../chains/tools.ts'
import type { Network } from '../../../../plugin/network.ts'
import type { ScriptMetrics } from '../../../../plugin/script-metrics.ts'
import type { HostFunction } from '../../../../quickjs/contract.ts'
import { engineCode } from '../../../../quickjs/testing/code.ts'
import type { GuestSession } from '../../../guest-session.ts'
import { Quotas } from '../../../runtime/quota.ts'
import { createGuestSession } from '../../session.ts'
import { libraryFunctions } from '../library.ts'

/** What a test may say of the world of its guest. */
export interface World {
  readonly tools?: Tools
  readonly network?: Partial<Network>
  readonly metrics?: ScriptMetrics
  readonly model?: Model
  /** Nothing said leaves it to the configs in the model. */
  readonly connect?: readonly string[]
  readonly callMs?: number
  /** In the place of functions of the host. */
  readonly functions?: Readonly<Record<string, HostFunction>>
  /** Files that `pipy.load()` knows. */
  readonly files?: Readonly<Record<string, string>>
}

/** A guest whose script has been loaded. */
export interface Guest extends Disposable {
  readonly session: GuestSession
  /** What the script wrote to the log. */
  readonly lines: string[]
  /** Calls what the script gave to `onStart`, for an exchange. */
  start(cx?: Context): void
}

/** Loads a script in a guest of its own, with the real functions of the host. */
export function load(source: string, world: World = {}): Guest {
  const tools = world.tools ?? recordingTools()
  const lines: string[] = []
  const { limits, grants } = defaultPluginPolicy
  const spec: PluginSpec = {
    name: 'tried',
    version: 'v1',
    language: 'pipyjs',
    source,
    origin: 'tried.js',
    lineOffset: 0,
    columnOffset: 0,
    sourceMap: null,
    priority: 100,
    policy: {
      ...defaultPluginPolicy,
      limits: { ...limits, callMs: world.callMs ?? 1_000 },
      grants: { ...grants, connect: world.connect ?? null },
    },
    previous: null,
  }
  const log: HostFunction = (call) => {
    lines.push(call.string(1))
  }
  const functions: Record<string, HostFunction> = {
    ...libraryFunctions(spec, hostOf(tools, world), new Quotas(spec.name, tools.clock, tools.shared)),
    log,
    ...world.functions,
  }
  if (world.files) functions.loadFile = (call) => fileOf(world, call.string(0))
  const meter = { called: () => {}, failed: () => {}, restarted: () => {} }
  const session = createGuestSession(spec, engineCode, {
    tools,
    model: world.model ?? testModel(),
    meter,
    functions,
  })
  const onStart = session.plan.pipelines[0]?.onStart
  return {
    session,
    lines,
    start: (cx = testContext()) => {
      if (onStart?.type !== 'fn') throw new Error('the script has no onStart')
      session.open(cx, null).call(onStart.fn, 'nothing', [])
    },
    [Symbol.dispose]: () => session[Symbol.dispose](),
  }
}

/** Evaluates expressions in one guest; each gives its value as plain data, or `{ throws: MESSAGE }`. */
export function evaluate(expressions: readonly string[], world: World = {}): unknown[] {
  const list = expressions.map((expression) => `() => (${expression})`).join(',\n')
  using guest = load(
    `[${list}].forEach(one => {
      let result
      try { result = { value: one() } } catch (error) { result = { throws: String(error.message ?? error) } }
      console.log(JSON.stringify(result))
    })
    pipy()`,
    world,
  )
  return guest.lines.map((line) => {
    const result = JSON.parse(line) as { value?: unknown; throws?: string }
    return result.throws === undefined ? result.value : { throws: result.throws }
  })
}

/** A text as a script would write it. */
export const quoted = (text: string): string => JSON.stringify(text)

function hostOf(tools: Tools, world: World) {
  const nothing = () => Promise.reject(new Error('this test has no network'))
  return {
    tools,
    model: world.model ?? testModel(),
    network: {
      request: nothing,
      connect: nothing,
      exchange: nothing,
      serve: () => {},
      ...world.network,
    },
    metrics: world.metrics ?? { metric: () => ({ add: () => {}, set: () => {}, observe: () => {} }) },
  }
}

function fileOf({ files = {} }: World, path: string): Uint8Array | null {
  return Object.hasOwn(files, path) ? Buffer.from(files[path] as string, 'latin1') : null
}
