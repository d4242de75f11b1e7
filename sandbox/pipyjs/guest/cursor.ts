import { Fault } from './fault.ts'
import { namedFirst } from './filter-names.ts'
import {
  type RecordedFilter,
  type RecordedPipeline,
  type Recording,
  recordedFilter,
  recordedValue,
} from './recording.ts'

/** Makes what scripts know as `$`. */
export type MakeBuilder = (cursor: Cursor) => object

/** Where in the plan the script is: the pipeline that its filters go to. Scripts never hold it. */
export class Cursor {
  readonly recording: Recording
  readonly #makeBuilder: MakeBuilder
  #pipeline: RecordedPipeline | null = null

  constructor(recording: Recording, makeBuilder: MakeBuilder) {
    this.recording = recording
    this.#makeBuilder = makeBuilder
  }

  /** Goes to another pipeline. */
  turnTo(pipeline: number): void {
    this.#pipeline = this.recording.pipelines[pipeline] as RecordedPipeline
  }

  /** Records what is done when a pipeline begins or ends. */
  addHandler(kind: 'onStart' | 'onEnd', handler: unknown): void {
    const pipeline = this.#begun(kind)
    if (pipeline[kind]) throw new Fault(`duplicated ${kind}()`)
    if (pipeline.filters.length > 0) throw new Fault(`${kind}() is only allowed prior to filters`)
    if (kind === 'onEnd' && typeof handler !== 'function') throw new Fault('onEnd() takes a function')
    pipeline[kind] = recordedValue(handler)
  }

  /** Records the sub-pipeline of the filter before. */
  addTo(layout: unknown): void {
    const { filters } = this.#begun('to')
    const last = filters[filters.length - 1]
    if (!last) throw new Fault('to() must follow the filter that it is for')
    this.#addLayout(last, layout, 'to()')
  }

  /** Records a filter; `builder` is what the script called it on. */
  addFilter(builder: object, kind: string, values: readonly unknown[]): void {
    const pipeline = this.#begun(kind)
    if (kind.startsWith('branch')) {
      this.#addBranch(builder, pipeline, kind, values)
      return
    }
    const isNamed = (namedFirst.has(kind) || kind === 'link') && typeof values[0] === 'string'
    const filter = recordedFilter(kind, isNamed ? values.slice(1) : values)
    if (kind === 'link' && values.length > 1) {
      throw new Fault('link() takes one pipeline; to choose between several use branch()')
    }
    if (isNamed) filter.layouts.push({ name: values[0] as string })
    pipeline.filters.push(filter)
  }

  #begun(method: string): RecordedPipeline {
    if (this.#pipeline) return this.#pipeline
    throw new Fault(`${method}() must come after pipeline(), which begins a pipeline`)
  }

  #addLayout(filter: RecordedFilter, layout: unknown, method: string): void {
    if (typeof layout === 'string') {
      filter.layouts.push({ name: layout })
      return
    }
    if (typeof layout !== 'function') {
      throw new Fault(`${method} takes the name of a pipeline, or a function such as $ => $.chain()`)
    }
    const pipeline = this.recording.add(null)
    filter.layouts.push({ pipeline })
    const inner = new Cursor(this.recording, this.#makeBuilder)
    inner.turnTo(pipeline)
    layout(this.#makeBuilder(inner))
  }

  #addBranch(builder: object, pipeline: RecordedPipeline, kind: string, values: readonly unknown[]): void {
    if (values.length < 2) throw new Fault(`${kind}() takes conditions and pipelines in turn`)
    const conditions = values.filter((_, index) => index % 2 === 0 && index < values.length - 1)
    if (kind === 'branch' && !conditions.some((condition) => typeof condition === 'function')) {
      this.#chooseNow(builder, conditions, values)
      return
    }
    const filter = recordedFilter(kind, conditions)
    pipeline.filters.push(filter)
    values.forEach((value, index) => {
      if (index % 2 === 1 || index === values.length - 1) this.#addLayout(filter, value, `${kind}()`)
    })
  }

  /** Constant conditions choose while the script is loaded: the chosen pipeline becomes part of this one. */
  #chooseNow(builder: object, conditions: readonly unknown[], values: readonly unknown[]): void {
    if (values.length % 2 === 1) {
      throw new Fault('branch() with constant conditions takes no default; add the condition true before it')
    }
    const at = conditions.findIndex(Boolean)
    if (at < 0) return
    const chosen = values[2 * at + 1]
    if (typeof chosen === 'string') this.addFilter(builder, 'link', [chosen])
    else if (typeof chosen === 'function') chosen(builder)
    else throw new Fault('branch() takes conditions and pipelines in turn')
  }
}
