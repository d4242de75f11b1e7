import type { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { Next, TcpFilter } from '../../../chains/filter.ts'
import { type ByteStream, relay } from '../../../chains/stream.ts'
import { PluginError, pluginFailure } from '../../plugin/contract.ts'
import { Pipe } from '../../plugin/lending/pipe.ts'
import { type PeerName, TcpStream } from '../proxy-wasm/streams/tcp-stream.ts'
import type { WayOutlet } from '../proxy-wasm/streams/way.ts'
import { Passage } from './passage.ts'
import { PauseTimers } from './pause.ts'
import type { StreamHost } from './stream-host.ts'

/** Plugins as a filter of a TCP chain: what either side sends goes through the guest. */
export function tcpFilter(current: () => StreamHost): TcpFilter {
  return async (client, cx, next) => new Connection(current(), cx).run(client, next)
}

/** One connection through one guest. */
class Connection {
  readonly #host: StreamHost
  readonly #cx: Context
  readonly #stream: TcpStream
  readonly #pauses: PauseTimers<PeerName>
  readonly #passages: Record<PeerName, Passage | null> = { downstream: null, upstream: null }
  #upstream: ByteStream | null = null
  #failure: ProxyError | null = null
  #isReleased = false
  /** Who waits for the connection to be let on. */
  #wake: (() => void) | null = null

  constructor(host: StreamHost, cx: Context) {
    this.#host = host
    this.#cx = cx
    this.#pauses = new PauseTimers(host, cx, (error) => this.#stream.fail(error))
    const outlets = { downstream: this.#outlet('downstream'), upstream: this.#outlet('upstream') }
    const onBroken = (error: ProxyError) => this.#broken(error)
    this.#stream = host.open((parts) => new TcpStream({ ...parts, cx, outlets, onBroken }), cx)
  }

  async run(client: ByteStream, next: Next<ByteStream, ByteStream>): Promise<ByteStream> {
    this.#cx.onEnd((outcome) => {
      this.#pauses.stop()
      this.#stream.end(outcome)
    })
    this.#stream.create()
    if (!this.#failure && this.#stream.begin() !== 'continue') await this.#released()
    if (this.#failure) throw this.#failure
    const upstream = await next(client, this.#cx)
    if (this.#failure) {
      upstream.destroy(this.#failure)
      throw this.#failure
    }
    this.#upstream = upstream
    return this.#between(upstream)
  }

  /** The upstream as the chain sees it, with the guest before it. */
  #between(upstream: ByteStream): ByteStream {
    const inlet = new Pipe()
    const { ways } = this.#stream
    const failed = (error: ProxyError) => this.#stream.fail(error)
    const up = new Passage(ways.downstream, inlet.body, failed)
    const down = new Passage(ways.upstream, upstream.readable, failed)
    this.#passages.downstream = up
    this.#passages.upstream = down
    relay(up.body, upstream.writable)
    return { readable: down.body, writable: inlet, destroy: (error) => upstream.destroy(error) }
  }

  #released(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!this.#isReleased && !this.#failure) return
        this.#wake = null
        stopListening()
        resolve()
      }
      const stopListening = this.#cx.onAbort((reason) => {
        this.#wake = null
        reject(reason)
      })
      this.#wake = check
      check()
    })
  }

  #broken(error: ProxyError): void {
    this.#failure = error
    this.#pauses.stop()
    this.#passages.downstream?.break(error)
    this.#passages.upstream?.break(error)
    this.#upstream?.destroy(error)
    this.#wake?.()
  }

  #outlet(name: PeerName): WayOutlet {
    return {
      head: () => {
        this.#isReleased = true
        this.#wake?.()
      },
      write: (bytes) => this.#passages[name]?.pipe.write(bytes) ?? true,
      end: (trailers) => {
        this.#stream.closed(name)
        this.#passages[name]?.pipe.end(trailers)
      },
      wantsMore: () => this.#passages[name]?.resume(),
      overflow: () => this.#overflow(),
      waiting: (isWaiting) => this.#pauses.set(name, isWaiting),
    }
  }

  #overflow(): void {
    const { spec } = this.#host.root
    const { bufferKiB } = spec.policy.limits
    const error = new PluginError(spec, 'limit', null, `held more than ${bufferKiB} KiB of a connection`)
    this.#host.meter.failed('limit', error, this.#cx)
    this.#stream.fail(pluginFailure(error))
  }
}
