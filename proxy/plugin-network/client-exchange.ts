import { Body } from '../../chains/body.ts'
import { asProxyError, ProxyError } from '../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { ByteStream } from '../../chains/stream.ts'
import type { HeadText } from '../http1/head-buffer.ts'
import type { BodyFraming, ReaderEvents, ReaderLimits } from '../http1/message.ts'
import { MessageReader } from '../http1/reader.ts'
import { requestFraming, serializeRequestHead } from '../http1/request-writer.ts'
import { parseResponseHead } from '../http1/response-head.ts'
import { MessageWriter, type WriterEvents } from '../http1/writer.ts'
import { makeResponse, responseFraming } from '../upstream/answer.ts'
import { StreamPort, type StreamPortHandler } from './stream-port.ts'

/** Interim answers to one request; more are taken for an attack. */
const maxInterim = 16

/**
 * Sends one request on a stream that the caller brings, and resolves with the head of the answer. The stream is used
 * up: it ends when the answer has been read, or when nobody wants it.
 */
export function exchangeOn(
  stream: ByteStream,
  request: HttpRequest,
  limits: ReaderLimits,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => new ClientExchange(stream, request, limits, resolve, reject))
}

class ClientExchange implements StreamPortHandler, ReaderEvents, WriterEvents {
  readonly #port: StreamPort
  readonly #request: HttpRequest
  readonly #limits: ReaderLimits
  readonly #reader: MessageReader
  readonly #writer: MessageWriter | null = null
  readonly #resolve: (response: HttpResponse) => void
  readonly #reject: (error: ProxyError) => void
  #interim = 0
  #isAnswering = false
  #isOver = false

  constructor(
    stream: ByteStream,
    request: HttpRequest,
    limits: ReaderLimits,
    resolve: (response: HttpResponse) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#port = new StreamPort(stream, this)
    this.#request = request
    this.#limits = limits
    this.#reader = new MessageReader(limits, this)
    this.#reader.onResume = () => this.#port.resume()
    this.#resolve = resolve
    this.#reject = reject
    try {
      const framing = requestFraming(request)
      const head = serializeRequestHead(request, framing)
      this.#writer = new MessageWriter(this.#port, head, framing, this)
      this.#writer.send(request.body)
      if (!this.#isOver) this.#port.open()
    } catch (thrown) {
      this.#fail(asProxyError(thrown))
    }
  }

  onData(bytes: Buffer): boolean {
    return this.#isOver || this.#reader.push(bytes)
  }

  onEnd(): void {
    this.#reader.finish()
    if (!this.#isAnswering) this.#fail(new ProxyError('UPSTREAM_RESET', 'the stream ended without an answer'))
  }

  onDrain(): void {
    this.#writer?.source?.resume()
  }

  onFail(error: ProxyError): void {
    this.#fail(error)
  }

  onHead(raw: HeadText): BodyFraming | 'tunnel' | null {
    const head = parseResponseHead(raw, this.#limits)
    const { method, upgrade } = this.#request
    if (head.status < 200 && head.status !== 101) {
      this.#interim += 1
      if (this.#interim <= maxInterim) return null
      throw new ProxyError('UPSTREAM_INVALID', `more than ${maxInterim} interim answers`)
    }
    if (head.status === 101 && upgrade === null) {
      throw new ProxyError('UPSTREAM_INVALID', 'the upstream switched protocols unasked')
    }
    this.#isAnswering = true
    if (head.status === 101 || (method === 'CONNECT' && head.status < 300)) {
      // the reader is in the middle of a push: what follows the head is handed over once it returns
      queueMicrotask(() => {
        this.#isOver = true
        this.#resolve(makeResponse(head, method, null, this.#port.detach(this.#reader.detach())))
      })
      return 'tunnel'
    }
    const framing = responseFraming(method, head)
    const length = typeof framing === 'number' ? framing : null
    const body = framing === 0 ? null : new Body(this.#reader.source(), length)
    this.#resolve(makeResponse(head, method, body, null))
    return framing
  }

  onBegin(): void {}

  onMessageEnd(): void {
    this.#isOver = true
    const reason = new ProxyError('CLIENT_GONE', 'the answer was there before all of the request was sent')
    if (!this.#writer?.isOver) this.#request.body?.cancel(reason)
    this.#port.destroy()
  }

  onError(error: ProxyError): void {
    this.#fail(error)
  }

  onCancel(reason: ProxyError): void {
    this.#fail(reason)
  }

  onSent(): void {}

  onBroken(error: ProxyError): void {
    this.#fail(error)
  }

  #fail(error: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reader.fail(error)
    this.#port.destroy(error)
    this.#request.body?.cancel(error)
    this.#reject(error)
  }
}
