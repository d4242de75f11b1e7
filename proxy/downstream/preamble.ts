import type { Swept } from '../net/sweeper.ts'
import type { Transport, TransportHandler } from '../net/transport.ts'
import type { ClientConnection, Edge } from './edge.ts'
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts'

/** What came before the first byte of the application's own. */
export interface PreambleResult {
  readonly header: ProxyHeader | null
  readonly leftover: Buffer | null
}

/** Waits for the PROXY protocol header of a connection, within the time limit for heads, and then lets go of it. */
export class Preamble implements ClientConnection, TransportHandler, Swept {
  readonly isIdle = true
  readonly #edge: Edge
  readonly #transport: Transport
  readonly #done: (result: PreambleResult | null) => void
  readonly #startedAt: number
  #held: Buffer = Buffer.alloc(0)
  #isOver = false

  /** `done` is called once: with what was read, or with null when the connection is gone. */
  constructor(edge: Edge, transport: Transport, done: (result: PreambleResult | null) => void) {
    this.#edge = edge
    this.#transport = transport
    this.#done = done
    this.#startedAt = edge.sweeper.now
    transport.handler = this
    edge.sweeper.add(this)
    transport.resume()
  }

  drain(): void {
    this.#transport.destroy()
  }

  destroy(): void {
    this.#transport.destroy()
  }

  onData(bytes: Buffer): boolean {
    this.#held = Buffer.concat([this.#held, bytes])
    const result = readProxyHeader(this.#held)
    if (result.kind === 'more') return true
    if (result.kind === 'invalid') {
      this.#edge.log.warn('a connection was refused', { reason: result.reason })
      this.#transport.reset()
      return false
    }
    const rest = this.#held.subarray(result.used)
    this.#finish({ header: result.header, leftover: rest.length > 0 ? rest : null })
    return true
  }

  onEnd(): void {
    this.#transport.end()
  }

  onDrain(): void {}

  onClose(): void {
    this.#finish(null)
  }

  sweep(now: number): void {
    const { requestHeadMs } = this.#edge.generation.model.timeouts
    if (requestHeadMs > 0 && now - this.#startedAt > requestHeadMs) this.#transport.destroy()
  }

  #finish(result: PreambleResult | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#edge.sweeper.remove(this)
    this.#done(result)
  }
}
