import { Body, type BodySink, type BodySource } from '../../../chains/body.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'
import type { EventSource } from './flow.ts'

type Piece =
  | { readonly bytes: Uint8Array }
  | { readonly trailers: HeaderList | null }
  | { readonly error: ProxyError }

/** Whoever gives a {@link PushBody} its bytes. */
export interface BodyGiver extends EventSource {
  /** Nobody wants the rest. Without this it is told to go on, and what it gives is dropped. */
  cancelled?(reason: ProxyError): void
}

/**
 * A body made of what events bring. Until somebody opens it the giver is told
 * to stop; what comes all the same waits here.
 */
export class PushBody implements BodySource {
  readonly body: Body
  readonly #giver: BodyGiver
  #sink: BodySink | null = null
  #waiting: Piece[] = []
  #isFull = true
  #isOver = false
  /** Whether the giver was told to stop, and so must be told to go on. */
  #isGiverStopped = false

  constructor(giver: BodyGiver, length: number | null) {
    this.#giver = giver
    this.body = new Body(this, length)
  }

  /** Whether no more is taken: all was given, it failed, or nobody wants it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Gives bytes on. False when there is no room for more. What nobody wants is dropped. */
  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true
    if (bytes.length > 0) this.#give({ bytes })
    this.#isGiverStopped = this.#isFull
    return !this.#isFull
  }

  end(trailers: HeaderList | null): void {
    this.#finish({ trailers })
  }

  fail(error: ProxyError): void {
    this.#finish({ error })
  }

  open(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    this.#isFull = false
    while (this.#waiting.length > 0 && !this.#isFull) this.#pass(this.#waiting.shift() as Piece)
    // not before it was stopped: it may be giving just now
    if (this.#isFull || this.#isOver || !this.#isGiverStopped) return
    this.#isGiverStopped = false
    this.#giver.resume()
  }

  cancel(reason: ProxyError): void {
    if (this.#isOver && this.#waiting.length === 0) return
    this.#isOver = true
    this.#waiting = []
    this.#sink = null
    if (this.#giver.cancelled) {
      this.#giver.cancelled(reason)
      return
    }
    // what comes now is dropped, so that whoever else gets it need not wait; later, for the same reason
    queueMicrotask(() => this.#giver.resume())
  }

  #finish(piece: Piece): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#give(piece)
  }

  #give(piece: Piece): void {
    if (this.#sink && !this.#isFull) this.#pass(piece)
    else this.#waiting.push(piece)
  }

  #pass(piece: Piece): void {
    const sink = this.#sink
    if (!sink) return
    if ('bytes' in piece) this.#isFull = !sink.write(piece.bytes)
    else if ('error' in piece) sink.fail(piece.error)
    else sink.end(piece.trailers)
  }
}
