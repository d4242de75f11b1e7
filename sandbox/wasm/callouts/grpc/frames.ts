import { GrpcFailure, grpcStatus } from './status.ts'

const headBytes = 5

/** A message with its gRPC frame around it, not compressed. A copy. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, headBytes)
  return frame
}

/** Takes messages out of the bytes of a stream, wherever these were cut. */
export class Deframer {
  readonly #limit: number
  readonly #head = Buffer.alloc(headBytes)
  #headFill = 0
  /** The message that is coming in; null while its head is. */
  #message: Buffer | null = null
  #fill = 0

  /** `limit` is the longest message that is taken. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether the stream may end here. */
  get isWhole(): boolean {
    return this.#headFill === 0
  }

  /** The messages that are whole with these bytes. Throws a {@link GrpcFailure} for one that cannot be taken. */
  *push(bytes: Uint8Array): Generator<Buffer> {
    let at = 0
    while (at < bytes.length) {
      at += this.#message ? this.#takeMessage(this.#message, bytes, at) : this.#takeHead(bytes, at)
      const message = this.#message
      if (!message || this.#fill < message.length) continue
      this.#message = null
      this.#headFill = 0
      this.#fill = 0
      yield message
    }
  }

  #takeHead(bytes: Uint8Array, at: number): number {
    const piece = bytes.subarray(at, at + headBytes - this.#headFill)
    this.#head.set(piece, this.#headFill)
    this.#headFill += piece.length
    if (this.#headFill < headBytes) return piece.length
    if (this.#head[0] !== 0) {
      throw new GrpcFailure(grpcStatus.internal, 'the upstream sent a compressed message unasked')
    }
    const length = this.#head.readUInt32BE(1)
    if (length > this.#limit) {
      throw new GrpcFailure(
        grpcStatus.resourceExhausted,
        `a message of ${length} bytes is over the ${this.#limit} that may be held`,
      )
    }
    this.#message = Buffer.allocUnsafe(length)
    return piece.length
  }

  #takeMessage(message: Buffer, bytes: Uint8Array, at: number): number {
    const piece = bytes.subarray(at, at + message.length - this.#fill)
    message.set(piece, this.#fill)
    this.#fill += piece.length
    return piece.length
  }
}
