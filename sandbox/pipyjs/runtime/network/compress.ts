import { pipeline as joinStreams, type Transform } from 'node:stream'
import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createDeflate,
  createGunzip,
  createGzip,
  createInflate,
} from 'node:zlib'
import { Body, type BodySink, type BodySource } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { MessageHead } from '../../events.ts'
import { type FilterReader, text } from '../arguments.ts'
import type { Pipeline, StageMaker } from '../pipeline.ts'
import { perMessage } from './message-stage.ts'

/** The codings that are spoken, the most wanted first. Brotli at a level that a proxy can afford. */
const codings: Readonly<
  Record<string, { readonly pack: () => Transform; readonly unpack: () => Transform }>
> = {
  gzip: { pack: () => createGzip(), unpack: () => createGunzip() },
  br: {
    pack: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
    unpack: () => createBrotliDecompress(),
  },
  deflate: { pack: () => createDeflate(), unpack: () => createInflate() },
}

const methodForm = "'gzip', 'deflate' or 'br'"

/**
 * Packs bodies: answers as the client has said that it accepts, requests as
 * they are told. What is packed already, or must not be changed, passes.
 */
export function compressHttp(reader: FilterReader): StageMaker {
  reader.atMost(1)
  const known = (value: unknown): string | null => {
    const name = text(value) === 'brotli' ? 'br' : text(value)
    return name !== null && Object.hasOwn(codings, name) ? name : null
  }
  const method = reader.options(0).get('method', methodForm, known, null)
  return perMessage((head, body, next, pipeline) => {
    const coding = body && mayPack(head) ? codingFor(head, pipeline, method) : null
    if (!body || !coding) return next.process({ type: 'start', head, body, isWhole: true })
    const { headers } = head
    headers.set('content-encoding', coding)
    if (head.kind === 'response') headers.append('vary', 'accept-encoding')
    const tag = headers.get('etag')
    // the bytes are others now, if they mean the same
    if (tag && !tag.startsWith('W/')) headers.set('etag', `W/${tag}`)
    const packed = through(body, (codings[coding] as (typeof codings)[string]).pack)
    return next.process({ type: 'start', head, body: packed, isWhole: true })
  })
}

/** Unpacks bodies that are packed in one of the codings that are spoken; others pass. */
export function decompressHttp(reader: FilterReader): StageMaker {
  reader.atMost(1)
  return perMessage((head, body, next) => {
    const named = head.headers.get('content-encoding')?.trim().toLowerCase()
    const coding = named === 'x-gzip' ? 'gzip' : named
    if (!body || !coding || !Object.hasOwn(codings, coding)) {
      return next.process({ type: 'start', head, body, isWhole: true })
    }
    head.headers.delete('content-encoding')
    const unpacked = through(body, (codings[coding] as (typeof codings)[string]).unpack)
    return next.process({ type: 'start', head, body: unpacked, isWhole: true })
  })
}

function mayPack({ kind, status, headers }: MessageHead): boolean {
  if (headers.has('content-encoding') || /no-transform/i.test(headers.get('cache-control') ?? ''))
    return false
  return kind === 'request' || (status !== 206 && !headers.has('content-range'))
}

function codingFor({ kind }: MessageHead, { line }: Pipeline, method: string | null): string | null {
  const { rest } = line.exchange
  if (kind === 'request' || rest.kind === 'tcp') return method ?? 'gzip'
  const accepted = acceptedIn(rest.request.headers.getAll('accept-encoding').join(','))
  const wanted = method === null ? Object.keys(codings) : [method]
  return wanted.find((coding) => accepted(coding)) ?? null
}

/** Reads `Accept-Encoding` (RFC 9110 section 12.5.3); without it nothing is accepted. */
function acceptedIn(field: string): (coding: string) => boolean {
  const weights = new Map<string, boolean>()
  for (const part of field.split(',').slice(0, 32)) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    const isRefused = parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
    if (name) weights.set(name, !isRefused)
  }
  return (coding) => weights.get(coding) ?? weights.get('*') ?? false
}

/** What comes out of a transformation of a body. It costs nothing until it is read. */
function through(body: Body, makeTransform: () => Transform): Body {
  return new Body(new Transformed(body, makeTransform), null)
}

class Transformed implements BodySource {
  readonly #body: Body
  readonly #makeTransform: () => Transform
  #output: Transform | null = null
  #isOver = false

  constructor(body: Body, makeTransform: () => Transform) {
    this.#body = body
    this.#makeTransform = makeTransform
  }

  open(sink: BodySink): void {
    const output = this.#makeTransform()
    this.#output = output
    output.on('data', (bytes: Buffer) => {
      if (!sink.write(bytes)) output.pause()
    })
    output.once('end', () => {
      if (!this.#isOver) sink.end(null)
      this.#isOver = true
    })
    const fail = (error: Error): void => {
      if (this.#isOver) return
      this.#isOver = true
      const reason = `a packed body is broken: ${error.message}`
      sink.fail(error instanceof ProxyError ? error : new ProxyError('UPSTREAM_INVALID', reason))
    }
    // what breaks at the very end is told when the pipeline has stopped to listen
    output.on('error', fail)
    joinStreams(this.#body.toReadable(), output, (error) => {
      if (error) fail(error)
    })
  }

  resume(): void {
    this.#output?.resume()
  }

  cancel(reason: ProxyError): void {
    this.#isOver = true
    if (this.#output) this.#output.destroy(reason)
    else this.#body.cancel(reason)
  }
}
