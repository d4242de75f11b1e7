import type { PluginGrants } from '../../../../chains/plugins.ts'
import type { PluginHost } from '../../../plugin/contract.ts'
import { grantsOf, mayConnect, readTarget, targetText } from '../../../plugin/grants.ts'
import type { Network, NetworkTarget, NetworkTimeouts } from '../../../plugin/network.ts'
import type { CallbackResult } from '../../guest-session.ts'
import { type Dynamic, durationForm, type FilterReader, milliseconds } from '../arguments.ts'
import type { Pipeline } from '../pipeline.ts'
import { askValue } from './values.ts'

/** How a connection is made and kept. */
export interface ConnectSettings {
  readonly timeouts: NetworkTimeouts
  /** Further tries after one that never got through; infinite when there is no limit. */
  readonly retryCount: number
  readonly retryDelayMs: number
}

/** What a script said of `connect()`. */
export interface ConnectPlan {
  readonly reader: FilterReader
  readonly grants: PluginGrants
  readonly target: Dynamic<NetworkTarget>
  readonly settings: Dynamic<ConnectSettings>
}

/** A target that a plugin may go to, and how. */
export interface Destination {
  readonly target: NetworkTarget
  readonly settings: ConnectSettings
}

const targetForm = "'host:port', such as 'auth.example:8080' or '[::1]:80', or a function that gives it"

/** Reads what a script said of `connect()`; a target that is written there must be granted. */
export function readConnect(reader: FilterReader, host: PluginHost): ConnectPlan {
  reader.atMost(2)
  const grants = grantsOf(reader.spec, host.model)
  const target = reader.dynamic(0, targetForm, targetIn)
  if ('value' in target && !mayConnect(grants, target.value)) {
    throw reader.fault(notGranted(reader, target.value))
  }
  const fn = reader.function(1)
  if (fn !== null) return { reader, grants, target, settings: { fn } }
  const options = reader.data(1, 'an object with options') ?? {}
  const settings = settingsIn(options, (reason) => reader.fault(reason))
  return { reader, grants, target, settings: { value: settings } }
}

/**
 * Asks the script where to go, and checks that it may. Null when that failed,
 * and the line with it.
 */
export async function destinationOf(pipeline: Pipeline, plan: ConnectPlan): Promise<Destination | null> {
  const { reader, grants } = plan
  const fail = (reason: string): null => {
    const { exchange, cx } = pipeline.line
    pipeline.fail(exchange.runtime.error('exception', reader.place, reason, cx))
    return null
  }
  const target = 'value' in plan.target ? plan.target.value : await askTarget(pipeline, plan, plan.target.fn)
  if (pipeline.line.isOver) return null
  if (target === null) return fail(`${reader.kind}() takes ${targetForm}`)
  if (!mayConnect(grants, target)) return fail(`${reader.kind}(): ${notGranted(reader, target)}`)
  if ('value' in plan.settings) return { target, settings: plan.settings.value }
  const options = await askValue(pipeline, reader.place, plan.settings.fn)
  if (!options) return null
  try {
    const given = options.type === 'object' ? options.json : {}
    return { target, settings: settingsIn(given, (reason) => new Error(reason)) }
  } catch (wrong) {
    return fail(`${reader.kind}(): ${(wrong as Error).message}`)
  }
}

/** Opens a raw connection, again if the script said so. Rejects with the `ProxyError` of the last try. */
export async function open(pipeline: Pipeline, network: Network, { target, settings }: Destination) {
  const { cx, exchange } = pipeline.line
  const { clock } = exchange.runtime.host.tools
  let goOn = (): void => {}
  if (settings.retryCount > 0) pipeline.line.onEnd(() => goOn())
  for (let tries = 0; ; tries += 1) {
    try {
      return await network.connect(cx, target, settings.timeouts)
    } catch (thrown) {
      if (tries >= settings.retryCount || pipeline.line.isOver || cx.abortReason) throw thrown
      // never at once: a refusal comes back within no time at all
      await new Promise<void>((resolve) => {
        const stop = clock.after(Math.max(settings.retryDelayMs, minRetryDelayMs), resolve)
        goOn = () => {
          stop()
          resolve()
        }
      })
      if (pipeline.line.isOver) throw thrown
    }
  }
}

const minRetryDelayMs = 10

async function askTarget(
  pipeline: Pipeline,
  { reader }: ConnectPlan,
  fn: number,
): Promise<NetworkTarget | null> {
  const result = await askValue(pipeline, reader.place, fn)
  return result && targetOf(result)
}

function targetOf(result: CallbackResult): NetworkTarget | null {
  if (result.type === 'plain') return targetIn(result.value)
  return result.type === 'object' ? targetIn(result.json) : null
}

/** Reads a target: a text, or an object with `ip` (or `host`) and `port` as `IPEndpoint` is one. */
function targetIn(value: unknown): NetworkTarget | null {
  if (typeof value === 'string') return readTarget(value)
  if (typeof value !== 'object' || value === null) return null
  const { ip, host, port } = value as Readonly<Record<string, unknown>>
  const name = ip ?? host
  return typeof name === 'string' ? readTarget(targetText({ host: name, port: Number(port) })) : null
}

function settingsIn(value: unknown, refuse: (reason: string) => Error): ConnectSettings {
  if (typeof value !== 'object' || value === null) throw refuse('the options must be an object')
  const options = value as Readonly<Record<string, unknown>>
  const duration = (name: string): number => {
    const ms = options[name] === undefined || options[name] === null ? 0 : milliseconds(options[name])
    if (ms === null) throw refuse(`${name} must be ${durationForm}, and is ${JSON.stringify(options[name])}`)
    return ms
  }
  const { protocol, bind, retryCount = 0 } = options
  if (protocol !== undefined && protocol !== 'tcp') {
    throw refuse(`protocol ${JSON.stringify(protocol)} is not there, only 'tcp'`)
  }
  if (bind !== undefined) throw refuse(`bind is not there: the sidecar chooses its own address`)
  if (typeof retryCount !== 'number') throw refuse('retryCount must be a number; -1 is for ever')
  const silence = [duration('readTimeout'), duration('writeTimeout'), duration('idleTimeout')]
  const limits = silence.filter((ms) => ms > 0)
  return {
    timeouts: { connectMs: duration('connectTimeout'), idleMs: limits.length > 0 ? Math.min(...limits) : 0 },
    retryCount: retryCount < 0 ? Number.POSITIVE_INFINITY : retryCount,
    retryDelayMs: duration('retryDelay'),
  }
}

function notGranted({ plugin }: FilterReader, target: NetworkTarget): string {
  const text = targetText(target)
  return `${text} is not granted to ${plugin}: its policy needs grants: { connect: ["${text}"] }, or its config must name it`
}
