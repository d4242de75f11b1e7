/** What takes the bytes of one way. False means that it is full. */
interface Taker {
  write(bytes: Uint8Array): boolean
}

/**
 * Where the bytes of one way of a connection go: the pieces that come through the plugin, and those that it sends
 * by itself. A full peer stops the pieces, whoever filled it; what the plugin sends all the same waits, up to a limit.
 */
export class Outlet {
  readonly #maxBytes: number
  readonly #overflow: () => void
  /** Null before it is known where they go, and when it is over. */
  #taker: Taker | null
  #early: Uint8Array[] = []
  #isFull: boolean
  /** Whether who sends the pieces was told that it is full. */
  #isStopped = false
  #waitingBytes = 0

  /** `overflow` is called when more than `maxBytes` of the plugin's own wait for a full peer. */
  constructor(taker: Taker | null, maxBytes: number, overflow: () => void) {
    this.#taker = taker
    this.#isFull = taker === null
    this.#maxBytes = maxBytes
    this.#overflow = overflow
  }

  /** It is known where the bytes go. False: it is full already, and {@link hasRoom} will tell. */
  open(taker: Taker): boolean {
    const early = this.#early
    this.#early = []
    this.#taker = taker
    this.#waitingBytes = 0
    this.#isFull = early.length > 0 && !taker.write(Buffer.concat(early))
    this.#isStopped = this.#isFull
    return !this.#isFull
  }

  /** A piece that came through the plugin; empty when that dropped it. False means that no more is to come. */
  pass(bytes: Uint8Array): boolean {
    if (this.#taker && bytes.length > 0) this.#isFull = !this.#taker.write(bytes)
    this.#isStopped = this.#isFull
    return !this.#isFull
  }

  /** Bytes of the plugin's own. */
  inject(bytes: Uint8Array): void {
    if (this.#isFull) {
      this.#waitingBytes += bytes.length
      if (this.#waitingBytes > this.#maxBytes) {
        this.#overflow()
        return
      }
    }
    if (this.#taker) this.#isFull = !this.#taker.write(bytes)
    else if (this.#isFull) this.#early.push(bytes)
  }

  /** The peer has room again. True: pieces were stopped, and are to go on. */
  hasRoom(): boolean {
    const wasStopped = this.#isStopped
    this.#isFull = false
    this.#isStopped = false
    this.#waitingBytes = 0
    return wasStopped
  }

  /** Nothing goes there any more. */
  close(): void {
    this.#taker = null
    this.#early = []
    this.#isFull = false
  }
}
