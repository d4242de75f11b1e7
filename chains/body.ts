import { Readable } from 'node:stream'
import { asProxyError, ProxyError } from './failures.ts'
import type { HeaderList } from './headers.ts'

/** Where the bytes of a body go. */
export interface BodySink {
  /**
   * Takes bytes that are the source's own again once this returns: a sink that
   * has not finished with them by then must have copied them.
   *
   * False means that the sink is full; the source then stops until
   * {@link BodySource.resume} is called.
   */
  write(bytes: Uint8Array): boolean
  /** More pieces come at once: a sink may keep small ones back until {@link uncork}. Optional. */
  cork?(): void
  /** Ends one {@link cork}. False means that the sink is full, as with {@link write}. */
  uncork?(): boolean
  /** The body is whole. `trailers` came behind a chunked body, or null. */
  end(trailers: HeaderList | null): void
  /** The body will never be whole. Nothing is called after this, nor after `end`. */
  fail(error: ProxyError): void
}

/** Where the bytes of a body come from: a connection, or bytes already here. */
export interface BodySource {
  /** Starts the flow into `sink`; may call it before this returns. Called once. */
  open(sink: BodySink): void
  /** The sink that answered false has room again. */
  resume(): void
  /** Nobody wants the rest. The sink is not called any more. */
  cancel(reason: ProxyError): void
}

/**
 * The body of one message, read once, with back-pressure from end to end.
 *
 * Nothing flows before somebody opens it. A body that nobody reads must be
 * cancelled by its owner, or its connection is held for ever.
 */
export class Body {
  /** Number of bytes, or null when only the end will tell (chunked, or until close). */
  readonly length: number | null
  readonly #source: BodySource
  #isTaken = false

  constructor(source: BodySource, length: number | null) {
    this.#source = source
    this.length = length
  }

  /** A body of bytes that are already here; they must not change until it is read. */
  static of(content: Uint8Array | string): Body {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    return new Body(new BytesSource(bytes), bytes.length)
  }

  /** Whether somebody has begun to read it. */
  get isTaken(): boolean {
    return this.#isTaken
  }

  /** Starts the flow into `sink`. Throws `INTERNAL` if the body was taken before. */
  open(sink: BodySink): void {
    this.#take()
    this.#source.open(sink)
  }

  /** Lets a source whose sink was full go on. */
  resume(): void {
    this.#source.resume()
  }

  /** Tells the source that nobody wants the rest. Harmless at any time. */
  cancel(reason: ProxyError): void {
    this.#isTaken = true
    this.#source.cancel(reason)
  }

  /** Like {@link open}, as a promise: resolves with the trailers, rejects with the `ProxyError`. */
  pipeTo(sink: Omit<BodySink, 'fail'> & Partial<BodySink>): Promise<HeaderList | null> {
    return new Promise((resolve, reject) => {
      this.open({
        write: (bytes) => sink.write(bytes),
        end: (trailers) => {
          sink.end(trailers)
          resolve(trailers)
        },
        fail: (error) => {
          sink.fail?.(error)
          reject(error)
        },
      })
    })
  }

  /** Collects the whole body. Rejects with `BODY_TOO_LARGE` past `limit` bytes, and cancels the rest. */
  buffer(limit: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let total = 0
    return new Promise((resolve, reject) => {
      const tooLarge = () =>
        new ProxyError('BODY_TOO_LARGE', `the body is over the ${limit} bytes that may be held`)
      if (this.length !== null && this.length > limit) {
        this.cancel(tooLarge())
        reject(tooLarge())
        return
      }
      this.open({
        write: (bytes) => {
          total += bytes.length
          if (total > limit) {
            this.cancel(tooLarge())
            reject(tooLarge())
            return false
          }
          chunks.push(Buffer.from(bytes))
          return true
        },
        end: () => resolve(Buffer.concat(chunks, total)),
        fail: reject,
      })
    })
  }

  /** The body as a Node stream, for code off the hot path. Destroying it cancels the body. */
  toReadable(): Readable {
    const readable = new Readable({
      read: () => {
        if (this.#isTaken) {
          this.resume()
          return
        }
        this.open({
          write: (bytes) => readable.push(Buffer.from(bytes)),
          end: () => readable.push(null),
          fail: (error) => readable.destroy(error),
        })
      },
      destroy: (error, done) => {
        this.cancel(asProxyError(error ?? new ProxyError('CLIENT_GONE', 'the reader left')))
        done(error)
      },
    })
    return readable
  }

  #take(): void {
    if (this.#isTaken) throw new ProxyError('INTERNAL', 'a body was read twice')
    this.#isTaken = true
  }
}

/** Bytes that are already in memory, given in one piece. */
class BytesSource implements BodySource {
  readonly #bytes: Uint8Array
  #sink: BodySink | null = null
  #isCancelled = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  open(sink: BodySink): void {
    if (this.#bytes.length > 0 && !sink.write(this.#bytes)) {
      this.#sink = sink
      return
    }
    if (!this.#isCancelled) sink.end(null)
  }

  resume(): void {
    const sink = this.#sink
    this.#sink = null
    if (!this.#isCancelled) sink?.end(null)
  }

  cancel(): void {
    this.#isCancelled = true
  }
}
