import net from 'node:net'
import { writeDirectly } from './direct-write.ts'
import { type BatchReader, batchedBytes } from './read-batch.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** Writes up to this size are copied into a string, which the kernel usually takes at once; larger ones are lent. */
const copyBytes = 16_384

/** Who is told what happens on a {@link Transport}. */
export interface TransportHandler {
  /**
   * Bytes came; they are valid until this returns. False stops reading, until
   * {@link Transport.resume}.
   */
  onData(bytes: Buffer): boolean
  /** The peer has sent its FIN: nothing more will come, but we may still write. */
  onEnd(): void
  /** A write that answered false has been taken by the kernel. */
  onDrain(): void
  /** The socket is gone; nothing is called after this. `error` is null after an orderly close. */
  onClose(error: Error | null): void
}

/**
 * One TCP connection, half-open on both sides, read without allocating a buffer
 * for each read (a seventh of the CPU of a small exchange).
 *
 * It owns the socket. The handler may be changed at any time, for instance when
 * a connection turns into a tunnel.
 */
export class Transport implements BatchReader {
  handler: TransportHandler
  readonly socket: net.Socket
  readonly #buffers: ReadBuffers
  #buffer: Buffer
  #lastRead = 0
  #error: Error | null = null
  #isFull = false
  /** How many reads of this socket wait in the batch. */
  #batched = 0
  #isDestroyed = false
  #isCorked = false
  /** Bytes of the direct write that waits; the socket does not count them. */
  #directBytes = 0
  /** Whether our FIN is due behind the direct write that waits. */
  #isEndDue = false

