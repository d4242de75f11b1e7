import type { Peer } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { RefusedRequest } from '../../chains/filters/access-log.ts'
import type { HttpResponse } from '../../chains/http.ts'
import { relay } from '../../chains/stream.ts'
import type { HeadText } from '../http1/head-buffer.ts'
import type { BodyFraming, ReaderEvents } from '../http1/message.ts'
import { MessageReader } from '../http1/reader.ts'
import { parseRequestHead, type RequestHead } from '../http1/request-head.ts'
import { RawStream } from '../net/raw-stream.ts'
import type { Swept } from '../net/sweeper.ts'
import type { Transport, TransportHandler } from '../net/transport.ts'
import { overdue } from './deadlines.ts'
import type { ClientConnection, Edge } from './edge.ts'
import { type ExchangeOwner, HttpExchange } from './http-exchange.ts'
import type { HttpConnectionOptions, RequestOrigin } from './origin.ts'
import { lookAtRequestLine, refuse } from './refusal.ts'

/** How long a closed connection is still read, so that the client gets our last answer before a reset. */
const lingerMs = 2_000

/** Answers that a client does not take, about one read of them; beyond this its next request is not begun. */
const maxQueuedBytes = 65_536

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
  /** What the head said that is about to be refused; null when it was not whole. */
  #refused: RefusedRequest | null = null
  #origin: RequestOrigin | null = null
  #requests = 0
  #isRequestWhole = true
  #isAnswered = true
  #willKeepAlive = true
  #isLingering = false
  #hasEnded = false
  /** When the wait at hand began: for a head, for the next request, for bytes, for the last FIN. */
  #waitingSince: number
  #lingersSince = 0
  /** When the client was last known to have taken all that it was sent. */
  #takenAt: number
  /** Whether the next request waits until the client has taken the answers that it has. */
  #isHeldBack = false
  #tunnel: RawStream | null = null

  constructor(options: HttpConnectionOptions) {
    this.edge = options.edge
    this.transport = options.transport
    this.peer = options.peer
    this.#options = options
    this.reader = new MessageReader({ ...this.edge.generation.model.limits, kind: 'request' }, this)
    this.reader.onResume = () => {
      // silence counts from here: until now it was the upstream that took nothing
      this.#waitingSince = this.edge.sweeper.now
      this.transport.resume()
    }
    this.#waitingSince = this.edge.sweeper.now
    this.#takenAt = this.#waitingSince
    this.edge.sweeper.add(this)
  }

  get isIdle(): boolean {
    return !this.#exchange && !this.#tunnel && !this.reader.isInHead && !this.transport.hasUndelivered
  }

  get mayKeepAlive(): boolean {
    return (
      !this.edge.isDraining &&
      (!this.#hasEnded || this.reader.hasHeld) &&
      this.#requests < this.edge.generation.model.limits.maxRequestsPerConnection &&
      (this.#isRequestWhole || this.#canDiscard())
    )
  }

  drain(): void {
    this.#willKeepAlive = false
    if (!this.isIdle) return
    if (this.transport.waitingBytes > 0) this.#linger()
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
    this.#takenAt = this.#waitingSince
    this.#exchange?.onDrain()
    if (this.#isHeldBack) this.#goOn()
  }

  onClose(error: Error | null): void {
    this.edge.sweeper.remove(this)
    const gone = new ProxyError('CLIENT_GONE', error?.message ?? 'the client closed the connection')
    this.reader.fail(gone)
    this.#exchange?.abandon(gone)
    this.#exchange = null
    this.#options.onGone()
  }

  onHead(raw: HeadText): BodyFraming {
    this.#requests += 1
    try {
      const head = parseRequestHead(raw, this.edge.generation.model.limits)
      this.#head = head
      this.#checkLength(head)
      this.#origin = this.#options.originOf(head)
      return head.contentLength ?? 'chunked'
    } catch (thrown) {
      this.#refused = lookAtRequestLine(raw)
      throw thrown
    }
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
    if (!this.#exchange) this.#refuse(error)
    else if (!this.#isAnswered) this.#exchange.fail(error)
    else {
      // what is wrong with the rest of a request that has its answer concerns nobody
      this.#exchange = null
      this.#linger()
    }
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
    if (this.transport.waitingBytes === 0) this.#takenAt = now
    if (this.#isLingering) this.#sweepLinger(now)
    else if (this.#exchange) this.#sweepExchange(this.#exchange, waited, now - this.#takenAt)
    else if (this.reader.isInHead || this.#requests === 0) {
      if (timeouts.requestHeadMs > 0 && waited > timeouts.requestHeadMs) this.#headIsLate()
    } else if (timeouts.idleMs > 0 && waited > timeouts.idleMs) this.transport.destroy()
  }

  /** The time to linger begins when our last byte has left; until then the client may be slow, but not idle. */
  #sweepLinger(now: number): void {
    const { idleMs } = this.edge.generation.model.timeouts
    const untaken = now - this.#takenAt
    if (untaken > 0) this.#lingersSince = now
    if ((idleMs > 0 && untaken > idleMs) || now - this.#lingersSince > lingerMs) this.transport.destroy()
  }

  #sweepExchange(exchange: HttpExchange, waited: number, untaken: number): void {
    const { timeouts } = this.edge.generation.model
    const awaitsBody = !this.#isRequestWhole && exchange.awaitsBody && !this.reader.isFull
    const waits = { waited, untaken, awaitsBody, hasEnded: this.#hasEnded }
    if (!this.#isAnswered) {
      const error = overdue(exchange, waits, timeouts, this.edge.clock.now())
      if (error) exchange.fail(error)
    } else if (timeouts.idleMs > 0 && waited > timeouts.idleMs) this.transport.destroy()
  }

  #headIsLate(): void {
    const detail = 'the head of the request did not come in time'
    if (this.reader.isInHead) this.#refuse(new ProxyError('REQUEST_HEAD_TIMEOUT', detail))
    else this.transport.destroy()
  }

  #checkLength({ contentLength }: RequestHead): void {
    const { maxBodyBytes } = this.edge.generation.model.limits
    if (maxBodyBytes > 0 && contentLength !== null && contentLength > maxBodyBytes) {
      throw new ProxyError('BODY_TOO_LARGE', `the body is over ${maxBodyBytes} bytes`)
    }
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
    if (isLast) this.#linger()
    else this.#goOn()
  }

  /** On to the next request, once the client has taken its answers; to the end, if no more can come. */
  #goOn(): void {
    const isLast = this.#hasEnded && !this.reader.hasHeld
    this.#isHeldBack = !isLast && this.transport.waitingBytes > maxQueuedBytes
    if (this.#isHeldBack) return
    this.reader.next()
    if (this.#hasEnded && !this.#exchange) this.#linger()
  }

  /** Answers what is no request, and closes. */
  #refuse(error: ProxyError): void {
    const durationMs = this.#refused ? 0 : this.edge.sweeper.now - this.#waitingSince
    refuse(this, this.#refused, durationMs, error)
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
