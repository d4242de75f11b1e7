import type { CallbackResult } from '../../guest-session.ts'
import { amount, type Dynamic, durationForm, type FilterReader, milliseconds } from '../arguments.ts'
import { askValue } from '../network/values.ts'
import type { Pipeline } from '../pipeline.ts'

/** How the shared pipelines of one `mux()` are used. */
export interface MuxSettings {
  /** How long one is kept that has nothing to do. */
  readonly maxIdleMs: number
  /** Messages that one has to answer at a time. */
  readonly maxQueue: number
  /** Messages that go through one before another is begun; infinite when there is no limit. */
  readonly maxMessages: number
}

/** What a script said of `mux()`. */
export interface MuxPlan {
  readonly reader: FilterReader
  /** A function that gives the key, or the key; null for the client's connection. */
  readonly key: Dynamic<string> | null
  readonly settings: Dynamic<MuxSettings>
}

/** Reads what a script said: `mux(key, options)`, `mux(options)`, or nothing. */
export function readMux(reader: FilterReader): MuxPlan {
  reader.atMost(2)
  const keyForm = 'a key, or a function that gives one'
  const first = reader.function(0) === null ? reader.data(0, keyForm) : undefined
  const isOptions = reader.count === 1 && typeof first === 'object' && first !== null
  const fn = isOptions ? null : reader.function(0)
  const constant = isOptions || first === null ? undefined : first
  const key = fn !== null ? { fn } : constant === undefined ? null : { value: textOf(constant) }
  const optionsFn = reader.function(1)
  if (optionsFn !== null) return { reader, key, settings: { fn: optionsFn } }
  const options = isOptions ? first : (reader.data(1, 'an object with options') ?? {})
  return { reader, key, settings: { value: settingsIn(options, (reason) => reader.fault(reason)) } }
}

/** The settings as the script has them now. Null when that failed, and the line with it. */
export async function askSettings(pipeline: Pipeline, plan: MuxPlan): Promise<MuxSettings | null> {
  const { reader, settings } = plan
  if ('value' in settings) return settings.value
  const result = await askValue(pipeline, reader.place, settings.fn)
  if (!result) return null
  try {
    return settingsIn(result.type === 'object' ? result.json : {}, (reason) => new Error(reason))
  } catch (wrong) {
    const { exchange, cx } = pipeline.line
    const reason = `${reader.kind}(): ${(wrong as Error).message}`
    pipeline.fail(exchange.runtime.error('exception', reader.place, reason, cx))
    return null
  }
}

/** What makes two keys the same: values by what they are, objects by which they are. Null for nothing. */
export function keyOf(result: CallbackResult): string | null {
  if (result.type === 'plain') return textOf(result.value)
  return result.type === 'object' ? `object ${result.key}` : null
}

const textOf = (value: unknown): string => JSON.stringify(value)

function settingsIn(value: unknown, refuse: (reason: string) => Error): MuxSettings {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse('the options must be an object')
  }
  const options = value as Readonly<Record<string, unknown>>
  const read = (name: string, form: string, known: (one: unknown) => number | null, otherwise: number) => {
    const given = options[name]
    if (given === undefined || given === null) return otherwise
    const number = known(given)
    if (number === null) throw refuse(`${name} must be ${form}, and is ${JSON.stringify(given)}`)
    return number
  }
  const count = 'a number of messages; 0 is no limit'
  return {
    maxIdleMs: read('maxIdle', durationForm, milliseconds, 60_000),
    maxQueue: read('maxQueue', count, amount, 1) || Number.POSITIVE_INFINITY,
    maxMessages: read('maxMessages', count, amount, 0) || Number.POSITIVE_INFINITY,
  }
}
