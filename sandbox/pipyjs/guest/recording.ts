import { register } from './callbacks.ts'
import { isEvent } from './events.ts'
import { callerPlace, type Place } from './places.ts'

const { stringify, parse } = JSON

/** A value of the plan; see `PlanValue` of the host. */
export type RecordedValue = { type: 'fn' | 'events'; fn: number } | { type: 'json'; value: unknown }
/** A sub-pipeline of a filter. */
export type RecordedLayout = { pipeline: number } | { name: string }

/** A filter, as the script called it. */
export interface RecordedFilter {
  readonly kind: string
  readonly place: Place
  readonly args: RecordedValue[]
  readonly layouts: RecordedLayout[]
}

/** A pipeline that is being recorded. */
export interface RecordedPipeline {
  readonly name: string | null
  onStart: RecordedValue | null
  onEnd: RecordedValue | null
  readonly filters: RecordedFilter[]
}

/** A variable of another script, or for others. */
export interface RecordedVariable {
  readonly name: string
  readonly namespace: string
  readonly place: Place
}

/** What the script has recorded so far. */
export class Recording {
  entrance: number | null = null
  readonly pipelines: RecordedPipeline[] = []
  readonly imports: RecordedVariable[] = []
  readonly exports: RecordedVariable[] = []

  /** Adds a pipeline; its number. */
  add(name: string | null): number {
    this.pipelines[this.pipelines.length] = { name, onStart: null, onEnd: null, filters: [] }
    return this.pipelines.length - 1
  }

  /** The whole as JSON. */
  toText(): string {
    const { entrance, pipelines, imports, exports } = this
    return stringify({ entrance, pipelines, imports, exports })
  }
}

/** Records a filter that the script is calling. */
export function recordedFilter(kind: string, values: readonly unknown[]): RecordedFilter {
  const args = values.map(recordedValue)
  while (args.length > 0 && isNothing(args[args.length - 1] as RecordedValue)) args.length -= 1
  return { kind, place: callerPlace(kind), args, layouts: [] }
}

/** Records an argument: functions and events by number, everything else as plain data. */
export function recordedValue(value: unknown): RecordedValue {
  if (typeof value === 'function') return { type: 'fn', fn: register(value as () => unknown) }
  const isEvents = Array.isArray(value) ? value.length > 0 && value.every(isEvent) : isEvent(value)
  if (isEvents) return { type: 'events', fn: register(() => value) }
  return { type: 'json', value: plainData(value) }
}

function plainData(value: unknown): unknown {
  const text = stringify(value, (_, one) => (typeof one === 'function' ? { $fn: register(one) } : one))
  return text === undefined ? undefined : parse(text)
}

function isNothing(value: RecordedValue): boolean {
  return value.type === 'json' && value.value === undefined
}
