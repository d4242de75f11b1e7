import { Body, type BodySink, type BodySource } from '../../../chains/body.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'

/** What {@link mendedBody} needs to know. */
export interface MendingOptions {
  /** The original, if it can stand in for the body after this error; null to let the error through. Asked before the first byte only. */
  readonly spare: (error: ProxyError) => Body | null
  /** Called once, when the first byte of the plugin's own has gone through, or its end: there is no way back. */
  readonly onCommit: () => void
  /** Called once, when the plugin's own body is over; `isSpared` says that the original took its place. */
  readonly onEnd: (error: ProxyError | null, isSpared: boolean) => void
}

/** A body that a plugin gives, with the original in its place if the plugin fails before the first byte. */
export function mendedBody(own: Body, options: MendingOptions): Body {
  return new Body(new MendedSource(own, options), own.length)
}

class MendedSource implements BodySource, BodySink {
  readonly #options: MendingOptions
  #current: Body
  #sink: BodySink | null = null
  #isCommitted = false

  constructor(own: Body, options: MendingOptions) {
    this.#current = own
    this.#options = options
  }

  open(sink: BodySink): void {
    this.#sink = sink
    this.#current.open(this)
  }

  resume(): void {
    this.#current.resume()
  }

  cancel(reason: ProxyError): void {
    this.#current.cancel(reason)
    this.#commit()
  }

  write(bytes: Uint8Array): boolean {
    this.#commit()
    return (this.#sink as BodySink).write(bytes)
  }

  cork(): void {
    this.#sink?.cork?.()
  }

  uncork(): boolean {
    return this.#sink?.uncork?.() ?? true
  }

  end(trailers: HeaderList | null): void {
    this.#commit()
    this.#options.onEnd(null, false)
    this.#sink?.end(trailers)
  }

  fail(error: ProxyError): void {
    const sink = this.#sink as BodySink
    const spare = this.#isCommitted ? null : this.#options.spare(error)
    this.#options.onEnd(error, spare !== null)
    if (!spare) {
      this.#commit()
      sink.fail(error)
      return
    }
    this.#current = spare
    this.#commit()
    spare.open(sink)
  }

  #commit(): void {
    if (this.#isCommitted) return
    this.#isCommitted = true
    this.#options.onCommit()
  }
}
