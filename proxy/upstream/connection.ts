import { Body } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HeadText } from '../http1/head-buffer.ts'
import type { BodyFraming, ReaderEvents } from '../http1/message.ts'
import { MessageReader } from '../http1/reader.ts'
import { requestFraming, serializeRequestHead } from '../http1/request-writer.ts'
import { parseResponseHead, type ResponseHead } from '../http1/response-head.ts'
import { MessageWriter, type WriterEvents } from '../http1/writer.ts'
import { RawStream } from '../net/raw-stream.ts'
import type { Swept } from '../net/sweeper.ts'
import { Transport, type TransportHandler } from '../net/transport.ts'
import { connectError, makeResponse, responseFraming } from './answer.ts'
import type { ExchangeHolder, UpstreamExchange } from './exchange.ts'
import type { UpstreamShared } from './shared.ts'
import { Traffic, type TrafficCounters } from './traffic.ts'

/** Interim answers to one request; more are taken for an attack. */
const maxInterim = 16

/** What a connection needs of the pool that it belongs to. */
export interface ConnectionOwner {
  readonly target: { readonly host: string; readonly port: number }
  readonly shared: UpstreamShared
  readonly traffic: TrafficCounters | null
  /** Longest time until it stands; 0 is none. */
  readonly connectMs: number
  /** Longest time that it waits for a request. */
  readonly idleMs: number
  /** The exchange is over and the connection is well. */
  release(connection: UpstreamConnection): void
  /** It is gone; `failure` is set if it never stood. Answers whether that was known already. */
  gone(connection: UpstreamConnection, failure: ProxyError | null): boolean
  /** Sends an exchange on a connection that was not used before. */
  requestFresh(exchange: UpstreamExchange): void
}

/**
 * One HTTP/1.1 connection to an endpoint, carrying one exchange at a time.
 *
 * It belongs to its pool: it reports there when it is free again and when it is
 * gone. A connection on which anything is out of order is never used again.
 */
