import { Body, type BodySource } from '../../../../chains/body.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { type HttpRequest, localResponse } from '../../../../chains/http.ts'
import type { ByteStream, StreamSink } from '../../../../chains/stream.ts'
import { watchedBody } from '../../../plugin/lending/watched-body.ts'
import type { Network } from '../../../plugin/network.ts'
import type { MessageHead } from '../../events.ts'
import type { FilterReader } from '../arguments.ts'
import { asPluginFailure, endOf } from '../failures.ts'
import type { EventSink } from '../flow.ts'
import { requestHead, responseHead, toRequest, toResponse } from '../heads.ts'
import type { StageMaker } from '../pipeline.ts'
import { perMessage } from './message-stage.ts'
import { asStream } from './stage-stream.ts'
import { synthesised } from './synthesised.ts'

/*
 * The halves of the codec are the whole of it with a stream whose other way
 * leads nowhere, so that what is strict there is strict here.
 */

const nothing: BodySource = { open() {}, resume() {}, cancel() {} }

const probe = (): HttpRequest => ({
  version: '1.1',
  method: 'GET',
  path: '/',
  headers: new HeaderList(['Host', 'x']),
  body: null,
  upgrade: null,
  expectsContinue: false,
})

/** Takes requests out of a stream, one after the other. */
export function decodeHttpRequest(reader: FilterReader, network: Network): StageMaker {
  reader.atMost(0)
  return asStream((stream, pipeline, next) => {
    network.serve(oneWay(stream), pipeline.line.cx, async (request) => {
      if (request.body) {
        await new Promise<void>((resolve) => {
          const body = watchedBody(request.body as Body, resolve)
          next.process({ type: 'start', head: requestHead(request), body, isWhole: true })
        })
      } else next.process({ type: 'start', head: requestHead(request), body: null, isWhole: true })
      return localResponse(204, new HeaderList(), null)
    })
  })
}

/** Takes the answer out of a stream, which ends with it. A stream that fails before is an answer too. */
export function decodeHttpResponse(reader: FilterReader, network: Network): StageMaker {
  if (reader.count > 0) {
    throw reader.fault('it takes no argument: the answer to a HEAD is got with muxHTTP()')
  }
  return asStream((stream, { line }, next) => {
    network
      // its end is not the stage's, which may have an answer to give then
      .exchange({ ...oneWay(stream), destroy: () => {} }, probe())
      .catch((thrown: unknown) => synthesised(endOf(asPluginFailure(thrown))))
      .then((response) => {
        if (line.isOver) return
        const head = responseHead(response)
        if (response.body) line.carry(head)
        const body = response.body && watchedBody(response.body, () => stream.destroy())
        next.process({ type: 'start', head, body, isWhole: true })
        if (!body) stream.destroy()
      })
  }, true)
}

/** Turns each request into bytes, between its start and its end. */
export function encodeHttpRequest(reader: FilterReader, network: Network): StageMaker {
  reader.atMost(2)
  return perMessage((head, body, next, pipeline) => {
    const out = new Encoded(head, next)
    const request = toRequest(head, body && out.until(body), null)
    const stream = { readable: new Body(nothing, null), writable: out.sink, destroy: out.broken }
    network.exchange(stream, request).catch((thrown: unknown) => pipeline.fail(thrown))
    if (!body) out.done()
    return out.hasRoom
  })
}

/** Turns each answer into bytes, between its start and its end. */
export function encodeHttpResponse(reader: FilterReader, network: Network): StageMaker {
  reader.atMost(2)
  return perMessage((head, body, next, pipeline) => {
    const out = new Encoded(head, next)
    const readable = Body.of('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const stream = { readable, writable: { ...out.sink, end: () => out.done() }, destroy: out.broken }
    network.serve(stream, pipeline.line.cx, async () => toResponse(head, body))
    return out.hasRoom
  })
}

/** The bytes of one message on their way to the next stage. */
class Encoded {
  readonly sink: StreamSink
  readonly #next: EventSink
  #isOver = false
  hasRoom = true

  constructor(head: MessageHead, next: EventSink) {
    this.#next = next
    this.sink = {
      source: null,
      write: (bytes) => this.#write(bytes),
      end: () => {},
      fail: () => {},
    }
    next.process({ type: 'start', head, body: null, isWhole: false })
  }

  /** The same body; its end is that of the message. */
  until(body: Body): Body {
    const source: BodySource = {
      open: (sink) =>
        body.open({
          write: (bytes) => sink.write(bytes),
          end: (trailers) => {
            sink.end(trailers)
            this.done()
          },
          fail: (error) => sink.fail(error),
        }),
      resume: () => body.resume(),
      cancel: (reason) => body.cancel(reason),
    }
    return new Body(source, body.length)
  }

  done(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.hasRoom = this.#next.process({ type: 'end', trailers: null, payload: null })
  }

  readonly broken: ByteStream['destroy'] = (error) => {
    if (this.#isOver) return
    this.#isOver = true
    if (error) this.#next.process(endOf(error))
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true
    this.hasRoom = this.#next.process({ type: 'data', bytes: new Uint8Array(bytes) })
    return this.hasRoom
  }
}

/** A stream that is read; what is written is dropped, and its end ends the stream. */
function oneWay(stream: ByteStream): ByteStream {
  const writable: StreamSink = {
    source: null,
    write: () => true,
    end: () => stream.writable.end(null),
    fail: (error) => stream.writable.fail(error),
  }
  return { readable: stream.readable, writable, destroy: (error) => stream.destroy(error) }
}
