import type { FailureCode, ProxyError } from './failures.ts'
import type { HeaderList } from './headers.ts'
import type { HttpResponse } from './http.ts'
import type { Direction } from './model.ts'
import type { Variables } from './variables.ts'

/** Facts of a connection; fixed at accept. Scripts see them as `__inbound`. */
export interface Peer {
  /** Counts up within a worker. */
  readonly id: number
  readonly direction: Direction
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** Where the connection was going; empty and 0 when nobody said. */
  readonly destinationAddress: string
  readonly destinationPort: number
  /** Choices that stick to this connection (endpoint by cluster name, cluster by route), made by the filters that choose. */
  readonly choices: Map<string, string>
}

/** Where a filter writes what an operator should know. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** How an exchange ended. */
export interface Outcome {
  /** What the client was told; 0 when it was told nothing, or on a TCP chain. */
  readonly status: number
  /** What went wrong, at any time until the last byte; null when all went well. */
  readonly error: ProxyError | null
  /** The response that was sent, heads only of interest here; null when there was none. */
  readonly response: HttpResponse | null
  /** Bytes of the request body, or from the client. */
  readonly receivedBytes: number
  /** Bytes of the response body, or to the client. */
  readonly sentBytes: number
  /** From the head of the request (or from accept) to the last byte, in milliseconds. */
  readonly durationMs: number
}

type OutcomeListener = (outcome: Outcome, cx: Context) => void

/** Who wants to know that an exchange was given up. */
export interface AbortListener {
  /** Called at most once. */
  onAbort(reason: ProxyError): void
}

/** Where interim answers go. */
export interface InterimSink {
  /** Passes a 1xx answer of the upstream on to the client. */
  inform(status: number, headers: HeaderList): void
}

/** Where ids come from. */
export interface IdSource {
  nextId(): string
}

/** What the edge gives each new exchange. */
export interface ContextInit {
  /** The id, or who makes it when it is first asked for. */
  readonly id: string | IdSource
  readonly peer: Peer
  readonly vars: Variables
  readonly log: Log
  /** Monotonic, in milliseconds. */
  readonly startedAt: number
}

/** Everything known about one exchange: one HTTP request, or one TCP connection. */
export class Context {
  /** Facts of the connection. */
  readonly peer: Peer
  /** What the chain has learnt so far. */
  readonly vars: Variables
  readonly log: Log
  /** Monotonic, in milliseconds. */
  readonly startedAt: number
  /** Where 1xx answers of the upstream go. Set by the edge for clients that understand them; null for the others. */
  interim: InterimSink | null = null
  /**
   * The longest that the next try may take from here to the head of its answer,
   * in milliseconds; null is no limit. Written by `retry` before each try. The
   * upstream enforces it: it gives that try up and rejects with `TRY_TIMEOUT`.
   */
  tryTimeoutMs: number | null = null
  /** Why a filter answered by itself in place of an upstream, for metrics and logs; null when none did. */
  refusal: FailureCode | null = null
  #id: string | IdSource
  #controller: AbortController | null = null
  #abortReason: ProxyError | null = null
  #abortListeners: AbortListener[] | null = null
  #endListeners: OutcomeListener[] | null = null

  constructor(init: ContextInit) {
    this.peer = init.peer
    this.vars = init.vars
    this.log = init.log
    this.startedAt = init.startedAt
    this.#id = init.id
  }

  /** Unique among all exchanges of this proxy, for logs and `X-Request-Id`. Made when first asked for. */
  get id(): string {
    if (typeof this.#id !== 'string') this.#id = this.#id.nextId()
    return this.#id
  }

  /**
   * Aborts when the client is gone or the deadline has passed. Made when first
   * asked for, because one costs a microsecond; {@link onAbort} is cheaper.
   */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#abortReason) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  /** Why the exchange was given up, or null while it goes on. */
  get abortReason(): ProxyError | null {
    return this.#abortReason
  }

  /** Calls `listener` once if the exchange is given up; at once if it has been. The result takes it back. */
  onAbort(listener: (reason: ProxyError) => void): () => void {
    const held = { onAbort: listener }
    this.addAbortListener(held)
    return () => this.removeAbortListener(held)
  }

  /** Like {@link onAbort} for the hot path: no closure for each exchange. Ends with {@link removeAbortListener}. */
  addAbortListener(listener: AbortListener): void {
    if (this.#abortReason) listener.onAbort(this.#abortReason)
    else if (this.#abortListeners) this.#abortListeners.push(listener)
    else this.#abortListeners = [listener]
  }

  /** Takes {@link addAbortListener} back; harmless when it is not there any more. */
  removeAbortListener(listener: AbortListener): void {
    const index = this.#abortListeners?.lastIndexOf(listener) ?? -1
    if (index >= 0) this.#abortListeners?.splice(index, 1)
  }

  /** Calls `listener` when the last byte has gone either way. It must not throw. */
  onEnd(listener: OutcomeListener): void {
    if (this.#endListeners) this.#endListeners.push(listener)
    else this.#endListeners = [listener]
  }

  /** For the edge alone: gives the exchange up. */
  abort(reason: ProxyError): void {
    if (this.#abortReason) return
    this.#abortReason = reason
    const listeners = this.#abortListeners
    this.#abortListeners = null
    this.#controller?.abort(reason)
    if (listeners) for (const listener of [...listeners]) listener.onAbort(reason)
  }

  /** For the edge alone: the exchange is over. */
  finish(outcome: Outcome): void {
    const listeners = this.#endListeners
    this.#endListeners = null
    if (listeners) for (const listener of listeners) listener(outcome, this)
  }
}
