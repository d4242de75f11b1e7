import type { Context } from '../../../chains/context.ts'
import type { Next } from '../../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import type { ByteStream } from '../../../chains/stream.ts'
import type { GuestContext } from '../guest-session.ts'
import { HeldBytes } from './held-bytes.ts'
import type { Endable, Runtime, Seated } from './runtime.ts'

/** What stands behind a plugin in its chain. */
export type RestOfChain =
  | { readonly kind: 'http'; readonly request: HttpRequest; readonly next: Next<HttpRequest, HttpResponse> }
  | { readonly kind: 'tcp'; readonly stream: ByteStream; readonly next: Next<ByteStream, ByteStream> }

/**
 * One exchange in one plugin: what all its lines share. The contexts of the
 * guest are closed when the last line is over.
 */
export class Exchange {
  readonly runtime: Runtime
  readonly rest: RestOfChain
  #held: HeldBytes | null = null
  /** Most exchanges have one. */
  #context: GuestContext | null = null
  #moreContexts: GuestContext[] | null = null
  #lines = 0

  constructor(runtime: Runtime, rest: RestOfChain) {
    this.runtime = runtime
    this.rest = rest
  }

  /** What is held of it. Made when first asked for. */
  get held(): HeldBytes {
    this.#held ??= new HeldBytes(this.runtime.spec.policy.limits.bufferKiB * 1_024)
    return this.#held
  }

  /**
   * A context for a line, cloned from another if one is given; it lives as long
   * as the exchange. Null when the guest cannot give one, which ends the line.
   */
  openIn(line: Endable & { readonly cx: Context }, parent: GuestContext | null): GuestContext | null {
    try {
      const context = this.runtime.session.open(line.cx, parent)
      this.#keep(context)
      return context
    } catch (thrown) {
      line.fail(thrown)
      return null
    }
  }

  /** A line begins. */
  enter(line: Seated): void {
    this.#lines += 1
    this.runtime.lines.add(line)
  }

  /** A line is over, with all that it does when it ends. */
  leave(line: Seated): void {
    this.runtime.lines.delete(line)
    this.#lines -= 1
    if (this.#lines > 0) return
    this.#context?.close()
    if (this.#moreContexts) for (const context of this.#moreContexts) context.close()
  }

  #keep(context: GuestContext): void {
    if (!this.#context) this.#context = context
    else if (this.#moreContexts) this.#moreContexts.push(context)
    else this.#moreContexts = [context]
  }
}