  private constructor(buffers: ReadBuffers, handler: TransportHandler, options: net.SocketConstructorOpts) {
    this.handler = handler
    this.#buffers = buffers
    this.#buffer = buffers.shared
    this.socket = new net.Socket({
      ...options,
      allowHalfOpen: true,
      onread: { buffer: () => this.#nextBuffer(), callback: (length, bytes) => this.#read(length, bytes) },
    })
    this.socket.on('error', (error) => {
      this.#error = error
    })
    this.socket.on('end', () => {
      this.#flush()
      this.handler.onEnd()
    })
    this.socket.on('drain', () => this.#checkDrained())
    this.socket.on('close', () => {
      this.#flush()
      this.#buffers.giveBack(this.#buffer)
      this.handler.onClose(this.#error)
    })
  }

  /**
   * Takes over a connection that a server with `pauseOnConnect` has accepted.
   *
   * `node:net` has no option for the read buffers of accepted sockets, so the
   * handle moves to a socket of ours; this is the one place that touches it.
   */
  static accept(accepted: net.Socket, buffers: ReadBuffers, handler: TransportHandler): Transport {
    const inner = accepted as unknown as { _handle: unknown }
    const handle = inner._handle
    inner._handle = null
    accepted.destroy()
    const transport = new Transport(buffers, handler, { handle } as net.SocketConstructorOpts)
    transport.socket.setNoDelay(true)
    transport.socket.read(0)
    return transport
  }

  /** Begins to connect; `onConnect` is called once it stands, `handler.onClose` if it never does. */
  static connect(
    target: { readonly host: string; readonly port: number },
    buffers: ReadBuffers,
    handler: TransportHandler,
    onConnect: () => void,
  ): Transport {
    const transport = new Transport(buffers, handler, {})
    transport.socket.setNoDelay(true)
    transport.socket.connect({ host: target.host, port: target.port }, onConnect)
    return transport
  }

  /** Bytes that were written and that the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.socket.writableLength + this.#directBytes
  }

  /** Whether something has been read that the handler has not been given yet. */
  get hasUndelivered(): boolean {
    return this.#batched > 0
  }

  /**
   * Writes bytes, which are the caller's again when this returns, or a latin1
   * string. False: the kernel has not taken it all; wait for `onDrain`.
   */
  write(data: Uint8Array | string): boolean {
    if (typeof data === 'string') return this.#writeText(data)
    if (data.length <= copyBytes) {
      return this.#writeText(latin1(data))
    }
    const bytes = this.#buffers.isShared(data) ? Buffer.from(data) : data
    let isLent = false
    this.socket.write(bytes, () => {
      if (isLent) this.#buffers.release(bytes)
      this.#checkDrained()
    })
    // the callback comes later even for a write that the kernel has taken whole
    const isTaken = this.socket.writableLength === 0
    if (!isTaken) {
      isLent = true
      this.#buffers.lend(bytes)
    }
    return this.#wrote(isTaken)
  }

  /** Holds what is written until {@link uncork}, so that it leaves in one system call. */
  cork(): void {
    this.#isCorked = true
    this.socket.cork()
  }

  /** Ends one {@link cork}. */
  uncork(): void {
    this.#isCorked = false
    this.socket.uncork()
  }

  /** Stops reading. */
  pause(): void {
    this.socket.pause()
  }

  /** Goes on reading. */
  resume(): void {
    this.socket.resume()
  }

  /** Sends our FIN behind what was written. The peer may still send. */
  end(): void {
    // Node would begin to shut down at once, and what shuts down cannot be reset
    if (this.#directBytes > 0) this.#isEndDue = true
    else this.socket.end()
  }

  /** Closes both ways and forgets what was not sent yet. */
  destroy(): void {
    this.#isDestroyed = true
    this.socket.destroy()
  }

  /**
   * Closes with a RST, so that the peer cannot take what it got for the whole.
   * When it has got the whole, and our FIN is on its way, this is {@link destroy}.
   */
  reset(): void {
    this.#isDestroyed = true
    const { connecting, writableEnded, writableFinished } = this.socket
    const isShuttingDown = writableEnded && !writableFinished && this.waitingBytes === 0
    if (connecting || isShuttingDown) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** For the batch: what was read a moment ago. */
  deliver(bytes: Buffer): void {
    this.#batched -= 1
    if (!this.#isDestroyed && !this.handler.onData(bytes)) this.pause()
  }

  #read(length: number, bytes: Uint8Array): boolean {
    this.#lastRead = length
    if (length <= batchedBytes) {
      this.#batched += 1
      this.#buffers.batch.add(this, bytes, length)
      return true
    }
    this.#flush()
    if (this.#isDestroyed) return false
    return this.handler.onData((bytes as Buffer).subarray(0, length))
  }

  #flush(): void {
    if (this.#batched > 0) this.#buffers.batch.flush(this)
  }

  #nextBuffer(): Buffer {
    this.#buffer = this.#buffers.next(this.#buffer, this.#lastRead)
    return this.#buffer
  }

  /** Behind a write that waits, Node itself may never say that all is out; then each write has to. */
  #writeText(text: string): boolean {
    if (this.#isFull) {
      this.socket.write(text, 'latin1', () => this.#checkDrained())
      return false
    }
    const result = this.#isCorked ? 'refused' : writeDirectly(this.socket, text, this.#onDirectTaken)
    if (result === 'refused') return this.#wrote(this.socket.write(text, 'latin1'))
    if (result === 'waiting') this.#directBytes = text.length
    return this.#wrote(result === 'taken')
  }

  readonly #onDirectTaken = (): void => {
    this.#directBytes = 0
    if (this.#isEndDue) this.socket.end()
    this.#checkDrained()
  }

  #wrote(isTaken: boolean): boolean {
    if (!isTaken) this.#isFull = true
    return isTaken
  }

  /** Node says so of its own writes alone, and late: others may wait by then. */
  #checkDrained(): void {
    if (!this.#isFull || this.#isDestroyed || this.waitingBytes > 0) return
    this.#isFull = false
    this.handler.onDrain()
  }
}

/** Bytes as a string of one character each: the cheapest copy of a small piece, and the one that can be joined to a head. */
export function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return buffer.toString('latin1')
}
