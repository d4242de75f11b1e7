import { Body, type BodySink, type BodySource } from '../../../chains/body.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'
import type { StreamSink } from '../../../chains/stream.ts'

/**
 * A sink on one side, a body on the other: for bytes that come before it is
 * known where they go. Until the body is opened it takes one write and is full.
 */
export class Pipe implements StreamSink, BodySource {
  readonly body: Body
  source: Body | null = null
  #sink: BodySink | null = null
  #held: Buffer[] = []
  #isFull = false
  #ending: (() => void) | null = null
  #isOver = false

  /** `length` is what the body says of itself. */
  constructor(length: number | null = null) {
    this.body = new Body(this, length)
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true
    if (this.#sink && !this.#isFull && this.#held.length === 0) {
      this.#isFull = !this.#sink.write(bytes)
    } else {
      this.#held.push(Buffer.from(bytes))
      this.#isFull = true
    }
    return !this.#isFull
  }

  end(trailers: HeaderList | null): void {
    this.#end(() => this.#sink?.end(trailers))
  }

  /** What is still held is given out before it. */
  fail(error: ProxyError): void {
    this.#end(() => this.#sink?.fail(error))
  }

  open(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    const sink = this.#sink
    if (!sink || this.#isOver) return
    this.#isFull = false
    while (!this.#isFull && !this.#isOver) {
      const piece = this.#held.shift()
      if (!piece) break
      this.#isFull = !sink.write(piece)
    }
    if (this.#isFull || this.#isOver) return
    if (this.#ending) this.#finish(this.#ending)
    else this.source?.resume()
  }

  cancel(reason: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#held = []
    if (!this.#ending) this.source?.cancel(reason)
  }

  #end(ending: () => void): void {
    if (this.#isOver || this.#ending) return
    this.#ending = ending
    if (this.#sink && this.#held.length === 0) this.#finish(ending)
  }

  #finish(ending: () => void): void {
    this.#isOver = true
    ending()
  }
}
