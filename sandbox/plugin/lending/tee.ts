import { Body, type BodySink, type BodySource } from '../../../chains/body.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'

/** What a {@link tee} is made with. */
export interface TeeOptions {
  /** Bytes that may wait for the reader of the copy; beyond that the copy breaks off. */
  readonly maxBytes: number
  /** What the copy breaks off with then. */
  readonly tooLong: () => ProxyError
  /** Sees every byte once, in order; the bytes are lent. */
  readonly onBytes: (bytes: Uint8Array) => void
  /** The body is whole. Called before the reader of the copy learns it. */
  readonly onEnd: () => void
}

/** A body and a copy of it. The copy never holds up the body, and what its reader throws is not seen. */
export interface Tee {
  readonly main: Body
  readonly copy: Body
  /** Nothing more will come, whatever the body has said so far: a copy that is not whole breaks off. Harmless later. */
  abandon(reason: ProxyError): void
}

/** Splits a body in two. It flows when `main` is opened, at the pace of whoever reads that. */
export function tee(body: Body, options: TeeOptions): Tee {
  const copy = new Copy(options)
  const main = new Main(body, copy, options)
  return {
    main: new Body(main, body.length),
    copy: new Body(copy, body.length),
    abandon: (reason) => copy.fail(reason),
  }
}

/** What whoever would have read the body gets; passes everything on to the copy, after that. */
class Main implements BodySource, BodySink {
  readonly #body: Body
  readonly #copy: Copy
  readonly #options: TeeOptions
  #sink: BodySink | null = null

  constructor(body: Body, copy: Copy, options: TeeOptions) {
    this.#body = body
    this.#copy = copy
    this.#options = options
  }

  open(sink: BodySink): void {
    this.#sink = sink
    this.#body.open(this)
  }

  resume(): void {
    this.#body.resume()
  }

  cancel(reason: ProxyError): void {
    this.#body.cancel(reason)
    this.#copy.fail(reason)
  }

  write(bytes: Uint8Array): boolean {
    const hasRoom = (this.#sink as BodySink).write(bytes)
    this.#options.onBytes(bytes)
    this.#copy.write(bytes)
    return hasRoom
  }

  cork(): void {
    this.#sink?.cork?.()
  }

  uncork(): boolean {
    return this.#sink?.uncork?.() ?? true
  }

  end(trailers: HeaderList | null): void {
    const copied = trailers?.clone() ?? null
    this.#sink?.end(trailers)
    this.#options.onEnd()
    this.#copy.end(copied)
  }

  fail(error: ProxyError): void {
    this.#sink?.fail(error)
    this.#copy.fail(error)
  }
}

/** Keeps what its reader has no room for, within a bound. */
class Copy implements BodySource {
  readonly #options: TeeOptions
  #sink: BodySink | null = null
  #held: Buffer[] = []
  #heldBytes = 0
  #isFull = false
  #ending: { readonly trailers: HeaderList | null } | { readonly error: ProxyError } | null = null
  #isOver = false

  constructor(options: TeeOptions) {
    this.#options = options
  }

  open(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    this.#isFull = false
    this.#give()
  }

  cancel(): void {
    this.#isOver = true
    this.#forget()
  }

  write(bytes: Uint8Array): void {
    if (this.#isOver || this.#ending) return
    this.#held.push(Buffer.from(bytes))
    this.#heldBytes += bytes.length
    this.#give()
    if (this.#heldBytes > this.#options.maxBytes) this.fail(this.#options.tooLong())
  }

  end(trailers: HeaderList | null): void {
    if (this.#ending) return
    this.#ending = { trailers }
    this.#give()
  }

  fail(error: ProxyError): void {
    if (this.#ending) return
    this.#forget()
    this.#ending = { error }
    this.#give()
  }

  #give(): void {
    const sink = this.#sink
    if (!sink) return
    try {
      while (!this.#isFull && !this.#isOver) {
        const piece = this.#held.shift()
        if (!piece) break
        this.#heldBytes -= piece.length
        this.#isFull = !sink.write(piece)
      }
      this.#finish(sink)
    } catch {
      // whoever reads a copy must not be able to hurt the original
      this.cancel()
    }
  }

  #finish(sink: BodySink): void {
    const ending = this.#ending
    if (!ending || this.#isOver || this.#held.length > 0) return
    this.#isOver = true
    if ('error' in ending) sink.fail(ending.error)
    else sink.end(ending.trailers)
  }

  #forget(): void {
    this.#held = []
    this.#heldBytes = 0
  }
}
