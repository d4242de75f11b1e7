import { Cursor } from './cursor.ts'
import { Fault } from './fault.ts'
import { filterNames, refusedNames } from './filter-names.ts'
import { callerPlace } from './places.ts'
import { Recording } from './recording.ts'
import { declareExport, declareImport, declareOwn } from './variables.ts'

const { hasOwn } = Object

/** What `$` is in `$ => $.filter()`. Its filters are added below; unknown names are an error as soon as they are asked for. */
export class Filters {
  readonly #cursor: Cursor

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** What is done when a pipeline begins. */
  onStart(handler: unknown): this {
    this.#cursor.addHandler('onStart', handler)
    return this
  }

  /** What is done when a pipeline is over. */
  onEnd(handler: unknown): this {
    this.#cursor.addHandler('onEnd', handler)
    return this
  }

  /** The sub-pipeline of the filter before: a name, or a function that builds it. */
  to(layout: unknown): this {
    this.#cursor.addTo(layout)
    return this
  }

  static {
    for (const name of filterNames) {
      const value = function (this: Filters, ...values: unknown[]): Filters {
        this.#cursor.addFilter(this, name, values)
        return this
      }
      Object.defineProperty(Filters.prototype, name, { value, writable: true, configurable: true })
    }
    const unknown = new Proxy(Object.create(null), { get: (_, name) => unknownMethod(name) })
    Object.setPrototypeOf(Filters.prototype, unknown)
  }
}

/** What `pipy()` gives: pipelines, and variables. */
export class Configuration extends Filters {
  readonly #cursor: Cursor

  constructor(recording: Recording) {
    const cursor = new Cursor(recording, (inner) => new Filters(inner))
    super(cursor)
    this.#cursor = cursor
  }

  /** Begins a pipeline: with a name for use in this script, without one for the chain. */
  pipeline(name?: unknown): this {
    const { recording } = this.#cursor
    if (name === undefined || name === null) {
      if (recording.entrance !== null) throw new Fault('more than one entrance pipelines')
      recording.entrance = recording.add(null)
      this.#cursor.turnTo(recording.entrance)
      return this
    }
    const text = String(name)
    if (recording.pipelines.some((pipeline) => pipeline.name === text)) {
      throw new Fault(`more than one pipeline ${text}`)
    }
    this.#cursor.turnTo(recording.add(text))
    return this
  }

  /** Makes variables of others visible. */
  import(variables: unknown): this {
    const place = callerPlace('import')
    for (const [name, namespace] of entriesOf(variables, 'import({ variable: "namespace" })')) {
      if (typeof namespace !== 'string')
        throw new Fault(`import() takes the namespace of ${name} as a string`)
      declareImport(name, namespace)
      this.#cursor.recording.imports.push({ name, namespace, place })
    }
    return this
  }

  /** Makes variables that others can import. */
  export(namespace: unknown, variables: unknown): this {
    const place = callerPlace('export')
    if (typeof namespace !== 'string' || namespace === '') {
      throw new Fault('it is called as export("namespace", { variable: value })')
    }
    for (const [name, initial] of entriesOf(variables, 'export("namespace", { variable: value })')) {
      declareExport(name, namespace, initial)
      this.#cursor.recording.exports.push({ name, namespace, place })
    }
    return this
  }
}

const recording = new Recording()
let isConfigured = false

/** What the script calls to begin with: `pipy({ variable: value })`. */
export function configure(variables?: unknown): Configuration {
  if (isConfigured) throw new Fault('pipy() is called once in a script')
  isConfigured = true
  const initial = typeof variables === 'function' ? variables() : variables
  if (initial !== undefined && initial !== null) {
    for (const [name, value] of entriesOf(initial, 'pipy({ variable: value })')) declareOwn(name, value)
  }
  return new Configuration(recording)
}

/** The plan, once the script has been evaluated to its configuration; `value` is what it ended with. */
export function recordedPlan(value: unknown): string {
  if (!(value instanceof Configuration)) {
    throw new Fault(
      isConfigured
        ? 'the last expression of the script must be the configuration that pipy() begins'
        : 'the script has no configuration; it begins as pipy().pipeline() and goes on with filters. A file without `export default` is taken for PipyJS: a plugin in JavaScript needs one',
    )
  }
  return recording.toText()
}

function entriesOf(object: unknown, usage: string): [string, unknown][] {
  if (typeof object !== 'object' || object === null) throw new Fault(`it is called as ${usage}`)
  return Object.entries(object)
}

function unknownMethod(name: string | symbol): unknown {
  // What the engine itself asks objects for.
  if (typeof name === 'symbol' || name === 'then' || name === 'toJSON' || name in Object.prototype) {
    return (Object.prototype as unknown as Record<PropertyKey, unknown>)[name]
  }
  if (hasOwn(refusedNames, name))
    throw new Fault(`${name}() cannot be used in a plugin: ${refusedNames[name]}`)
  if (name === 'pipeline' || name === 'import' || name === 'export') {
    throw new Fault(`${name}() belongs to the script as a whole, and not into a sub-pipeline`)
  }
  const near = nearest(name)
  throw new Fault(`there is no filter ${name}()${near ? `; did you mean ${near}()?` : ''}`)
}

/** The filter that a name was probably meant to be. */
function nearest(name: string): string | undefined {
  if (name.length > 40) return undefined
  const wanted = name.toLowerCase()
  const rated = filterNames.map((known) => ({ known, distance: distanceOf(wanted, known.toLowerCase()) }))
  rated.sort((one, other) => one.distance - other.distance)
  const [best] = rated
  return best && best.distance < (name.length < 5 ? 2 : 3) ? best.known : undefined
}

/** Letters to insert, leave out or replace. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at]
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (one[at - 1] === other[column - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
