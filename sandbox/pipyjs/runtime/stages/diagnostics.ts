import type { Log } from '../../../../chains/context.ts'
import type { PipelineEvent } from '../../events.ts'
import { type Dynamic, type FilterReader, text } from '../arguments.ts'
import { type EventSink, type EventSource, noSource, type Stage } from '../flow.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'

/** Bytes of one piece of data that go into the log. */
const maxLoggedBytes = 4_096

/** Writes data to the log; everything passes. */
export function print(reader: FilterReader): StageMaker {
  reader.atMost(0)
  return observing(({ bytes }, note) => note(textOf(bytes), {}))
}

/** Writes data to the log with the name of the file that it was meant for; everything passes. */
export function tee(reader: FilterReader): StageMaker {
  const file = reader.dynamic(0, 'a file name, or a function that gives one', text)
  return (pipeline, next) => {
    let name: string | null = null
    return observing(({ bytes }, note) => {
      name ??= fileOf(pipeline, file)
      if (name !== null) note(textOf(bytes), { file: name })
    })(pipeline, next)
  }
}

/** Writes every event to the log, with a tag; everything passes. */
export function dump(reader: FilterReader): StageMaker {
  const tag = reader.count > 0 ? reader.dynamic(0, 'a text, or a function that gives one', anyText) : null
  return (pipeline, next) => {
    const stage: Stage = {
      source: noSource,
      process(event) {
        // a tag that fails is left out, and the event passes all the same
        const fields = { plugin: pluginOf(pipeline), tag: tag && tagOf(pipeline, tag), ...fieldsOf(event) }
        pipeline.line.cx.log.info(`dump ${event.type}`, { ...fields, context: pipeline.context.id })
        return next.process(event)
      },
      resume: () => stage.source.resume(),
    }
    return stage
  }
}

type Note = (message: string, fields: Readonly<Record<string, unknown>>) => void

function observing(observe: (event: { readonly bytes: Uint8Array }, note: Note) => void): StageMaker {
  return (pipeline, next) => new Observer(pipeline, next, observe)
}

class Observer implements Stage {
  source: EventSource = noSource
  readonly #next: EventSink
  readonly #log: Log
  readonly #plugin: string
  readonly #observe: (event: { readonly bytes: Uint8Array }, note: Note) => void

  constructor(
    pipeline: Pipeline,
    next: EventSink,
    observe: (event: { readonly bytes: Uint8Array }, note: Note) => void,
  ) {
    this.#next = next
    this.#log = pipeline.line.cx.log
    this.#plugin = pluginOf(pipeline)
    this.#observe = observe
  }

  process(event: PipelineEvent): boolean {
    if (event.type === 'data' && event.bytes.length > 0) {
      this.#observe(event, (message, fields) => this.#log.info(message, { plugin: this.#plugin, ...fields }))
    }
    return this.#next.process(event)
  }

  resume(): void {
    this.source.resume()
  }
}

const pluginOf = (pipeline: Pipeline): string => pipeline.line.exchange.runtime.spec.name

function textOf(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxLoggedBytes)).toString(
    'utf8',
  )
  return bytes.length > maxLoggedBytes ? `${shown}… (${bytes.length} bytes)` : shown
}

function fieldsOf(event: PipelineEvent): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case 'start': {
      const { kind, method, path, status, headers } = event.head
      const line = kind === 'request' ? { method, path } : { status }
      return { ...line, headers: headers.fields }
    }
    case 'data': {
      const shown = Buffer.from(event.bytes.buffer, event.bytes.byteOffset, Math.min(event.bytes.length, 256))
      return { size: event.bytes.length, hex: shown.toString('hex') }
    }
    case 'end':
      return { trailers: event.trailers?.fields ?? null, payload: event.payload }
    case 'streamEnd':
      return { error: event.error, detail: event.detail }
  }
}

const anyText = (value: unknown): string | null => (value === undefined ? null : String(value))

function fileOf(pipeline: Pipeline, dynamic: Dynamic<string>): string | null {
  if ('value' in dynamic) return dynamic.value
  const result = pipeline.call(dynamic.fn, 'value', [])
  return result?.type === 'plain' ? String(result.value) : null
}

function tagOf(pipeline: Pipeline, dynamic: Dynamic<string>): string | null {
  if ('value' in dynamic) return dynamic.value
  try {
    const result = pipeline.context.call(dynamic.fn, 'value', [])
    return result.type === 'plain' ? String(result.value) : null
  } catch (thrown) {
    pipeline.line.exchange.runtime.checkAlive(thrown)
    return null
  }
}
