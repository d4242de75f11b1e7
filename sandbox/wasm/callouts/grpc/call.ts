import { type ClientHttp2Stream, constants } from 'node:http2'
import { type Status, status } from '../../contract.ts'
import { Deframer, frameOf } from './frames.ts'
import {
  GrpcFailure,
  type GrpcOutcome,
  grpcStatus,
  outcomeOf,
  outcomeOfHttp,
  outcomeOfReset,
} from './status.ts'

/** What a call tells, in this order; after `closed` (for a unary call: after its one message or `closed`) nothing. */
export interface GrpcReports {
  initialMetadata(pairs: readonly string[]): void
  message(bytes: Uint8Array): void
  trailingMetadata(pairs: readonly string[]): void
  closed(outcome: GrpcOutcome): void
  /** The call is over. Told once, before what it is over with; also when it was cancelled. */
  over(): void
}

/** One gRPC call, from before its connection stands to its end. Tells nothing while it is called. */
export class GrpcCall {
  readonly isUnary: boolean
  readonly #limit: number
  readonly #reports: GrpcReports
  readonly #deframer: Deframer
  #stream: ClientHttp2Stream | null = null
  /** Frames that wait for the stream. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #isLastSent = false
  #isOver = false
  #httpStatus = 0
  /** The answer of a unary call, told when its status is known. */
  #answer: Uint8Array | null = null
  /** The fields with which the answer ended. */
  #trailers: readonly string[] | null = null
  #error: NodeJS.ErrnoException | null = null

  /** `limit` is the longest message, and how many bytes may wait to be sent. */
  constructor(isUnary: boolean, limit: number, reports: GrpcReports) {
    this.isUnary = isUnary
    this.#limit = limit
    this.#reports = reports
    this.#deframer = new Deframer(limit)
  }

  /** Sends a message (copied). A bad argument when the last was sent, or too much waits to be sent. */
  send(message: Uint8Array, isLast: boolean): Status {
    const waits = this.#waitingBytes + (this.#stream?.writableLength ?? 0)
    if (this.#isLastSent || this.#isOver || waits + message.length > this.#limit) return status.badArgument
    const frame = frameOf(message)
    this.#isLastSent = isLast
    if (this.#stream) this.#write(this.#stream, [frame])
    else {
      this.#waiting.push(frame)
      this.#waitingBytes += frame.length
    }
    return status.ok
  }

  /** The stream is there. A call that is over by now resets it. */
  attach(stream: ClientHttp2Stream): void {
    stream.on('error', (error) => {
      this.#error = error
    })
    if (this.#isOver) {
      stream.close(constants.NGHTTP2_CANCEL)
      return
    }
    this.#stream = stream
    const { session } = stream
    stream.on('response', (headers, flags, fields) => {
      const isEnd = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
      this.#answered(headers[':status'] ?? 0, fields, isEnd)
      // not earlier: bytes that come with the head would be told before it
      stream.on('data', (bytes: Buffer) => this.#received(bytes))
    })
    stream.on('trailers', (_headers, _flags, fields) => {
      this.#trailers = fields
    })
    stream.on('end', () => this.#ended())
    stream.on('close', () => this.#closed(stream.rstCode, session?.destroyed === true))
    this.#write(stream, this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
  }

  /** Ends the call with a status of our own. */
  fail(outcome: GrpcOutcome): void {
    if (this.#isOver) return
    this.cancel()
    this.#reports.closed({ status: outcome.status, message: outcome.message })
  }

  /** Ends the call; nothing is told of it any more, but that it is over. */
  cancel(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting = []
    this.#stream?.close(constants.NGHTTP2_CANCEL)
    this.#reports.over()
  }

  #write(stream: ClientHttp2Stream, frames: readonly Buffer[]): void {
    for (const frame of frames) stream.write(frame)
    if (this.#isLastSent) stream.end()
  }

  #answered(httpStatus: number, fields: readonly string[], isEnd: boolean): void {
    if (this.#isOver) return
    this.#httpStatus = httpStatus
    // a status without messages comes in the head, which then is what ends the answer
    if (isEnd) this.#trailers = fields
    if (!this.isUnary) this.#reports.initialMetadata(isEnd ? [] : fields)
  }

  #received(bytes: Buffer): void {
    if (this.#isOver || this.#httpStatus !== 200) return
    try {
      for (const message of this.#deframer.push(bytes)) {
        if (this.isUnary) this.#answer = message
        else this.#reports.message(message)
        if (this.#isOver) return
      }
    } catch (thrown) {
      this.fail(
        thrown instanceof GrpcFailure ? thrown : { status: grpcStatus.internal, message: `${thrown}` },
      )
    }
  }

  #ended(): void {
    if (this.#isOver) return
    const told = this.#trailers && outcomeOf(this.#trailers)
    if (!told) {
      // where the stream was cut, its close says more
      if (this.#stream?.rstCode === 0) this.fail(outcomeOfHttp(this.#httpStatus))
      return
    }
    const [answer, trailers] = [this.#answer, this.#trailers]
    if (told.status !== grpcStatus.ok) this.#finish(trailers, told)
    else if (!this.#deframer.isWhole) this.fail({ status: grpcStatus.internal, message: 'a message was cut' })
    else if (!this.isUnary) this.#finish(trailers, told)
    else if (!answer) this.fail({ status: grpcStatus.internal, message: 'there was no message' })
    else {
      this.cancel()
      this.#reports.message(answer)
    }
  }

  #finish(trailers: readonly string[] | null, outcome: GrpcOutcome): void {
    if (!this.isUnary && trailers) this.#reports.trailingMetadata(trailers)
    this.fail(outcome)
  }

  #closed(code: number, isLost: boolean): void {
    // streams of a lost session say that they were cancelled, as those do that the upstream cancels
    const isReset = code !== 0 && !isLost && (!this.#error || this.#error.code === 'ERR_HTTP2_STREAM_ERROR')
    if (isReset) this.fail(outcomeOfReset(code))
    else {
      const message = this.#error?.message ?? 'the connection was lost'
      this.fail({ status: grpcStatus.unavailable, message })
    }
  }
}
