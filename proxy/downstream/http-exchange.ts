import { Body } from '../../chains/body.ts'
import { Context, type InterimSink, type Peer } from '../../chains/context.ts'
import { asProxyError, ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { PortRule } from '../../chains/model.ts'
import { newVariables } from '../../chains/variables.ts'
import type { Generation } from '../generation.ts'
import type { MessageReader } from '../http1/reader.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { prepareResponse, statusLine, tunnelHead } from '../http1/response-writer.ts'
import { MessageWriter, type WriterEvents } from '../http1/writer.ts'
import type { Transport } from '../net/transport.ts'
import type { Edge } from './edge.ts'
import { addForwardingHeaders } from './forwarding.ts'
import { refusal } from './refusal.ts'

/** What an exchange needs of the connection that it is on. */
export interface ExchangeOwner {
  readonly edge: Edge
  readonly transport: Transport
  readonly reader: MessageReader
  /** Whether the connection can serve another request, as far as it knows itself. */
  readonly mayKeepAlive: boolean
  /** The answer is out. With `keepsAlive` false the connection closes once the client has it all. */
  answered(keepsAlive: boolean): void
  /** The answer broke off; the client must see that. */
  broken(): void
  /** From here on there are raw bytes both ways, with what the upstream has opened. */
  tunnelled(response: HttpResponse, exchange: HttpExchange): void
}

/** What is known of the request before a filter has seen it. */
export interface ExchangeStart {
  readonly head: RequestHead
  readonly peer: Peer
  readonly port: PortRule | null
  readonly isEgress: boolean
  readonly generation: Generation
}

/**
 * One HTTP request on its way through a chain and back: it makes the context,
 * runs the chain, turns failures into answers, and says when all is over. The
 * one rescue of the HTTP edge is here.
 */
export class HttpExchange implements WriterEvents, InterimSink {
  readonly head: RequestHead
  readonly startedAt: number
  readonly cx: Context
  readonly #owner: ExchangeOwner
  readonly #generation: Generation
  #request: HttpRequest | null = null
  #writer: MessageWriter | null = null
  #response: HttpResponse | null = null
  #error: ProxyError | null = null
  #keepsAlive = false
  #isContinued = false
  #isAnswering = false
  #isOver = false

  constructor(owner: ExchangeOwner, start: ExchangeStart) {
    this.#owner = owner
    this.head = start.head
    this.#generation = start.generation
    const { edge } = owner
    this.startedAt = edge.clock.now()
    this.cx = new Context({
      id: edge,
      peer: start.peer,
      vars: newVariables(start.port, start.isEgress),
      log: edge.log,
      startedAt: this.startedAt,
    })
    this.#generation.enter()
    edge.counters[start.peer.direction].activeRequests.add(1)
  }

  /** Whether the head of the answer is out, so that nothing else can be said. */
  get isAnswering(): boolean {
    return this.#isAnswering
  }

  /** Whether it is the client's turn: its body has been asked for, and it does not wait for `100 Continue`. */
  get awaitsBody(): boolean {
    const isContinued = !this.head.expectsContinue || this.#isContinued || this.#owner.reader.bodyBytes > 0
    return isContinued && (this.#request?.body?.isTaken ?? false)
  }

  /** Runs the chain. The reader must have begun the request's body. */
  async run(): Promise<void> {
    const { head } = this
    const { reader } = this.#owner
    const hasBody = head.isChunked || (head.contentLength ?? 0) > 0
    const request: HttpRequest = {
      version: head.version,
      method: head.method,
      path: head.path,
      headers: head.headers,
      body: hasBody ? new Body(reader.source(), head.contentLength) : null,
      upgrade: head.upgrade,
      expectsContinue: head.expectsContinue,
    }
    this.#request = request
    if (head.version === '1.1') this.cx.interim = this
    let response: HttpResponse
    try {
      addForwardingHeaders(request, this.cx, this.#generation.model.forwarding)
      response = await this.#generation.chains.http[this.cx.peer.direction].run(request, this.cx)
    } catch (thrown) {
      this.fail(asProxyError(thrown))
      return
    }
    this.#answer(response)
  }

  /** Ends the exchange with an error: an answer if none has begun, else a cut. */
  fail(error: ProxyError): void {
    if (this.#isOver) return
    this.#error ??= error
    if (error.traits.blame === 'proxy') this.#log(error)
    this.cx.abort(error)
    if (this.#isAnswering) {
      this.#writer?.abandon(error)
      this.#owner.broken()
      this.end()
    } else this.#answer(refusal(error))
  }

  /** The client is gone: nobody waits for the answer any more. */
  abandon(error: ProxyError): void {
    if (this.#isOver) return
    this.#error ??= error
    this.cx.abort(error)
    this.#writer?.abandon(error)
    this.end()
  }

  /** The exchange is over, whichever way; harmless when it was already. */
  end(receivedBytes = this.#owner.reader.bodyBytes, sentBytes = this.#writer?.bodyBytes ?? 0): void {
    if (this.#isOver) return
    this.#isOver = true
    this.cx.finish({
      status: this.#isAnswering ? (this.#response?.status ?? 0) : 0,
      error: this.#error,
      response: this.#response,
      receivedBytes,
      sentBytes,
      durationMs: this.#owner.edge.clock.now() - this.startedAt,
    })
    this.#owner.edge.counters[this.cx.peer.direction].activeRequests.add(-1)
    this.#generation.leave()
  }

  onDrain(): void {
    this.#writer?.source?.resume()
  }

  onSent(): void {
    this.end()
    this.#owner.answered(this.#keepsAlive)
  }

  onBroken(error: ProxyError, isUnsent: boolean): void {
    this.#error ??= error
    if (isUnsent) {
      this.#isAnswering = false
      this.fail(error)
      return
    }
    this.cx.abort(error)
    this.#owner.broken()
    this.end()
  }

  #answer(response: HttpResponse): void {
    if (this.#isOver || this.#isAnswering) {
      drop(response)
      return
    }
    if (response.tunnel) {
      this.#isAnswering = true
      this.#response = response
      this.#owner.transport.write(tunnelHead(response))
      this.#owner.tunnelled(response, this)
      return
    }
    try {
      this.#send(response)
    } catch (thrown) {
      drop(response)
      // a refusal of our own cannot be refused again
      if (this.#error) this.#owner.broken()
      else this.fail(asProxyError(thrown))
    }
  }

  #send(response: HttpResponse): void {
    const { transport } = this.#owner
    const traits = this.#error?.traits
    const isBodyLost = traits?.blame === 'client' && !traits.unsent
    const prepared = prepareResponse(response, this.head, this.#owner.mayKeepAlive && !isBodyLost)
    this.#isAnswering = true
    this.#response = response
    this.#keepsAlive = prepared.keepsAlive
    this.#writer = new MessageWriter(transport, prepared.head, prepared.framing, this)
    const body = prepared.framing === 0 ? null : response.body
    if (!body) response.body?.cancel(new ProxyError('CLIENT_GONE', 'the answer has no body'))
    this.#writer.send(body)
  }

  inform(status: number, headers: HeaderList): void {
    if (this.#isOver || this.#isAnswering) return
    if (status === 100) this.#isContinued = true
    this.#owner.transport.write(`${statusLine(status, '')}${headers.serialize()}\r\n`)
  }

  #log(error: ProxyError): void {
    this.cx.log.error('an exchange failed', { code: error.code, error: error.cause ?? error, id: this.cx.id })
  }
}

/** Lets go of an answer that nobody will see. */
function drop(response: HttpResponse): void {
  const reason = new ProxyError('CLIENT_GONE', 'nobody waits for the answer')
  response.body?.cancel(reason)
  response.tunnel?.destroy(reason)
}
