import { Body, type BodySink, type BodySource } from '../body.ts'
import type { ProxyError } from '../failures.ts'
import type { HeaderList } from '../headers.ts'
import type { HttpRequest } from '../http.ts'

/** A request that can be sent more than once, one attempt after the other. */
export interface Replay {
  /**
   * The request for the next attempt: a copy, whose head may be edited freely.
   * An attempt that was under way is abandoned.
   */
  next(): HttpRequest
  /** Whether another attempt could still be given the whole body. */
  canRepeat(): boolean
  /**
   * Cuts the attempt under way off from the body, which then waits for the next
   * one. For those who let time pass between a failure and {@link next}: what
   * {@link canRepeat} said before stays true meanwhile.
   */
  abandon(reason: ProxyError): void
  /** No attempt will follow: what was remembered is let go, and cancelling reaches the original body again. */
  release(): void
}

/**
 * Makes a request repeatable, as long as its body is at most `maxBytes`.
 *
 * The first attempt is not held up: it gets the body as it arrives, and is
 * what starts its flow (so that `Expect: 100-continue` works). A later one gets
 * first what is remembered, then the rest. Costs a copy of the body's bytes.
 * Null when the request can never be sent twice: CONNECT, an upgrade, or a body
 * that is known to be too long.
 */
export function replayable(request: HttpRequest, maxBytes: number): Replay | null {
  const { body } = request
  if (request.method === 'CONNECT' || request.upgrade !== null) return null
  if (!body) return new BodilessReplay(request)
  if (body.isTaken || (body.length !== null && body.length > maxBytes)) return null
  return new BodyReplay(request, body, maxBytes)
}

class BodilessReplay implements Replay {
  readonly #request: HttpRequest
  #isReleased = false

  constructor(request: HttpRequest) {
    this.#request = request
  }

  next(): HttpRequest {
    return { ...this.#request, headers: this.#request.headers.clone() }
  }

  canRepeat(): boolean {
    return !this.#isReleased
  }

  abandon(): void {}

  release(): void {
    this.#isReleased = true
  }
}

/** What a sink is given at a time of what is remembered, so that a full one can say so in between. */
const pieceBytes = 16_384

/** The tee: takes the original body in as a sink, and gives it to one {@link Attempt} at a time. */
class BodyReplay implements Replay, BodySink {
  readonly #request: HttpRequest
  readonly #body: Body
  readonly #maxBytes: number
  #attempt: Attempt | null = null
  /** What came so far; once nothing is kept any more, what the attempt has not taken yet. */
  readonly #kept: ByteStore
  #receivedBytes = 0
  #isKept = true
  #isOpened = false
  /** Whether the original was told to stop, and waits for `resume`. */
  #isPaused = false
  #ending: { readonly trailers: HeaderList | null } | { readonly error: ProxyError } | null = null
  /** Why an attempt gave up; passed on to the original body when no other follows. */
  #cancelReason: ProxyError | null = null

  constructor(request: HttpRequest, body: Body, maxBytes: number) {
    this.#request = request
    this.#body = body
    this.#maxBytes = maxBytes
    this.#kept = new ByteStore(maxBytes)
  }

