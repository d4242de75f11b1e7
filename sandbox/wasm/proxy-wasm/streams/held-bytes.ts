const none = new Uint8Array(0)

/**
 * The bytes of one way that a guest can see. Those of the running call are borrowed from whoever
 * brought them; {@link keep} makes them ours before the call's end gives them back.
 */
export class HeldBytes {
  #bytes: Uint8Array = none
  #length = 0
  #isBorrowed = false

  get length(): number {
    return this.#length
  }

  /** A view, valid until the next change. */
  get view(): Uint8Array {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length)
  }

  /** Puts bytes behind those that are here. When there are none, they are borrowed. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#length === 0) {
      this.#bytes = bytes
      this.#length = bytes.length
      this.#isBorrowed = true
      return
    }
    this.#grow(this.#length + bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Copies what is borrowed. */
  keep(): void {
    if (this.#isBorrowed) this.#grow(this.#length)
  }

  /**
   * Replaces `length` bytes at `start`, both clamped to what is here, by a copy of `data`. What the
   * buffer has grown to be is the caller's business.
   */
  splice(start: number, length: number, data: Uint8Array): void {
    const from = Math.min(start, this.#length)
    const to = Math.min(from + length, this.#length)
    const result = new Uint8Array(from + data.length + this.#length - to)
    result.set(this.#bytes.subarray(0, from))
    result.set(data, from)
    result.set(this.#bytes.subarray(to, this.#length), from + data.length)
    this.#bytes = result
    this.#length = result.length
    this.#isBorrowed = false
  }

  /** All of it, and it is empty from now on. */
  take(): Uint8Array {
    const { view } = this
    this.#bytes = none
    this.#length = 0
    this.#isBorrowed = false
    return view
  }

  /** Room of our own for that many: twice what there was, so that many small pieces cost no more than one copy each. */
  #grow(needed: number): void {
    if (!this.#isBorrowed && needed <= this.#bytes.length) return
    const wider = new Uint8Array(this.#isBorrowed ? needed : Math.max(needed, 2 * this.#bytes.length))
    wider.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = wider
    this.#isBorrowed = false
  }
}
