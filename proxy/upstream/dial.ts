import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import { RawStream } from '../net/raw-stream.ts'
import type { Swept } from '../net/sweeper.ts'
import { Transport, type TransportHandler } from '../net/transport.ts'
import { connectError } from './answer.ts'
import type { PoolCounters, UpstreamShared } from './shared.ts'
import { Traffic } from './traffic.ts'

/** Where a raw connection goes, and how long it may take to come up. */
export interface DialOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** 0 is no limit. */
  readonly connectMs: number
  readonly shared: UpstreamShared
  readonly counters: PoolCounters
}

/**
 * Opens a raw connection for one exchange; it belongs to nobody's pool.
 * Rejects with a `ProxyError` of the connect kind, or with the reason for which
 * the exchange was given up.
 */
export function dial(cx: Context, options: DialOptions): Promise<RawStream> {
  if (cx.abortReason) return Promise.reject(cx.abortReason)
  return new Promise((resolve, reject) => new Dial(cx, options, resolve, reject))
}

class Dial implements TransportHandler, Swept {
  readonly #options: DialOptions
  readonly #transport: Transport
  readonly #reject: (error: ProxyError) => void
  readonly #startedAt: number
  readonly #forgetAbort: () => void
  #isOver = false

  constructor(
    cx: Context,
    options: DialOptions,
    resolve: (stream: RawStream) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#options = options
    this.#reject = reject
    const { shared, counters } = options
    this.#startedAt = shared.sweeper.now
    counters.opened.add()
    counters.active.add(1)
    this.#transport = Transport.connect(options.target, shared.buffers, this, () =>
      resolve(this.#connected(cx)),
    )
    shared.sweeper.add(this)
    Traffic.watch(this.#transport.socket, counters.traffic, shared.sweeper)
    this.#forgetAbort = cx.onAbort((reason) => this.#fail(reason))
  }

  onData(): boolean {
    return false
  }

  onEnd(): void {}

  onDrain(): void {}

  onClose(error: Error | null): void {
    this.#fail(connectError(null, error))
  }

  sweep(now: number): void {
    const { connectMs } = this.#options
    if (connectMs > 0 && now - this.#startedAt > connectMs) {
      this.#fail(new ProxyError('CONNECT_TIMEOUT', `no connection within ${connectMs} ms`))
    }
  }

  #connected(cx: Context): RawStream {
    this.#isOver = true
    this.#forgetAbort()
    const { shared, counters } = this.#options
    shared.sweeper.remove(this)
    const stream = new RawStream(this.#transport, {
      sweeper: shared.sweeper,
      idleMs: shared.streamIdleMs,
      leftover: null,
      isEnded: false,
      lossCode: 'UPSTREAM_RESET',
      onClose: () => {
        forget()
        counters.active.add(-1)
      },
    })
    const forget = cx.onAbort((reason) => stream.destroy(reason))
    return stream
  }

  #fail(error: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#forgetAbort()
    const { shared, counters } = this.#options
    shared.sweeper.remove(this)
    counters.active.add(-1)
    counters.connectFailure(error.code).add()
    this.#transport.destroy()
    this.#reject(error)
  }
}
