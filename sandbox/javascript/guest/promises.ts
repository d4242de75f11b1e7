interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** Promises that the host settles, by number. */
export class Promises {
  readonly #waiting = new Map<number, Waiting>()
  readonly #decode: (bytes: ArrayBuffer) => string
  #last = 0

  /** `decode` turns UTF-8 bytes into text, on the host's side. */
  constructor(decode: (bytes: ArrayBuffer) => string) {
    this.#decode = decode
  }

  /** A promise whose number is handed to `ask`. */
  make(ask: (promise: number) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#last += 1
      const id = this.#last
      this.#waiting.set(id, { resolve, reject })
      try {
        ask(id)
      } catch (error) {
        this.#waiting.delete(id)
        reject(error as Error)
      }
    })
  }

  /** The host has what was asked for, or says why not. One that is not there any more is let be. */
  settle(id: number, error: string, value: unknown): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (!waiting) return
    if (error === '') waiting.resolve(value)
    else waiting.reject(new Error(error))
  }

  /** Text of UTF-8 bytes. */
  decode(bytes: Uint8Array): string {
    return this.#decode(bytes.slice().buffer as ArrayBuffer)
  }
}
