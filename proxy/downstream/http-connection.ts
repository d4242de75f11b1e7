import type { Peer } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpResponse } from '../../chains/http.ts'
import { relay } from '../../chains/stream.ts'
import type { HeadText } from '../http1/head-buffer.ts'
import type { BodyFraming, ReaderEvents } from '../http1/message.ts'
import { MessageReader } from '../http1/reader.ts'
import { parseRequestHead, type RequestHead } from '../http1/request-head.ts'
import { RawStream } from '../net/raw-stream.ts'
import type { Swept } from '../net/sweeper.ts'
import type { Transport, TransportHandler } from '../net/transport.ts'
import type { ClientConnection, Edge } from './edge.ts'
import { type ExchangeOwner, HttpExchange } from './http-exchange.ts'
import type { HttpConnectionOptions, RequestOrigin } from './origin.ts'
import { refusalText } from './refusal.ts'

/** How long a closed connection is still read, so that the client gets our last answer before a reset. */
const lingerMs = 2_000

/** Answers that a client has asked for ahead and does not take; beyond this it is not read on. */
const maxQueuedBytes = 4 * 1_048_576

/** A body that nobody read is read to its end, up to this many bytes, to save the connection. */
const maxDiscardBytes = 65_536

/**
 * A client's HTTP/1.1 connection: one exchange at a time, in order, however
 * many requests the client has sent ahead.
 */
