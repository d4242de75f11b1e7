import { Context, type Peer } from '../../chains/context.ts'
import { asProxyError, ProxyError } from '../../chains/failures.ts'
import type { PortRule } from '../../chains/model.ts'
import { type ByteStream, relay } from '../../chains/stream.ts'
import { newVariables } from '../../chains/variables.ts'
import type { Generation } from '../generation.ts'
import { RawStream } from '../net/raw-stream.ts'
import type { Transport } from '../net/transport.ts'
import type { ClientConnection, Edge } from './edge.ts'

/** What a connection is told when it is made. */
export interface TcpConnectionOptions {
  readonly edge: Edge
  readonly transport: Transport
  readonly peer: Peer
  readonly port: PortRule | null
  readonly isEgress: boolean
  /** What the client sent before the chain was chosen. */
  readonly leftover: Buffer | null
  /** Called once when the connection is gone. */
  readonly onGone: () => void
}

/**
 * A client's raw connection: one exchange, from accept to the last FIN. The
 * chain runs at once, so that servers which speak first can. The one rescue of
 * the TCP edge is here: a failure resets the client's connection.
 */
export class TcpConnection implements ClientConnection {
  readonly peer: Peer
  readonly isIdle = false
  readonly #edge: Edge
  readonly #cx: Context
  readonly #client: RawStream
  readonly #generation: Generation
  readonly #options: TcpConnectionOptions
  #upstream: ByteStream | null = null
  #error: ProxyError | null = null

  constructor(options: TcpConnectionOptions) {
    const { edge, peer } = options
    this.peer = peer
    this.#edge = edge
    this.#options = options
    this.#generation = edge.generation
    this.#generation.enter()
    this.#cx = new Context({
      id: edge,
      peer,
      vars: newVariables(options.port, options.isEgress),
      log: edge.log,
      startedAt: edge.clock.now(),
    })
    this.#client = new RawStream(options.transport, {
      sweeper: edge.sweeper,
      idleMs: this.#generation.model.timeouts.idleMs,
      leftover: options.leftover,
      isEnded: false,
      lossCode: 'CLIENT_GONE',
      onClose: (error) => this.#closed(error),
    })
    void this.#run()
  }

  drain(): void {}

  destroy(): void {
    this.#client.destroy(new ProxyError('DRAINING', 'the sidecar is shutting down'))
  }

  async #run(): Promise<void> {
    try {
      const upstream = await this.#generation.chains.tcp[this.peer.direction].run(this.#client, this.#cx)
      if (this.#error) {
        upstream.destroy(this.#error)
        return
      }
      this.#upstream = upstream
      relay(this.#client.readable, upstream.writable)
      relay(upstream.readable, this.#client.writable)
    } catch (thrown) {
      const error = asProxyError(thrown)
      if (error.traits.blame === 'proxy') {
        this.#edge.log.error('a connection failed', { code: error.code, error: error.cause ?? error })
      }
      this.#client.destroy(error)
    }
  }

  #closed(error: ProxyError | null): void {
    this.#error = error ?? (this.#upstream ? null : new ProxyError('CLIENT_GONE', 'the client left'))
    if (this.#error) {
      this.#cx.abort(this.#error)
      this.#upstream?.destroy(this.#error)
    }
    this.#cx.finish({
      status: 0,
      error: this.#error,
      response: null,
      receivedBytes: this.#client.receivedBytes,
      sentBytes: this.#client.sentBytes,
      durationMs: this.#edge.clock.now() - this.#cx.startedAt,
    })
    this.#generation.leave()
    this.#options.onGone()
  }
}
