import { Body, type BodySink } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { ByteStream, StreamSink } from '../../chains/stream.ts'
import type { Sweeper, Swept } from './sweeper.ts'
import type { Transport, TransportHandler } from './transport.ts'

/** What a {@link RawStream} needs beside its transport. */
export interface RawStreamOptions {
  readonly sweeper: Sweeper
  /** Silence both ways after which the connection is given up; 0 is none. */
  readonly idleMs: number
  /** Bytes that were read before the stream began; given out first. Owned by the stream. */
  readonly leftover: Buffer | null
  /** Whether the peer had sent its FIN before the stream began. */
  readonly isEnded: boolean
  /** What a reset or an unexpected close of this peer is called: `CLIENT_GONE` or `UPSTREAM_RESET`. */
  readonly lossCode: 'CLIENT_GONE' | 'UPSTREAM_RESET'
  /** Called once, when both ways are over; error is null after an orderly end. */
  readonly onClose: (error: ProxyError | null) => void
}

/**
 * A connection as raw bytes both ways: the TCP chains, CONNECT, and upgrades.
 *
 * It takes the transport over, as its handler, and closes it when both ways
 * have ended or either has failed.
 */
export class RawStream implements ByteStream, TransportHandler, Swept {
  readonly readable: Body
  readonly writable: StreamSink
  /** Bytes that came from the peer. */
  receivedBytes = 0
  /** Bytes that went to the peer. */
  sentBytes = 0
  readonly #transport: Transport
  readonly #options: RawStreamOptions
  #sink: BodySink | null = null
  #leftover: Buffer | null
  #isReadEnded: boolean
  #isReadReported = false
  #isWriteEnded = false
  #isClosed = false
  #failure: ProxyError | null = null
  #activeAt: number

  constructor(transport: Transport, options: RawStreamOptions) {
    this.#transport = transport
    this.#options = options
    this.#leftover = options.leftover
    this.receivedBytes = options.leftover?.length ?? 0
    this.#isReadEnded = options.isEnded
    this.#activeAt = options.sweeper.now
    transport.handler = this
    this.readable = new Body(
      {
        open: (sink) => this.#open(sink),
        resume: () => this.#resume(),
        cancel: (reason) => this.destroy(reason),
      },
      null,
    )
    this.writable = this.#makeWritable()
    options.sweeper.add(this)
  }

  destroy(error?: ProxyError): void {
    if (this.#isClosed) return
    this.#failure ??= error ?? null
    if (error) this.#transport.reset()
    else this.#transport.destroy()
  }

  onData(bytes: Buffer): boolean {
    this.#activeAt = this.#options.sweeper.now
    this.receivedBytes += bytes.length
    if (this.#sink) return this.#sink.write(bytes)
    this.#leftover = this.#leftover ? Buffer.concat([this.#leftover, bytes]) : Buffer.from(bytes)
    return false
  }

  onEnd(): void {
    this.#isReadEnded = true
    if (this.#sink && !this.#leftover) this.#reportEnd()
  }

  onDrain(): void {
    this.#activeAt = this.#options.sweeper.now
    this.writable.source?.resume()
  }

  onClose(error: Error | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.sweeper.remove(this)
    const isWhole = this.#isReadEnded && this.#isWriteEnded
    if (!this.#failure && (error || !isWhole)) {
      this.#failure = new ProxyError(this.#options.lossCode, error?.message ?? 'the connection was closed', {
        cause: error,
      })
    }
    if (this.#failure && !this.#isReadReported) {
      this.#isReadReported = true
      this.#sink?.fail(this.#failure)
    }
    // who still sends to this peer must learn that nobody takes it any more
    if (this.#failure) this.writable.source?.cancel(this.#failure)
    this.#options.onClose(this.#failure)
  }

  sweep(now: number): void {
    const { idleMs } = this.#options
    if (idleMs > 0 && now - this.#activeAt > idleMs) {
      this.destroy(new ProxyError('IDLE_TIMEOUT', `nothing came or went for ${idleMs} ms`))
    }
  }

  #open(sink: BodySink): void {
    this.#sink = sink
    if (this.#isClosed) {
      this.#isReadReported = true
      sink.fail(this.#failure ?? new ProxyError(this.#options.lossCode, 'the connection was closed'))
      return
    }
    this.#resume()
  }

  #resume(): void {
    if (this.#isClosed || !this.#sink) return
    const bytes = this.#leftover
    this.#leftover = null
    if (bytes && !this.#sink.write(bytes)) return
    if (this.#isReadEnded) this.#reportEnd()
    else this.#transport.resume()
  }

  #reportEnd(): void {
    if (this.#isReadReported) return
    this.#isReadReported = true
    this.#sink?.end(null)
  }

  #makeWritable(): StreamSink {
    return {
      source: null,
      write: (bytes) => {
        if (this.#isClosed || this.#isWriteEnded) return true
        this.#activeAt = this.#options.sweeper.now
        this.sentBytes += bytes.length
        return this.#transport.write(bytes)
      },
      end: () => {
        if (this.#isWriteEnded || this.#isClosed) return
        this.#isWriteEnded = true
        this.#transport.end()
      },
      fail: (error) => this.destroy(error),
    }
  }
}
