import type {
  Plan,
  PlanFilter,
  PlanLayout,
  PlanPipeline,
  PlanPlace,
  PlanValue,
  PlanVariable,
} from '../plan.ts'
import type { Positions } from './positions.ts'

/** Pipelines and filters that one script can have. */
const maxPipelines = 1_000
const maxFilters = 10_000

/**
 * Reads what the guest recorded. It comes out of the sandbox, so nothing in it is believed.
 * Names of pipelines become their numbers. Throws a `PluginFault`.
 */
export function readPlan(text: string, positions: Positions): Plan {
  const reader = new PlanReader(positions)
  return reader.read(JSON.parse(text))
}

class PlanReader {
  readonly #positions: Positions
  readonly #names = new Map<string, number>()
  #filters = 0

  constructor(positions: Positions) {
    this.#positions = positions
  }

  read(plan: unknown): Plan {
    const raw = record(plan)
    const pipelines = list(raw.pipelines)
    if (pipelines.length > maxPipelines) throw this.#tooMany('pipelines', maxPipelines)
    pipelines.forEach((pipeline, index) => {
      const { name } = record(pipeline)
      if (typeof name === 'string') this.#names.set(name, index)
    })
    const entrance = raw.entrance === null ? null : index(raw.entrance, pipelines.length)
    return {
      entrance,
      pipelines: pipelines.map((pipeline) => this.#pipeline(record(pipeline), pipelines.length)),
      imports: list(raw.imports).map((variable) => this.#variable(record(variable))),
      exports: list(raw.exports).map((variable) => this.#variable(record(variable))),
    }
  }

  #pipeline(raw: Raw, count: number): PlanPipeline {
    return {
      name: raw.name === null ? null : text(raw.name),
      onStart: raw.onStart === null ? null : value(raw.onStart),
      onEnd: raw.onEnd === null ? null : value(raw.onEnd),
      filters: list(raw.filters).map((filter) => this.#filter(record(filter), count)),
    }
  }

  #filter(raw: Raw, count: number): PlanFilter {
    this.#filters += 1
    if (this.#filters > maxFilters) throw this.#tooMany('filters', maxFilters)
    const place = this.#place(raw.place)
    return {
      kind: text(raw.kind),
      place,
      args: list(raw.args).map(value),
      layouts: list(raw.layouts).map((layout) => this.#layout(record(layout), place, count)),
    }
  }

  #layout(raw: Raw, place: PlanPlace, count: number): PlanLayout {
    if (raw.name === undefined) return { pipeline: index(raw.pipeline, count) }
    const name = text(raw.name)
    const pipeline = this.#names.get(name)
    if (pipeline === undefined) throw this.#positions.faultAt(place, `pipeline not found with name: ${name}`)
    return { pipeline }
  }

  #variable(raw: Raw): PlanVariable {
    return { name: text(raw.name), namespace: text(raw.namespace), place: this.#place(raw.place) }
  }

  #place(raw: unknown): PlanPlace {
    const { line, column } = record(raw)
    const isPlace = Number.isSafeInteger(line) && Number.isSafeInteger(column) && Number(line) > 0
    return isPlace ? this.#positions.place(Number(line), Number(column)) : { line: 0, column: 0 }
  }

  #tooMany(what: string, most: number): Error {
    return this.#positions.faultAt({ line: 0, column: 0 }, `a script can have ${most} ${what}, and no more`)
  }
}

type Raw = Readonly<Record<string, unknown>>

function record(raw: unknown): Raw {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new Error(spoiled)
  return raw as Raw
}

function list(raw: unknown): readonly unknown[] {
  if (!Array.isArray(raw)) throw new Error(spoiled)
  return raw
}

function text(raw: unknown): string {
  if (typeof raw !== 'string') throw new Error(spoiled)
  return raw
}

function index(raw: unknown, count: number): number {
  if (!Number.isInteger(raw) || Number(raw) < 0 || Number(raw) >= count) throw new Error(spoiled)
  return Number(raw)
}

function value(raw: unknown): PlanValue {
  const { type, fn, value: json } = record(raw)
  if (type === 'json') return { type, value: json }
  if (type !== 'fn' && type !== 'events') throw new Error(spoiled)
  return { type, fn: index(fn, Number.MAX_SAFE_INTEGER) }
}

/** Only a script that changes what the guest is built on can bring this about. */
const spoiled = 'the script has changed built-in objects so that its configuration cannot be read'