export class UpstreamConnection
  implements ExchangeHolder, TransportHandler, ReaderEvents, WriterEvents, Swept
{
  /** Since when it is idle, by the sweeper's clock. */
  idleSince = 0
  readonly #pool: ConnectionOwner
  readonly #transport: Transport
  readonly #reader: MessageReader
  readonly #traffic: Traffic | null
  #exchange: UpstreamExchange | null
  #writer: MessageWriter | null = null
  #body: Body | null = null
  #isConnected = false
  /** Whether anything has come back for the exchange at hand. */
  #hasAnswered = false
  #isAnswering = false
  #keepsAlive = true
  /** Whether an interim answer, or a FIN, has said that this is the last exchange. */
  #mustClose = false
  #requests = 0
  #interim = 0
  #activeAt: number
  /** When the upstream was last known to have taken all that it was sent. */
  #takenAt: number
  #failure: ProxyError | null = null
  #hasEnded = false

  /** Begins to connect for `exchange`, which is sent as soon as the connection stands. */
  constructor(pool: ConnectionOwner, exchange: UpstreamExchange) {
    this.#pool = pool
    this.#exchange = exchange
    this.#activeAt = pool.shared.sweeper.now
    this.#takenAt = this.#activeAt
    this.#reader = new MessageReader(pool.shared.readerLimits, this)
    this.#transport = Transport.connect(pool.target, pool.shared.buffers, this, () => this.#connected())
    this.#reader.onResume = () => {
      // silence counts from here: until now it was the client that took nothing
      this.#activeAt = pool.shared.sweeper.now
      this.#transport.resume()
    }
    this.#traffic = Traffic.watch(this.#transport.socket, pool.traffic, pool.shared.sweeper)
    pool.shared.sweeper.add(this)
    exchange.holder = this
  }

  /** How many requests were sent on it. */
  get requests(): number {
    return this.#requests
  }

  /** Whether nothing is known to have come unasked, which would be taken for the next answer. */
  get isQuiet(): boolean {
    return !this.#transport.hasUndelivered
  }

  /** Puts the next exchange on it. */
  send(exchange: UpstreamExchange): void {
    this.#exchange = exchange
    this.#requests += 1
    this.#interim = 0
    this.#hasAnswered = false
    this.#activeAt = this.#pool.shared.sweeper.now
    exchange.holder = this
    const { request } = exchange
    try {
      const framing = requestFraming(request)
      const head = serializeRequestHead(request, framing)
      if (this.#requests > 1) this.#reader.next()
      this.#writer = new MessageWriter(this.#transport, head, framing, this)
      this.#writer.send(request.body)
    } catch (thrown) {
      this.fail(thrown instanceof ProxyError ? thrown : new ProxyError('INTERNAL', String(thrown)))
    }
  }

  /** An exchange that was given up takes its connection with it, unless it was never sent: another may have that. */
  cancel(exchange: UpstreamExchange, reason: ProxyError): void {
    if (this.#isConnected) {
      this.fail(reason)
      return
    }
    this.#exchange = null
    exchange.reject(reason)
  }

  /** Gives the connection up; what is in it fails with `error`. */
  fail(error: ProxyError): void {
    this.#failure ??= error
    this.#transport.destroy()
    this.#closed(null)
  }

  onData(bytes: Buffer): boolean {
    this.#activeAt = this.#pool.shared.sweeper.now
    if (!this.#exchange) {
      this.fail(new ProxyError('UPSTREAM_INVALID', 'the upstream sent something unasked'))
      return false
    }
    this.#hasAnswered = true
    return this.#reader.push(bytes)
  }

  onEnd(): void {
    this.#hasEnded = true
    this.#mustClose = true
    this.#keepsAlive = false
    this.#reader.finish()
    if (!this.#isAnswering) this.fail(new ProxyError('UPSTREAM_RESET', 'the upstream closed the connection'))
  }

  onDrain(): void {
    this.#activeAt = this.#pool.shared.sweeper.now
    this.#takenAt = this.#activeAt
    this.#writer?.source?.resume()
  }

  onClose(error: Error | null): void {
    this.#closed(error)
  }

  onHead(raw: HeadText): BodyFraming | 'tunnel' | null {
    const exchange = this.#exchange as UpstreamExchange
    const head = parseResponseHead(raw, this.#pool.shared.readerLimits)
    if (head.status < 200 && head.status !== 101) return this.#interimAnswer(exchange, head)
    const { method, upgrade } = exchange.request
    if (head.status === 101 && upgrade === null) {
      throw new ProxyError('UPSTREAM_INVALID', 'the upstream switched protocols unasked')
    }
    const isTunnel = head.status === 101 || (method === 'CONNECT' && head.status < 300)
    this.#isAnswering = true
    if (isTunnel) return this.#tunnel(exchange, head)
    const framing = responseFraming(method, head)
    this.#keepsAlive = head.keepsAlive && !this.#mustClose && framing !== 'until-close'
    this.#body =
      framing === 0 ? null : new Body(this.#reader.source(), typeof framing === 'number' ? framing : null)
    exchange.resolve(makeResponse(head, method, this.#body, null))
    return framing
  }

  onBegin(): void {}

  onMessageEnd(): void {
    const exchange = this.#exchange
    exchange?.done()
    this.#traffic?.sweep()
    this.#exchange = null
    this.#isAnswering = false
    const isOver = exchange !== null && this.#writer?.isOver === true
    const isUsable = isOver && this.#keepsAlive && !this.#reader.hasHeld && this.isQuiet
    if (isUsable && !this.#failure) this.#pool.release(this)
    else this.fail(new ProxyError('UPSTREAM_RESET', 'the connection is not used again'))
  }

  onError(error: ProxyError): void {
    this.fail(error)
  }

  onCancel(reason: ProxyError): void {
    this.fail(reason)
  }

  onSent(): void {
    this.#activeAt = this.#pool.shared.sweeper.now
  }

  onBroken(error: ProxyError): void {
    this.fail(error)
  }

  sweep(now: number): void {
    const { connectMs, idleMs } = this.#pool
    const exchange = this.#exchange
    if (this.#transport.waitingBytes === 0) this.#takenAt = now
    if (!this.#isConnected) {
      if (connectMs > 0 && now - this.#activeAt > connectMs) {
        this.fail(new ProxyError('CONNECT_TIMEOUT', `no connection within ${connectMs} ms`))
      }
    } else if (!exchange) {
      if (idleMs > 0 && now - this.idleSince > idleMs) this.#transport.destroy()
    } else this.#sweepBody(now)
  }

  /** A body that stalls on the upstream's side; one that stalls on the client's is the client's affair. */
  #sweepBody(now: number): void {
    const { bodyIdleMs } = this.#pool.shared
    if (bodyIdleMs === 0) return
    const isReading = this.#isAnswering && this.#body?.isTaken === true && !this.#reader.isFull
    if (now - this.#takenAt > bodyIdleMs || (isReading && now - this.#activeAt > bodyIdleMs)) {
      this.fail(new ProxyError('IDLE_TIMEOUT', `the upstream was silent for ${bodyIdleMs} ms`))
    }
  }

  #connected(): void {
    this.#isConnected = true
    const exchange = this.#exchange
    if (exchange) this.send(exchange)
    else this.#pool.release(this)
  }

  #interimAnswer(exchange: UpstreamExchange, head: ResponseHead): null {
    this.#interim += 1
    if (this.#interim > maxInterim) {
      throw new ProxyError('UPSTREAM_INVALID', `more than ${maxInterim} interim answers`)
    }
    if (head.isChunked || head.contentLength > 0) {
      throw new ProxyError('UPSTREAM_INVALID', 'an interim answer announces a body')
    }
    if (!head.keepsAlive) this.#mustClose = true
    exchange.cx.interim?.inform(head.status, head.headers)
    return null
  }

  #tunnel(exchange: UpstreamExchange, head: ResponseHead): 'tunnel' {
    const { shared } = this.#pool
    shared.sweeper.remove(this)
    // The reader is in the middle of a push: what follows the head is handed over once it returns.
    queueMicrotask(() => {
      if (this.#exchange !== exchange) return
      this.#exchange = null
      const stream = new RawStream(this.#transport, {
        sweeper: shared.sweeper,
        idleMs: shared.streamIdleMs,
        leftover: this.#reader.detach(),
        isEnded: this.#hasEnded,
        lossCode: 'UPSTREAM_RESET',
        onClose: () => this.#pool.gone(this, null),
      })
      exchange.holder = { cancel: (_, reason) => stream.destroy(reason) }
      exchange.resolve(makeResponse(head, exchange.request.method, null, stream))
    })
    return 'tunnel'
  }

  #closed(cause: Error | null): void {
    if (this.#pool.gone(this, this.#isConnected ? null : connectError(this.#failure, cause))) return
    this.#pool.shared.sweeper.remove(this)
    const exchange = this.#exchange
    this.#exchange = null
    const isTheirs = this.#failure === null || this.#failure.code === 'UPSTREAM_RESET'
    const isStale = isTheirs && this.#requests > 1 && !this.#hasAnswered
    const error = this.#closeError(cause)
    this.#reader.fail(error)
    this.#writer?.abandon(error)
    if (!exchange) return
    if (isStale && exchange.mayBeSentAgain) {
      exchange.isSecondSend = true
      this.#pool.requestFresh(exchange)
    } else exchange.reject(error)
  }

  #closeError(cause: Error | null): ProxyError {
    if (this.#failure) return this.#failure
    if (!this.#isConnected) return connectError(null, cause)
    const code = this.#isAnswering ? 'UPSTREAM_TRUNCATED' : 'UPSTREAM_RESET'
    return new ProxyError(code, cause?.message ?? 'the upstream closed the connection', { cause })
  }
}