  next(): HttpRequest {
    this.#attempt = new Attempt(this)
    this.#cancelReason = null
    this.#forgetIfTooLong()
    const headers = this.#request.headers.clone()
    // the client was told to go on already, and must not be made to wait for it again
    if (this.#isOpened) headers.delete('expect')
    return {
      ...this.#request,
      headers,
      body: new Body(this.#attempt, this.#body.length),
      expectsContinue: this.#request.expectsContinue && !this.#isOpened,
    }
  }

  canRepeat(): boolean {
    return this.#isKept && !(this.#ending && 'error' in this.#ending)
  }

  abandon(reason: ProxyError): void {
    if (this.#attempt) this.cancel(this.#attempt, reason)
  }

  release(): void {
    this.#isKept = false
    const attempt = this.#attempt
    if (attempt) {
      if (attempt.hasTaken(this.#kept.length)) this.#forgetTaken(attempt)
      return
    }
    this.#kept.clear()
    if (this.#cancelReason) this.#body.cancel(this.#cancelReason)
  }

  /** For the attempt: gives it all that is there, as far as it has room, and lets the rest come. */
  feed(attempt: Attempt, sink: BodySink): void {
    while (attempt === this.#attempt && !attempt.isBlocked && !attempt.hasTaken(this.#kept.length)) {
      const piece = this.#kept.piece(attempt.position, pieceBytes)
      attempt.position += piece.length
      attempt.isBlocked = !sink.write(piece)
    }
    if (attempt !== this.#attempt || attempt.isBlocked) return
    if (!this.#isKept) this.#forgetTaken(attempt)
    if (this.#ending) this.#finish(attempt, sink)
    else if (!this.#isOpened) this.#open()
    else if (this.#isPaused) {
      this.#isPaused = false
      this.#body.resume()
    }
  }

  /** For the attempt: it wants no more. The original goes on waiting while another attempt may come. */
  cancel(attempt: Attempt, reason: ProxyError): void {
    if (attempt !== this.#attempt) return
    this.#attempt = null
    this.#cancelReason = reason
    if (this.#isKept) return
    this.#kept.clear()
    this.#body.cancel(reason)
  }

  write(bytes: Uint8Array): boolean {
    this.#receivedBytes += bytes.length
    const attempt = this.#attempt
    if (attempt) this.#forgetIfTooLong()
    if (!attempt?.sink || attempt.isBlocked || !attempt.hasTaken(this.#kept.length)) {
      // nobody can take it now: it waits, and is the last that comes before a resume
      this.#kept.append(bytes)
      this.#isPaused = true
      return false
    }
    if (this.#isKept) {
      this.#kept.append(bytes)
      attempt.position = this.#kept.length
    } else this.#forgetTaken(attempt)
    const hasRoom = attempt.sink.write(bytes)
    // the attempt may have given up while it was written to
    this.#isPaused = !hasRoom || attempt !== this.#attempt
    return !this.#isPaused
  }

  end(trailers: HeaderList | null): void {
    this.#ending = { trailers }
    this.#finishIfTaken()
  }

  fail(error: ProxyError): void {
    this.#ending = { error }
    this.#kept.clear()
    const attempt = this.#attempt
    if (attempt?.sink) this.#finish(attempt, attempt.sink)
  }

  #open(): void {
    this.#isOpened = true
    this.#body.open(this)
  }

  #finishIfTaken(): void {
    const attempt = this.#attempt
    if (!attempt?.sink || attempt.isBlocked || !attempt.hasTaken(this.#kept.length)) return
    this.#finish(attempt, attempt.sink)
  }

  #finish(attempt: Attempt, sink: BodySink): void {
    const ending = this.#ending
    if (!ending || attempt.isFinished) return
    attempt.isFinished = true
    if ('error' in ending) sink.fail(ending.error)
    else sink.end(ending.trailers?.clone() ?? null)
  }

  #forgetIfTooLong(): void {
    if (this.#receivedBytes > this.#maxBytes) this.#isKept = false
  }

  #forgetTaken(attempt: Attempt): void {
    this.#kept.clear()
    attempt.position = 0
  }
}

/** The body of one attempt: a place in what is remembered, and whoever reads it. */
class Attempt implements BodySource {
  /** How many of the remembered bytes it has been given. */
  position = 0
  isBlocked = false
  isFinished = false
  sink: BodySink | null = null
  readonly #replay: BodyReplay

  constructor(replay: BodyReplay) {
    this.#replay = replay
  }

  hasTaken(bytes: number): boolean {
    return this.position >= bytes
  }

  open(sink: BodySink): void {
    this.sink = sink
    this.#replay.feed(this, sink)
  }

  resume(): void {
    this.isBlocked = false
    if (this.sink) this.#replay.feed(this, this.sink)
  }

  cancel(reason: ProxyError): void {
    this.#replay.cancel(this, reason)
  }
}

/**
 * Bytes in one buffer, which doubles when it is full: a sender of tiny pieces
 * costs no more than one of large ones. Over `maxBytes` it has no spare room.
 */
class ByteStore {
  length = 0
  readonly #maxBytes: number
  #buffer: Buffer = Buffer.alloc(0)

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  append(bytes: Uint8Array): void {
    const length = this.length + bytes.length
    if (length > this.#buffer.length) {
      const doubled = Math.min(this.#buffer.length * 2, this.#maxBytes)
      const grown = Buffer.allocUnsafe(Math.max(length, doubled))
      this.#buffer.copy(grown, 0, 0, this.length)
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.length)
    this.length = length
  }

  /** At most `maxLength` bytes from `start` on; a view that stays as it is, whatever comes later. */
  piece(start: number, maxLength: number): Uint8Array {
    return this.#buffer.subarray(start, Math.min(this.length, start + maxLength))
  }

  clear(): void {
    if (this.length === 0) return
    // a new one, because somebody may still look at the old one
    this.#buffer = Buffer.alloc(0)
    this.length = 0
  }
}
