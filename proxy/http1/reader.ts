import type { BodySink, BodySource } from '../../chains/body.ts'
import { asProxyError, ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import { ChunkedDecoder } from './chunked.ts'
import { HeadBuffer } from './head-buffer.ts'
import type { BodyFraming, ReaderEvents, ReaderLimits } from './message.ts'

type State = 'idle' | 'head' | 'body' | 'tunnel' | 'dead'

/**
 * Reads the messages of one connection, one after the other.
 *
 * Body bytes flow only once somebody has opened the {@link source} of the
 * message at hand, and the next head is looked at only after {@link next}. What comes in the meantime is held, at most two reads of it.
 */
export class MessageReader {
  readonly #limits: ReaderLimits
  readonly #events: ReaderEvents
  readonly #head: HeadBuffer
  #state: State = 'head'
  #held: Buffer | null = null
  #sink: BodySink | null = null
  #isFull = false
  /** Whether the last push said that no more is to be read. */
  #isStopped = false
  #isDiscarding = false
  /** Counts messages, so that their sources can be told apart. */
  #messages = 0
  /** Bytes of a body of known length that are still to come. */
  #remaining = 0
  #chunked: ChunkedDecoder | null = null
  #isUntilClose = false
  #isEnded = false
  #isEnding = false
  #failure: ProxyError | null = null
  /** Body bytes of the message at hand, so far. */
  bodyBytes = 0
  /** Lets the connection go on reading; set by its owner. */
  onResume: (() => void) | null = null

  readonly #chunkedEvents = {
    onData: (data: Buffer) => this.#give(data),
    onEnd: (trailers: HeaderList | null) => this.#endBody(trailers),
  }

  constructor(limits: ReaderLimits, events: ReaderEvents) {
    this.#limits = limits
    this.#events = events
    this.#head = new HeadBuffer(limits)
  }

  /** Whether part of a head has come, so that the time limit for heads runs. */
  get isInHead(): boolean {
    return this.#state === 'head' && this.#head.length > 0
  }

  /** Whether bytes are held that nobody has asked for yet: a pipelined request, or a body not opened. */
  get hasHeld(): boolean {
    return this.#held !== null
  }

  /** Whether the reader of the body has no room, so that silence is not the peer's fault. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Takes what was read; the bytes are the caller's again when this returns. False: read no more until `onResume`. */
  push(bytes: Buffer): boolean {
    if (this.#held) {
      this.#held = Buffer.concat([this.#held, bytes])
      this.#isStopped = true
      return false
    }
    this.#run(bytes)
    this.#isStopped = this.#isFull
    return !this.#isFull
  }

  /** The peer has sent its FIN: what is held is all there is. */
  finish(): void {
    this.#isEnded = true
    this.#checkEnd()
  }

  /** Ends the message at hand with an error, for its reader; nothing is read any more. */
  fail(error: ProxyError): void {
    this.#failure ??= error
    const sink = this.#sink
    this.#state = 'dead'
    this.#sink = null
    this.#held = null
    sink?.fail(error)
  }

  /** Begins to look for the next head. */
  next(): void {
    if (this.#state === 'dead') return
    this.#state = 'head'
    this.bodyBytes = 0
    this.#release()
  }

  /** Stops reading messages, for good; returns what was read but not used, for a tunnel. */
  detach(): Buffer | null {
    const held = this.#held
    this.#held = null
    this.#state = 'dead'
    return held
  }

  /**
   * The body of the message at hand, for whoever reads it. It knows its message:
   * what is said to it later, when another is being read, is not heard.
   */
  source(): BodySource {
    const message = this.#messages
    return {
      open: (sink) => (this.#messages === message ? this.#open(sink) : sink.fail(over())),
      resume: () => {
        if (this.#messages === message) this.#resume()
      },
      cancel: (reason) => {
        if (this.#messages === message) this.#cancel(reason)
      },
    }
  }

  #open(sink: BodySink): void {
    if (this.#state !== 'body') {
      sink.fail(this.#failure ?? new ProxyError('CLIENT_GONE', 'the connection has ended'))
      return
    }
    this.#sink = sink
    this.#release()
    if (this.#isEnded) this.#checkEnd()
  }

  #resume(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#release()
    if (!this.#isFull) this.#goOn()
    if (this.#isEnded) this.#checkEnd()
  }

  #cancel(reason: ProxyError): void {
    if (this.#state !== 'body') return
    this.#sink = null
    this.#events.onCancel(reason)
  }

  /** Reads the rest of the body at hand and forgets it, so that the connection can be used again. */
  discard(): void {
    if (this.#state !== 'body') return
    this.#isDiscarding = true
    this.#sink = null
    this.#isFull = false
    this.#release()
    this.#goOn()
  }

  #goOn(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.onResume?.()
  }

  #release(): void {
    const held = this.#held
    if (!held) return
    this.#held = null
    this.#run(held)
    if (!this.#held && !this.#isFull) this.#goOn()
    if (this.#isEnded) this.#checkEnd()
  }

  /** After the FIN: a body until close is whole, any other that is not whole is cut short. */
  #checkEnd(): void {
    if (this.#state !== 'body' || this.#held || this.#isFull) return
    if (this.#isUntilClose) {
      if (!this.#sink && !this.#isDiscarding) return
      this.#endBody(null)
      this.#reportEnd()
      return
    }
    const code = this.#limits.kind === 'request' ? 'REQUEST_BODY_INVALID' : 'UPSTREAM_TRUNCATED'
    this.#refuse(new ProxyError(code, 'the connection ended in the middle of a body'))
  }

  /** Goes through `bytes` as far as somebody wants them; holds a copy of the rest. */
  #run(bytes: Buffer): void {
    // a body of many tiny chunks would be a write for each of them
    const sink = this.#chunked ? this.#sink : null
    sink?.cork?.()
    this.#runThrough(bytes)
    if (sink?.uncork?.() === false && this.#sink === sink) this.#isFull = true
    this.#reportEnd()
  }

  #runThrough(bytes: Buffer): void {
    let at = 0
    try {
      while (at < bytes.length) {
        const before = at
        if (this.#state === 'head') at = this.#readHead(bytes, at)
        else if (this.#state === 'body' && (this.#sink || this.#isDiscarding)) at = this.#readBody(bytes, at)
        else break
        if (at === before) break
      }
    } catch (thrown) {
      this.#refuse(thrown)
      return
    }
    if (at < bytes.length && this.#state !== 'dead') this.#held = Buffer.from(bytes.subarray(at))
  }

  /** Says that the message is over only once it is known whether something came behind it. */
  #reportEnd(): void {
    if (!this.#isEnding) return
    this.#isEnding = false
    this.#events.onMessageEnd()
  }

  #refuse(thrown: unknown): void {
    const error = this.#name(asProxyError(thrown))
    this.fail(error)
    this.#events.onError(error)
  }

  /** What is the client's fault in a request is the upstream's in an answer. */
  #name(error: ProxyError): ProxyError {
    if (this.#limits.kind === 'request' || error.traits.blame !== 'client') return error
    return new ProxyError('UPSTREAM_INVALID', error.message, { cause: error })
  }

  #readHead(bytes: Buffer, start: number): number {
    const end = this.#head.take(bytes, start)
    if (this.#head.end === 0) return end
    const framing = this.#takeHead()
    if (framing === null || this.#state !== 'head') return end
    if (framing === 'tunnel') this.#state = 'tunnel'
    else this.#begin(framing)
    return end
  }

  #takeHead(): BodyFraming | 'tunnel' | null {
    this.#messages += 1
    try {
      return this.#events.onHead(this.#head)
    } finally {
      this.#head.clear()
    }
  }

  #begin(framing: BodyFraming): void {
    this.#isDiscarding = false
    this.#isUntilClose = framing === 'until-close'
    this.#chunked = framing === 'chunked' ? new ChunkedDecoder(this.#limits) : null
    this.#remaining = typeof framing === 'number' ? framing : 0
    this.bodyBytes = 0
    this.#state = 'body'
    this.#events.onBegin()
    if (framing === 0 && this.#state === 'body') this.#endBody(null)
  }

  #readBody(bytes: Buffer, start: number): number {
    if (this.#chunked) {
      return this.#chunked.decode(bytes, start, this.#chunkedEvents)
    }
    if (this.#isUntilClose) {
      this.#give(start === 0 ? bytes : bytes.subarray(start))
      return bytes.length
    }
    const end = Math.min(start + this.#remaining, bytes.length)
    this.#remaining -= end - start
    this.#give(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
    if (this.#remaining === 0) this.#endBody(null)
    return end
  }

  #give(data: Buffer): void {
    this.bodyBytes += data.length
    const { maxBodyBytes } = this.#limits
    if (maxBodyBytes > 0 && this.bodyBytes > maxBodyBytes) {
      throw new ProxyError('BODY_TOO_LARGE', `the body is over ${maxBodyBytes} bytes`)
    }
    if (this.#sink && !this.#sink.write(data)) this.#isFull = true
  }

  #endBody(trailers: HeaderList | null): void {
    const sink = this.#sink
    this.#sink = null
    this.#state = 'idle'
    this.#isFull = false
    this.#isEnding = true
    sink?.end(trailers)
  }
}

const over = (): ProxyError => new ProxyError('CLIENT_GONE', 'the message is over')
