import type { EndEvent, StartEvent, StreamEndEvent } from '../../events.ts'
import type { CallbackArgument, WholeMessage } from '../../guest-session.ts'
import { type FilterReader, sizeInBytes } from '../arguments.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { Turnstile } from '../turnstile.ts'
import { putIn } from './replace.ts'

const sizeForm = 'a number of bytes, or a text such as "16k" or "1m"'

/** Collects one message after the other, as far as the policy lets it hold them. */
export class MessageCollector {
  readonly #pipeline: Pipeline
  readonly #reader: FilterReader
  /** Bytes beyond this are not collected; infinite when the script set no limit. */
  readonly #bufferLimit: number
  #start: StartEvent | null = null
  #chunks: Uint8Array[] = []
  /** What the chunks are pieces of. */
  #heldChunks: Uint8Array[] = []
  #size = 0

  constructor(pipeline: Pipeline, reader: FilterReader, bufferLimit = Number.POSITIVE_INFINITY) {
    this.#pipeline = pipeline
    this.#reader = reader
    this.#bufferLimit = bufferLimit
  }

  /** Whether a message has begun. */
  get isOpen(): boolean {
    return this.#start !== null
  }

  begin(start: StartEvent): void {
    this.#start = start
  }

  /** False when that was more than may be held; the line is over then. */
  add(bytes: Uint8Array): boolean {
    const room = this.#bufferLimit - this.#size
    if (room <= 0) return true
    const piece = bytes.length > room ? bytes.subarray(0, room) : bytes
    this.#chunks.push(piece)
    this.#size += piece.length
    this.#heldChunks.push(bytes)
    const { held } = this.#pipeline.line.exchange
    if (held.hold(bytes)) return true
    return this.#pipeline.overLimit(
      this.#reader.place,
      `${this.#reader.kind}() would hold more than the ${held.limit} bytes that it may`,
    )
  }

  /** The message up to here, which is then forgotten; null when none has begun. */
  finish(event: EndEvent | StreamEndEvent): WholeMessage | null {
    const start = this.#start
    const chunks = this.#chunks
    if (!start) return null
    this.#start = null
    this.#chunks = []
    this.#size = 0
    const { held } = this.#pipeline.line.exchange
    for (const chunk of this.#heldChunks) held.release(chunk)
    this.#heldChunks = []
    const end = event.type === 'end' ? { trailers: event.trailers, payload: event.payload } : null
    return { start, bytes: chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks), end }
  }
}

/** What a script is shown of a message. */
const shown = {
  message: (message: WholeMessage): CallbackArgument => ({ type: 'message', message }),
  body: ({ bytes }: WholeMessage): CallbackArgument => ({ type: 'bytes', bytes }),
} as const

/**
 * Shows the script each message, or its body, when it is whole. Head and data
 * have gone on by then; only the end waits for the script. The head stays
 * editable for whoever sends the message on.
 */
export function handleWhole(reader: FilterReader, what: keyof typeof shown): StageMaker {
  const fn = reader.callback(0)
  const limit = reader.options(1).get('bufferLimit', sizeForm, sizeInBytes, Number.POSITIVE_INFINITY)
  return (pipeline, next) => {
    const collector = new MessageCollector(pipeline, reader, limit)
    let count = 0
    const show = (event: EndEvent | StreamEndEvent): boolean => {
      const message = collector.finish(event)
      if (!message) return next.process(event)
      const result = pipeline.call(fn, 'nothing', [shown[what](message), { type: 'plain', value: count++ }])
      if (result?.type === 'promise') return stage.hold(result.result, () => next.process(event))
      return result !== null && next.process(event)
    }
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (event.type === 'end' || event.type === 'streamEnd') return show(event)
      if (event.type === 'data')
        return (!collector.isOpen || collector.add(event.bytes)) && next.process(event)
      collector.begin(event)
      return next.process({ ...event, isLate: true })
    })
    return stage
  }
}

/** Puts what the script gives in place of each whole message. A message that breaks off is given to it as far as it came. */
export function replaceMessage(reader: FilterReader): StageMaker {
  const replacement = reader.replacement(0)
  const limit = reader.options(1).get('bufferLimit', sizeForm, sizeInBytes, Number.POSITIVE_INFINITY)
  // who does not look at the body need not hold it
  const bufferLimit = replacement.isFunction ? limit : 0
  return (pipeline, next) => {
    const collector = new MessageCollector(pipeline, reader, bufferLimit)
    let count = 0
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (event.type === 'start') {
        collector.begin(event)
        return true
      }
      if (!collector.isOpen) return next.process(event)
      if (event.type === 'data') return collector.add(event.bytes)
      const message = collector.finish(event) as WholeMessage
      const args = [shown.message(message), { type: 'plain', value: count++ }] as const
      return putIn(pipeline, stage, next, replacement, args)
    })
    return stage
  }
}

/** Puts what the script gives in place of each whole body. The head goes on at once, the end behind the new body. */
export function replaceMessageBody(reader: FilterReader): StageMaker {
  const replacement = reader.replacement(0)
  const limit = reader.options(1).get('bufferLimit', sizeForm, sizeInBytes, Number.POSITIVE_INFINITY)
  return (pipeline, next) => {
    const collector = new MessageCollector(pipeline, reader, limit)
    const stage: Turnstile = new Turnstile(pipeline.line, reader.place, (event) => {
      if (event.type === 'start') {
        collector.begin(event)
        const { head, isLate = false } = event
        return next.process({ type: 'start', head, body: null, isWhole: false, isLate })
      }
      if (!collector.isOpen) return next.process(event)
      if (event.type === 'data') return collector.add(event.bytes)
      putIn(pipeline, stage, next, replacement, [shown.body(collector.finish(event) as WholeMessage)])
      return stage.isHeld ? stage.process(event) : next.process(event)
    })
    return stage
  }
}