export class HttpConnection
  implements ClientConnection, ExchangeOwner, TransportHandler, ReaderEvents, Swept
{
  readonly edge: Edge
  readonly transport: Transport
  readonly reader: MessageReader
  readonly peer: Peer
  readonly #options: HttpConnectionOptions
  #exchange: HttpExchange | null = null
  #head: RequestHead | null = null
  #origin: RequestOrigin | null = null
  #requests = 0
  #isRequestWhole = true
  #isAnswered = true
  #willKeepAlive = true
  #isLingering = false
  #isClosed = false
  #hasEnded = false
  /** When the wait at hand began: for a head, for the next request, for bytes, for the last FIN. */
  #waitingSince: number
  #lingersSince = 0
  /** Whether the next request waits until the client has taken the answers that it has. */
  #isHeldBack = false
  #tunnel: RawStream | null = null

  constructor(options: HttpConnectionOptions) {
    this.edge = options.edge
    this.transport = options.transport
    this.peer = options.peer
    this.#options = options
    const { limits } = this.edge.generation.model
    this.reader = new MessageReader({ ...limits, kind: 'request' }, this)
    this.reader.onResume = () => this.transport.resume()
    this.#waitingSince = this.edge.sweeper.now
    this.edge.sweeper.add(this)
  }

  get isIdle(): boolean {
    return this.#exchange === null && !this.reader.isInHead && !this.#tunnel
  }

  get mayKeepAlive(): boolean {
    const { limits } = this.edge.generation.model
    return (
      !this.edge.isDraining &&
      (!this.#hasEnded || this.reader.hasHeld) &&
      this.#requests < limits.maxRequestsPerConnection &&
      (this.#isRequestWhole || this.#canDiscard())
    )
  }

  drain(): void {
    this.#willKeepAlive = false
    if (!this.isIdle) return
    if (this.transport.socket.writableLength > 0) this.#linger()
    else this.transport.destroy()
  }

  destroy(): void {
    this.transport.destroy()
  }

  onData(bytes: Buffer): boolean {
    if (this.#isLingering) return true
    if (!this.reader.isInHead) this.#waitingSince = this.edge.sweeper.now
    return this.reader.push(bytes)
  }

  onEnd(): void {
    this.#hasEnded = true
    if ((!this.#exchange && !this.#isHeldBack) || this.#isLingering) {
      this.transport.end()
      return
    }
    this.reader.finish()
  }

  onDrain(): void {
    this.#waitingSince = this.edge.sweeper.now
    this.#exchange?.onDrain()
    if (!this.#isHeldBack) return
    this.#isHeldBack = false
    this.reader.next()
  }

  onClose(error: Error | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.edge.sweeper.remove(this)
    const gone = new ProxyError('CLIENT_GONE', error?.message ?? 'the client closed the connection')
    this.reader.fail(gone)
    this.#exchange?.abandon(gone)
    this.#exchange = null
    this.#options.onGone()
  }

  onHead(raw: HeadText): BodyFraming {
    const { limits } = this.edge.generation.model
    this.#requests += 1
    this.#head = parseRequestHead(raw, limits)
    const { contentLength } = this.#head
    if (limits.maxBodyBytes > 0 && contentLength !== null && contentLength > limits.maxBodyBytes) {
      throw new ProxyError('BODY_TOO_LARGE', `the body is over ${limits.maxBodyBytes} bytes`)
    }
    this.#origin = this.#options.originOf(this.#head)
    return this.#head.isChunked ? 'chunked' : (contentLength ?? 0)
  }

  onBegin(): void {
    const head = this.#head as RequestHead
    const origin = this.#origin
    this.#isRequestWhole = false
    this.#isAnswered = false
    if (!origin) {
      this.transport.reset()
      return
    }
    this.#exchange = new HttpExchange(this, {
      head,
      peer: origin.peer,
      port: origin.port,
      isEgress: origin.isEgress,
      generation: this.edge.generation,
    })
    if (!head.isChunked && head.contentLength === 0) this.#isRequestWhole = true
    void this.#exchange.run()
  }

  onMessageEnd(): void {
    this.#isRequestWhole = true
    this.#nextIfOver()
  }

  onError(error: ProxyError): void {
    if (this.#exchange) {
      this.#exchange.fail(error)
      return
    }
    this.edge.counters[this.peer.direction].refused(error.code).add()
    this.#refuse(error)
  }

  onCancel(): void {}

  answered(keepsAlive: boolean): void {
    this.#isAnswered = true
    this.#willKeepAlive &&= keepsAlive
    this.#waitingSince = this.edge.sweeper.now
    if (!this.#isRequestWhole && this.#willKeepAlive) this.reader.discard()
    this.#nextIfOver()
  }

  broken(): void {
    this.transport.reset()
  }

  tunnelled(response: HttpResponse, exchange: HttpExchange): void {
    const upstream = response.tunnel as NonNullable<typeof response.tunnel>
    this.edge.sweeper.remove(this)
    const client = new RawStream(this.transport, {
      sweeper: this.edge.sweeper,
      idleMs: this.edge.generation.model.timeouts.idleMs,
      leftover: this.reader.detach(),
      isEnded: this.#hasEnded,
      lossCode: 'CLIENT_GONE',
      onClose: (error) => {
        exchange.end(client.receivedBytes, client.sentBytes)
        if (error) upstream.destroy(error)
        this.#isClosed = true
        this.#options.onGone()
      },
    })
    this.#tunnel = client
    relay(client.readable, upstream.writable)
    relay(upstream.readable, client.writable)
  }

  sweep(now: number): void {
    const { timeouts } = this.edge.generation.model
    const waited = now - this.#waitingSince
    if (this.#isLingering) {
      this.#sweepLinger(now, waited)
    } else if (this.#exchange) this.#sweepExchange(this.#exchange, waited)
    else if (this.reader.isInHead || this.#requests === 0) {
      if (timeouts.requestHeadMs > 0 && waited > timeouts.requestHeadMs) this.#headIsLate()
    } else if (timeouts.idleMs > 0 && waited > timeouts.idleMs) this.transport.destroy()
  }

  /** The time to linger begins when our last byte has left; until then the client may be slow, but not idle. */
  #sweepLinger(now: number, waited: number): void {
    const { idleMs } = this.edge.generation.model.timeouts
    if (this.transport.socket.writableLength > 0) {
      this.#lingersSince = now
      if (idleMs > 0 && waited > idleMs) this.transport.destroy()
    } else if (now - this.#lingersSince > lingerMs) this.transport.destroy()
  }

  #sweepExchange(exchange: HttpExchange, waited: number): void {
    const { timeouts } = this.edge.generation.model
    if (this.#isAnswered) {
      if (timeouts.idleMs > 0 && waited > timeouts.idleMs) this.transport.destroy()
      return
    }
    const requestMs = exchange.cx.vars.route?.requestTimeoutMs ?? timeouts.requestMs
    if (requestMs > 0 && this.edge.clock.now() - exchange.startedAt > requestMs) {
      exchange.fail(new ProxyError('REQUEST_TIMEOUT', `no whole answer within ${requestMs} ms`))
      return
    }
    if (timeouts.idleMs === 0 || waited <= timeouts.idleMs) return
    if (this.transport.socket.writableLength > 0) {
      exchange.fail(new ProxyError('CLIENT_GONE', `the client took nothing for ${timeouts.idleMs} ms`))
    } else if (this.#hasEnded && !exchange.isAnswering) {
      // a client that gave up looks like one that only has no more to say; silence tells them apart
      exchange.fail(new ProxyError('CLIENT_GONE', `the client has closed its side for ${timeouts.idleMs} ms`))
    } else if (!this.#isRequestWhole && exchange.awaitsBody && !this.reader.isFull) {
      exchange.fail(
        new ProxyError('REQUEST_BODY_TIMEOUT', `nothing of the body came for ${timeouts.idleMs} ms`),
      )
    }
  }

  #headIsLate(): void {
    if (!this.reader.isInHead) {
      this.transport.destroy()
      return
    }
    const error = new ProxyError('REQUEST_HEAD_TIMEOUT', 'the head of the request did not come in time')
    this.edge.counters[this.peer.direction].refused(error.code).add()
    this.#refuse(error)
  }

  #canDiscard(): boolean {
    const { contentLength = null, expectsContinue = true } = this.#head ?? {}
    return !expectsContinue && contentLength !== null && contentLength <= maxDiscardBytes
  }

  /** Both the request and its answer are through: on to the next request, or to the end. */
  #nextIfOver(): void {
    if (!this.#isAnswered) return
    const isLast = !this.#willKeepAlive || this.edge.isDraining
    if (!isLast && !this.#isRequestWhole) return
    this.#exchange = null
    if (isLast || (this.#hasEnded && !this.reader.hasHeld)) {
      this.#linger()
      return
    }
    this.#isHeldBack = this.transport.socket.writableLength > maxQueuedBytes
    if (!this.#isHeldBack) this.reader.next()
  }

  /** Answers what is no request, and closes. */
  #refuse(error: ProxyError): void {
    this.transport.write(refusalText(error))
    this.#linger()
  }

  /**
   * Says that no more will come, and reads on for a while: a close with unread
   * bytes in the kernel is a reset, which can take our last answer from the client.
   */
  #linger(): void {
    if (this.#isLingering) return
    this.#isLingering = true
    this.#waitingSince = this.edge.sweeper.now
    this.#lingersSince = this.#waitingSince
    this.reader.detach()
    this.transport.end()
    this.transport.resume()
  }
}
