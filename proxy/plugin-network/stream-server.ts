import { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import { asProxyError, ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../chains/http.ts'
import { type ByteStream, relay } from '../../chains/stream.ts'
import type { HeadText } from '../http1/head-buffer.ts'
import type { BodyFraming, ReaderEvents, ReaderLimits } from '../http1/message.ts'
import { MessageReader } from '../http1/reader.ts'
import { parseRequestHead, type RequestHead } from '../http1/request-head.ts'
import { prepareResponse, tunnelHead } from '../http1/response-writer.ts'
import { MessageWriter, type WriterEvents } from '../http1/writer.ts'
import { StreamPort, type StreamPortHandler } from './stream-port.ts'

/** Answers requests in the order in which they come. */
export type RequestHandler = (request: HttpRequest) => Promise<HttpResponse>

/** A body that nobody read is read to its end, up to this many bytes, so that the next request can be found. */
const maxDiscardBytes = 65_536

/**
 * Serves the requests on a stream, one after the other, until it ends or the exchange is given up. What is no
 * request ends it at once; what `handle` rejects with becomes an answer.
 */
export function serveOn(stream: ByteStream, cx: Context, handle: RequestHandler, limits: ReaderLimits): void {
  const server = new StreamServer(stream, handle, limits)
  const forget = cx.onAbort((reason) => server.onFail(reason))
  server.start(forget)
}

class StreamServer implements StreamPortHandler, ReaderEvents, WriterEvents {
  readonly #port: StreamPort
  readonly #handle: RequestHandler
  readonly #limits: ReaderLimits
  readonly #reader: MessageReader
  #head: RequestHead | null = null
  #writer: MessageWriter | null = null
  #keepsAlive = true
  #isRequestWhole = true
  #isAnswered = true
  #hasEnded = false
  #isOver = false
  #onOver: () => void = () => {}

  constructor(stream: ByteStream, handle: RequestHandler, limits: ReaderLimits) {
    this.#port = new StreamPort(stream, this)
    this.#handle = handle
    this.#limits = limits
    this.#reader = new MessageReader(limits, this)
    this.#reader.onResume = () => this.#port.resume()
  }

  start(onOver: () => void): void {
    this.#onOver = onOver
    if (this.#isOver) onOver()
    else this.#port.open()
  }

  onData(bytes: Buffer): boolean {
    return this.#isOver || this.#reader.push(bytes)
  }

  onEnd(): void {
    this.#hasEnded = true
    this.#reader.finish()
    if (this.#isAnswered && !this.#reader.hasHeld) this.#end()
  }

  onDrain(): void {
    this.#writer?.source?.resume()
  }

  onFail(error: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reader.fail(error)
    this.#writer?.source?.cancel(error)
    this.#port.destroy(error)
    this.#onOver()
  }

  onHead(raw: HeadText): BodyFraming {
    const head = parseRequestHead(raw, this.#limits)
    this.#head = head
    return head.isChunked ? 'chunked' : (head.contentLength ?? 0)
  }

  onBegin(): void {
    const head = this.#head as RequestHead
    const hasBody = head.isChunked || (head.contentLength ?? 0) > 0
    this.#isRequestWhole = !hasBody
    this.#isAnswered = false
    void this.#serve(head, {
      version: head.version,
      method: head.method,
      path: head.path,
      headers: head.headers,
      body: hasBody ? new Body(this.#source(head), head.contentLength) : null,
      upgrade: head.upgrade,
      // it is answered here, when somebody wants the body
      expectsContinue: false,
    })
  }

  onMessageEnd(): void {
    this.#isRequestWhole = true
    this.#nextIfOver()
  }

  onError(error: ProxyError): void {
    this.onFail(error)
  }

  onCancel(): void {}

  onSent(): void {
    this.#isAnswered = true
    if (!this.#isRequestWhole && this.#keepsAlive) this.#reader.discard()
    this.#nextIfOver()
  }

  onBroken(error: ProxyError): void {
    this.onFail(error)
  }

  #source(head: RequestHead) {
    const source = this.#reader.source()
    if (!head.expectsContinue) return source
    return {
      ...source,
      open: (sink: Parameters<typeof source.open>[0]) => {
        if (!this.#isOver && !this.#writer) this.#port.write('HTTP/1.1 100 Continue\r\n\r\n')
        source.open(sink)
      },
    }
  }

  async #serve(head: RequestHead, request: HttpRequest): Promise<void> {
    let response: HttpResponse
    try {
      response = await this.#handle(request)
    } catch (thrown) {
      response = answerOf(asProxyError(thrown))
    }
    if (this.#isOver) drop(response)
    else if (response.tunnel) this.#tunnel(response, response.tunnel)
    else this.#answer(head, response)
  }

  #answer(head: RequestHead, response: HttpResponse): void {
    try {
      const canDiscard = head.contentLength !== null && head.contentLength <= maxDiscardBytes
      const mayKeepAlive = this.#isRequestWhole || (canDiscard && !head.expectsContinue)
      const prepared = prepareResponse(response, head, mayKeepAlive)
      const body = prepared.framing === 0 ? null : response.body
      if (!body) response.body?.cancel(new ProxyError('CLIENT_GONE', 'the answer has no body'))
      this.#keepsAlive = prepared.keepsAlive
      this.#writer = new MessageWriter(this.#port, prepared.head, prepared.framing, this)
      this.#writer.send(body)
    } catch (thrown) {
      drop(response)
      this.onFail(asProxyError(thrown))
    }
  }

  #tunnel(response: HttpResponse, upstream: ByteStream): void {
    this.#isOver = true
    this.#onOver()
    this.#port.write(tunnelHead(response))
    const stream = this.#port.detach(this.#reader.detach())
    relay(stream.readable, upstream.writable)
    relay(upstream.readable, stream.writable)
  }

  #nextIfOver(): void {
    if (!this.#isAnswered || this.#isOver) return
    if (!this.#keepsAlive || (this.#hasEnded && !this.#reader.hasHeld)) {
      this.#end()
      return
    }
    if (!this.#isRequestWhole) return
    this.#writer = null
    this.#reader.next()
    if (this.#hasEnded && this.#isAnswered && !this.#reader.hasHeld) this.#end()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reader.detach()
    this.#port.end()
    this.#onOver()
  }
}

/** What the other side is told of a failure: its status and its code. */
function answerOf({ code, traits }: ProxyError): HttpResponse {
  const headers = new HeaderList(['Content-Type', 'text/plain; charset=utf-8'])
  return localResponse(traits.status, headers, Body.of(`${code}\n`))
}

/** Lets go of an answer that nobody will see. */
function drop(response: HttpResponse): void {
  const reason = new ProxyError('CLIENT_GONE', 'nobody waits for the answer')
  response.body?.cancel(reason)
  response.tunnel?.destroy(reason)
}
