import type { PluginSpec } from '../../../chains/plugins.ts'
import { PluginFault } from '../../plugin/contract.ts'
import type { PlanFilter, PlanPlace, PlanValue } from '../plan.ts'
import type { PipelineLayout } from './pipeline.ts'
import { positionOf } from './runtime.ts'

/** An argument that is a value, or a function of the script that gives one. */
export type Dynamic<T> = { readonly fn: number } | { readonly value: T }

/** What a `replace…` puts in: what a function or a constant gives, or nothing. */
export interface Replacement {
  /** Null replaces by nothing. */
  readonly fn: number | null
  /** Whether `fn` looks at what it replaces. */
  readonly isFunction: boolean
}

/** Reads what a script said of one filter, and complains in its author's terms. */
export class FilterReader {
  readonly kind: string
  readonly place: PlanPlace
  /** The sub-pipelines, resolved. */
  readonly layouts: readonly PipelineLayout[]
  /** The plugin that the filter is in. */
  readonly spec: PluginSpec
  readonly #args: readonly PlanValue[]

  constructor(spec: PluginSpec, filter: PlanFilter, layouts: readonly PipelineLayout[]) {
    this.spec = spec
    this.kind = filter.kind
    this.place = filter.place
    this.#args = filter.args
    this.layouts = layouts
  }

  /** The name of the plugin. */
  get plugin(): string {
    return this.spec.name
  }

  /** How many arguments there are, sub-pipelines not counted. */
  get count(): number {
    return this.#args.length
  }

  /** A fault at this filter; `reason` says what would be right. */
  fault(reason: string): PluginFault {
    return new PluginFault(this.spec, positionOf(this.spec, this.place), `${this.kind}(): ${reason}`)
  }

  /** Throws unless there is exactly one sub-pipeline; returns it. */
  layout(): PipelineLayout {
    const [layout] = this.layouts
    if (!layout || this.layouts.length > 1) {
      throw this.fault('it takes one sub-pipeline: .to($ => …) or .to("name") must follow it, once')
    }
    return layout
  }

  /** Throws unless the argument is a function. */
  callback(index: number): number {
    const fn = this.function(index)
    if (fn === null) throw this.fault(`argument ${index + 1} must be a function`)
    return fn
  }

  /** The function at that place; null when there is something else, or nothing. */
  function(index: number): number | null {
    const argument = this.#args[index]
    return argument?.type === 'fn' ? argument.fn : null
  }

  /** What is at that place as plain data; undefined for nothing. Throws for functions and events. */
  data(index: number, expected: string): unknown {
    const argument = this.#args[index]
    if (argument === undefined) return undefined
    if (argument.type !== 'json') throw this.fault(`argument ${index + 1} must be ${expected}`)
    return argument.value
  }

  /** Whether the argument is a function or plain data; throws for anything else. */
  dynamic<T>(index: number, expected: string, read: (value: unknown) => T | null): Dynamic<T> {
    const fn = this.function(index)
    if (fn !== null) return { fn }
    return { value: this.read(index, expected, read) }
  }

  /** Plain data that `read` takes; it returns null for what is wrong. */
  read<T>(index: number, expected: string, read: (value: unknown) => T | null): T {
    const value = read(this.data(index, expected))
    if (value === null) throw this.fault(`argument ${index + 1} must be ${expected}`)
    return value
  }

  /** What a `replace…` puts in. */
  replacement(index: number): Replacement {
    const argument = this.#args[index]
    if (argument === undefined || (argument.type === 'json' && argument.value === null)) {
      return { fn: null, isFunction: false }
    }
    if (argument.type === 'json') {
      throw this.fault('it takes a function, an event, a Message, or an array of these')
    }
    return { fn: argument.fn, isFunction: argument.type === 'fn' }
  }

  /** The options at that place, an object; empty when there is none. */
  options(index: number): OptionReader {
    const value = this.data(index, 'an object with options')
    if (value === undefined || value === null) return new OptionReader(this, {})
    if (typeof value !== 'object' || Array.isArray(value) || '$fn' in value) {
      throw this.fault(`argument ${index + 1} must be an object with options`)
    }
    return new OptionReader(this, value as Readonly<Record<string, unknown>>)
  }

  /** Throws when there are more arguments than `most`. */
  atMost(most: number): void {
    if (this.count <= most) return
    throw this.fault(`it takes ${most === 0 ? 'no argument' : `at most ${most}`}, and got ${this.count}`)
  }
}

/** Reads an object of options. Unknown ones are ignored, as Pipy does. */
export class OptionReader {
  readonly #filter: FilterReader
  readonly #values: Readonly<Record<string, unknown>>

  constructor(filter: FilterReader, values: Readonly<Record<string, unknown>>) {
    this.#filter = filter
    this.#values = values
  }

  /** The value of an option, or `otherwise` when it is not there; `read` returns null for what is wrong. */
  get<T, Otherwise>(
    name: string,
    expected: string,
    read: (value: unknown) => T | null,
    otherwise: Otherwise,
  ) {
    const value = this.#values[name]
    if (value === undefined || value === null) return otherwise
    const known = read(value)
    if (known === null)
      throw this.#filter.fault(`${name} must be ${expected}, and is ${JSON.stringify(value)}`)
    return known
  }

  /** Like {@link get} for what may also be a function. */
  dynamic<T>(name: string, expected: string, read: (value: unknown) => T | null): Dynamic<T> | null {
    const value = this.#values[name]
    if (typeof value === 'object' && value !== null && '$fn' in value) return { fn: Number(value.$fn) }
    const known = this.get(name, expected, read, null)
    return known === null ? null : { value: known }
  }
}

const secondsPerUnit: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 }

/** A duration as Pipy writes it (`5`, `'5'`, `'5s'`, `'1m'`, `'2h'`, `'1d'`), in milliseconds; null for anything else. */
export function milliseconds(value: unknown): number | null {
  if (typeof value === 'number') return value >= 0 && Number.isFinite(value) ? value * 1_000 : null
  if (typeof value !== 'string') return null
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(value.trim())
  return match ? Number(match[1]) * (secondsPerUnit[match[2] ?? ''] ?? 1) * 1_000 : null
}

const bytesPerUnit: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 }

/** A size as Pipy writes it (`4096`, `'16k'`, `'1m'`), in bytes; null for anything else. */
export function sizeInBytes(value: unknown): number | null {
  if (typeof value === 'number') return value >= 0 ? value : null
  if (typeof value !== 'string') return null
  const match = /^(\d+(?:\.\d+)?)([kmg]?)b?$/i.exec(value.trim())
  return match ? Number(match[1]) * (bytesPerUnit[(match[2] ?? '').toLowerCase()] ?? 1) : null
}

/** A string, or null. */
export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** A finite number that is not negative, or null. */
export const amount = (value: unknown): number | null =>
  typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : null

/** What a duration looks like, for messages. */
export const durationForm = 'a number of seconds, or a text such as "5s", "1m", "2h" or "1d"'
