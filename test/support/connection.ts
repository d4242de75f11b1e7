import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** How long a wait in a test may take before the test is given up, in milliseconds. */
const patienceMs = 5_000

/** How a connection came to its end. */
export type Ending = 'end' | 'reset'

interface Waiter {
  readonly isMet: () => boolean
  readonly settle: () => void
}

/**
 * One side of a raw TCP connection in a test: sends bytes as it is told, keeps
 * all that comes, and never ends its own half unless told to.
 */
export class RawConnection implements AsyncDisposable {
  readonly socket: Socket
  #pieces: Buffer[] = []
  #size = 0
  #ending: Ending | null = null
  #isClosed = false
  #waiters: Waiter[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      this.#size += piece.length
      this.#wake()
    })
    socket.on('end', () => {
      this.#ending ??= 'end'
      this.#wake()
    })
    socket.on('error', () => {
      this.#ending ??= 'reset'
    })
    socket.on('close', () => {
      this.#ending ??= 'end'
      this.#isClosed = true
      this.#wake()
    })
  }

  /** All bytes that came so far. */
  get received(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces, this.#size)]
    return this.#pieces[0] ?? Buffer.alloc(0)
  }

  /** {@link received}, one character for each byte. */
  get text(): string {
    return this.received.toString('latin1')
  }

  /** Whether what came so far ends with `text`; cheap however much it is. */
  endsWith(text: string): boolean {
    let tail = Buffer.alloc(0)
    for (let at = this.#pieces.length - 1; at >= 0 && tail.length < text.length; at -= 1) {
      const piece = this.#pieces[at] as Buffer
      tail = Buffer.concat([piece.subarray(-text.length), tail])
    }
    return tail.toString('latin1').endsWith(text)
  }

  /** Number of bytes that came so far. */
  get size(): number {
    return this.#size
  }

  /** How the peer ended its half, or null while it is open. A reset counts even if it came after an end. */
  get ending(): Ending | null {
    return this.#ending
  }

  /** Whether both halves are over. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sends all of it now. Text is latin1. */
  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /**
   * Sends piece by piece, with a pause between two; stops when the connection is gone. A pause of 0 is two turns
   * of the event loop, so that a reader in this process sees each piece by itself.
   */
  async sendSlowly(pieces: Iterable<string | Uint8Array>, pauseMs: number): Promise<void> {
    for (const piece of pieces) {
      if (this.socket.destroyed || !this.socket.writable) return
      this.send(piece)
      if (pauseMs > 0) {
        await sleep(pauseMs)
        continue
      }
      await nextTurn()
      await nextTurn()
    }
  }

  /** Ends our half; the peer may still send. */
  end(): void {
    this.socket.end()
  }

  /** Ends both halves at once, so that the peer sees ECONNRESET. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Stops reading, so that the kernel's buffers fill and the peer is held up. */
  pause(): void {
    this.socket.pause()
  }

  /** Reads on after {@link pause}. */
  resume(): void {
    this.socket.resume()
  }

  /** Resolves once `isMet` holds; it is asked after each event of the connection. Rejects when time is up. */
  until(isMet: () => boolean, what: string, withinMs = patienceMs): Promise<void> {
    if (isMet()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter)
        reject(new Error(`waited ${withinMs} ms for ${what}; got so far: ${this.#excerpt()}`))
      }, withinMs)
      const waiter: Waiter = {
        isMet,
        settle: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      this.#waiters.push(waiter)
    })
  }

  /** Resolves when this text has come. */
  untilText(text: string, withinMs = patienceMs): Promise<void> {
    return this.until(() => this.text.includes(text), JSON.stringify(text), withinMs)
  }

  /** Resolves when that many bytes have come. */
  untilSize(size: number, withinMs = patienceMs): Promise<void> {
    return this.until(() => this.#size >= size, `${size} bytes`, withinMs)
  }

  /** Resolves when the peer has ended its half, or has reset the connection. */
  async untilEnded(withinMs = patienceMs): Promise<Ending> {
    await this.until(() => this.#ending !== null, 'the peer to end', withinMs)
    return this.#ending as Ending
  }

  /** Resolves when both halves are over. */
  untilClosed(withinMs = patienceMs): Promise<void> {
    return this.until(() => this.#isClosed, 'the connection to be over', withinMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.untilClosed()
  }

  #wake(): void {
    if (this.#waiters.length === 0) return
    const met = this.#waiters.filter((each) => each.isMet())
    if (met.length === 0) return
    this.#waiters = this.#waiters.filter((each) => !met.includes(each))
    for (const each of met) each.settle()
  }

  #excerpt(): string {
    const shown = this.received.subarray(0, 400).toString('latin1')
    return `${JSON.stringify(shown)} (${this.#size} bytes, ${this.#ending ?? 'open'})`
  }
}
