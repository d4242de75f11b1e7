import type { ProxyError } from '../../chains/failures.ts'
import type { HeadLimits, HeadText } from './head-buffer.ts'

/** How the body behind a head is framed. A number is a length in bytes. */
export type BodyFraming = number | 'chunked' | 'until-close'

/** Who is told what a reader reads. */
export interface ReaderEvents {
  /**
   * A head is complete. Returns how its body is framed; 0 is no body. Or null
   * for "another head follows at once" (an interim answer), or `tunnel` for "no
   * message follows": the rest waits for `detach`. May
   * throw a `ProxyError`, which ends up in `onError`.
   */
  onHead(head: HeadText): BodyFraming | 'tunnel' | null
  /** The body of the message may be opened now. */
  onBegin(): void
  /** The message is complete, body and all. Reading stops until `next`. */
  onMessageEnd(): void
  /** What came is no valid message, or it broke off. Nothing is read any more. */
  onError(error: ProxyError): void
  /** The reader of the body at hand wants no more of it. */
  onCancel(reason: ProxyError): void
}

/** Limits of what is read. */
export interface ReaderLimits extends HeadLimits {
  /** Largest body; 0 is none. */
  readonly maxBodyBytes: number
  /** Whether it reads requests or answers: decides what its errors are called. */
  readonly kind: 'request' | 'response'
}
