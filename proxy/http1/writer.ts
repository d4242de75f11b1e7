import type { Body } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { relay, type StreamSink } from '../../chains/stream.ts'
import { latin1, type Transport } from '../net/transport.ts'
import type { BodyFraming } from './message.ts'

/** Where the bytes of messages are written: a connection, or whatever else takes them in the same way. */
export type ByteWriter = Pick<Transport, 'write' | 'cork' | 'uncork'>

/** Bytes up to this many are put into one string with the head before them, so that both leave in one write. */
const joinBytes = 16_384

/** Who is told how the writing of a message went. */
export interface WriterEvents {
  /** All of it has been handed to the kernel or stands in the socket's queue. */
  onSent(): void
  /**
   * Its body broke off: the peer must not take what it has for the whole.
   * `isUnsent` says that it has nothing yet, not even the head. Nothing more is
   * written.
   */
  onBroken(error: ProxyError, isUnsent: boolean): void
}

/**
 * Writes one message: a head that is ready, and its body in the framing that
 * the head announces. A body that is shorter or longer than announced is
 * broken, never padded or cut.
 */
export class MessageWriter implements StreamSink {
  source: Body | null = null
  /** Body bytes written, framing not counted. */
  bodyBytes = 0
  readonly #transport: ByteWriter
  readonly #framing: BodyFraming
  readonly #events: WriterEvents
  /** What waits to be written together with what comes next: at first the head. */
  #pending: string
  #corks = 0
  #isUnsent = true
  #isOver = false

  constructor(transport: ByteWriter, head: string, framing: BodyFraming, events: WriterEvents) {
    this.#transport = transport
    this.#pending = head
    this.#framing = framing
    this.#events = events
  }

  /** Whether the message has been written as a whole, or has broken off. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Begins: the head leaves in one write with as much of the body as is here already. */
  send(body: Body | null): void {
    if (!body) {
      this.end(null)
      return
    }
    this.cork()
    relay(body, this)
    this.uncork()
  }

  cork(): void {
    this.#corks += 1
  }

  uncork(): boolean {
    this.#corks -= 1
    return this.#corks > 0 || this.#isOver || this.#flush()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver || bytes.length === 0) return true
    this.bodyBytes += bytes.length
    if (typeof this.#framing === 'number' && this.bodyBytes > this.#framing) {
      const error = new ProxyError('INTERNAL', 'a body is longer than was announced')
      this.fail(error)
      this.source?.cancel(error)
      return false
    }
    const isChunked = this.#framing === 'chunked'
    if (isChunked) this.#pending += `${bytes.length.toString(16)}\r\n`
    if (this.#pending.length + bytes.length > joinBytes) return this.#writeLarge(bytes, isChunked)
    if (this.#pending === '' && this.#corks === 0) return this.#transport.write(bytes)
    this.#pending += latin1(bytes)
    if (isChunked) this.#pending += '\r\n'
    return this.#corks > 0 || this.#flush()
  }

  end(trailers: HeaderList | null): void {
    if (this.#isOver) return
    if (typeof this.#framing === 'number' && this.bodyBytes < this.#framing) {
      this.fail(new ProxyError('INTERNAL', 'a body is shorter than was announced'))
      return
    }
    this.#isOver = true
    if (this.#framing === 'chunked') {
      this.#pending += `0\r\n${trailers ? trailers.serialize() : ''}\r\n`
    }
    this.#flush()
    this.#events.onSent()
  }

  fail(error: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.onBroken(error, this.#isUnsent)
  }

  /** The peer is gone, or is to be: nothing more is written, and the body's source learns that nobody takes the rest. */
  abandon(reason: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.source?.cancel(reason)
  }

  /** Bulk data is not joined to anything, so that it need not be copied. */
  #writeLarge(bytes: Uint8Array, isChunked: boolean): boolean {
    const pending = this.#pending
    this.#pending = ''
    this.#isUnsent = false
    if (pending === '' && !isChunked) return this.#transport.write(bytes)
    this.#transport.cork()
    this.#transport.write(pending)
    const isTaken = this.#transport.write(bytes)
    if (isChunked) this.#transport.write('\r\n')
    this.#transport.uncork()
    return isTaken
  }

  #flush(): boolean {
    if (this.#pending === '') return true
    const pending = this.#pending
    this.#pending = ''
    this.#isUnsent = false
    return this.#transport.write(pending)
  }
}
