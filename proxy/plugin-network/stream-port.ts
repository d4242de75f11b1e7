import { Body } from '../../chains/body.ts'
import type { ProxyError } from '../../chains/failures.ts'
import type { ByteStream } from '../../chains/stream.ts'
import { Pipe } from '../../sandbox/plugin/lending/pipe.ts'
import type { ByteWriter } from '../http1/writer.ts'

/** Who is told what happens on a {@link StreamPort}. */
export interface StreamPortHandler {
  /** Bytes came; they are the handler's until this returns. False stops reading, until {@link StreamPort.resume}. */
  onData(bytes: Buffer): boolean
  /** Nothing more will come. */
  onEnd(): void
  /** What was written has been taken: there is room again. */
  onDrain(): void
  /** The stream is gone. */
  onFail(error: ProxyError): void
}

/** A stream of anybody's as our codec wants its connections. */
export class StreamPort implements ByteWriter {
  readonly #stream: ByteStream
  readonly #handler: StreamPortHandler
  #tunnel: Pipe | null = null
  #hasEnded = false

  constructor(stream: ByteStream, handler: StreamPortHandler) {
    this.#stream = stream
    this.#handler = handler
    // what the sink calls when it has room again, or never will
    const source = {
      open() {},
      resume: () => handler.onDrain(),
      cancel: (reason: ProxyError) => handler.onFail(reason),
    }
    stream.writable.source = new Body(source, null)
  }

  /** Begins to read. */
  open(): void {
    const handler = this.#handler
    this.#stream.readable.open({
      write: (bytes) =>
        this.#tunnel
          ? this.#tunnel.write(bytes)
          : handler.onData(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
      end: () => {
        this.#hasEnded = true
        if (this.#tunnel) this.#tunnel.end(null)
        else handler.onEnd()
      },
      fail: (error) => {
        if (this.#tunnel) this.#tunnel.fail(error)
        else handler.onFail(error)
      },
    })
  }

  write(data: Uint8Array | string): boolean {
    return this.#stream.writable.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
  }

  cork(): void {
    this.#stream.writable.cork?.()
  }

  uncork(): void {
    this.#stream.writable.uncork?.()
  }

  /** Goes on reading. */
  resume(): void {
    this.#stream.readable.resume()
  }

  /** Writes no more. */
  end(): void {
    this.#stream.writable.end(null)
  }

  /** Ends both ways; with an error whoever is behind the stream sees it break off. */
  destroy(error?: ProxyError): void {
    this.#stream.destroy(error)
  }

  /** From here on the stream is raw bytes; `leftover` was read already and comes first. The handler is told nothing more. */
  detach(leftover: Buffer | null): ByteStream {
    const pipe = new Pipe()
    pipe.source = this.#stream.readable
    if (leftover) pipe.write(leftover)
    if (this.#hasEnded) pipe.end(null)
    this.#tunnel = pipe
    return {
      readable: pipe.body,
      writable: this.#stream.writable,
      destroy: (error) => this.#stream.destroy(error),
    }
  }
}
