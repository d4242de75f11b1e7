import { Body, type BodySink, type BodySource } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { TcpFilter } from '../../chains/filter.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { StreamSink } from '../../chains/stream.ts'
import { PluginError, pluginFailure } from '../plugin/contract.ts'
import type { ScriptExchange } from './exchange.ts'
import { bytesOf } from './functions.ts'
import type { ScriptInstance } from './instance.ts'

/**
 * `onData` as a filter of a TCP chain: each piece, either way, goes through the plugin. When that fails, the
 * connection breaks off towards the client; who is told so sees to the rest.
 */
export function tcpFilter(current: () => ScriptInstance): TcpFilter {
  return async (client, cx, next) => {
    const instance = current()
    const exchange = instance.open(cx)
    cx.onEnd(() => instance.close(exchange))
    const upstream = await next(client, cx)
    const down = new ScriptedSource(instance, exchange, upstream.readable)
    const cut = (error: ProxyError) => {
      upstream.destroy(error)
      down.break(error)
    }
    const up = new ScriptedSink(instance, exchange, upstream.writable, cut)
    down.cut = cut
    exchange.connection = {
      send: (way, bytes) => (way === 0 ? up : down).inject(bytes),
      close: () => cut(new ProxyError('PLUGIN_THREW', `plugin ${instance.spec.name} closed the connection`)),
    }
    return {
      readable: new Body(down, null),
      writable: up,
      destroy: (error) => upstream.destroy(error),
    }
  }
}

/** What the plugin makes of a piece; null when it failed. `way` 0 is towards the upstream. */
function through(
  instance: ScriptInstance,
  exchange: ScriptExchange,
  way: 0 | 1,
  bytes: Uint8Array,
  failed: (error: ProxyError) => void,
): Uint8Array | null {
  try {
    return bytesOf(instance.call('data', exchange, [exchange.id, way, bytes]))
  } catch (thrown) {
    if (!(thrown instanceof PluginError)) throw thrown
    failed(pluginFailure(thrown))
    return null
  }
}

/** Towards the upstream: each piece after the plugin has seen it. */
class ScriptedSink implements StreamSink {
  readonly #instance: ScriptInstance
  readonly #exchange: ScriptExchange
  readonly #sink: StreamSink
  readonly #cut: (error: ProxyError) => void
  #isOver = false

  constructor(
    instance: ScriptInstance,
    exchange: ScriptExchange,
    sink: StreamSink,
    cut: (error: ProxyError) => void,
  ) {
    this.#instance = instance
    this.#exchange = exchange
    this.#sink = sink
    this.#cut = cut
  }

  get source(): Body | null {
    return this.#sink.source
  }

  set source(source: Body | null) {
    this.#sink.source = source
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true
    const result = through(this.#instance, this.#exchange, 0, bytes, (error) => {
      this.#isOver = true
      this.#cut(error)
    })
    return result === null || result.length === 0 || this.#sink.write(result)
  }

  /** Bytes of the plugin's own. What a full peer cannot take at once waits in its socket, as far as that goes. */
  inject(bytes: Uint8Array): void {
    if (!this.#isOver) this.#sink.write(bytes)
  }

  end(trailers: HeaderList | null): void {
    this.#isOver = true
    this.#sink.end(trailers)
  }

  fail(error: ProxyError): void {
    this.#isOver = true
    this.#sink.fail(error)
  }
}

/** What the upstream sends, each piece after the plugin has seen it. */
class ScriptedSource implements BodySource, BodySink {
  cut: (error: ProxyError) => void = () => {}
  readonly #instance: ScriptInstance
  readonly #exchange: ScriptExchange
  readonly #source: Body
  #sink: BodySink | null = null
  /** What it broke off with before somebody read it. */
  #failure: ProxyError | null = null

  constructor(instance: ScriptInstance, exchange: ScriptExchange, source: Body) {
    this.#instance = instance
    this.#exchange = exchange
    this.#source = source
  }

  open(sink: BodySink): void {
    if (this.#failure) {
      sink.fail(this.#failure)
      return
    }
    this.#sink = sink
    this.#source.open(this)
  }

  resume(): void {
    this.#source.resume()
  }

  cancel(reason: ProxyError): void {
    this.#sink = null
    this.#source.cancel(reason)
  }

  write(bytes: Uint8Array): boolean {
    const result = through(this.#instance, this.#exchange, 1, bytes, (error) => this.cut(error))
    const sink = this.#sink
    return sink !== null && result !== null && (result.length === 0 || sink.write(result))
  }

  /** Bytes of the plugin's own, towards the client; as with the other way. */
  inject(bytes: Uint8Array): void {
    this.#sink?.write(bytes)
  }

  /** Ends it with an error, for whoever reads it. */
  break(error: ProxyError): void {
    const sink = this.#sink
    this.#failure ??= error
    this.#sink = null
    this.#source.cancel(error)
    sink?.fail(error)
  }

  end(trailers: HeaderList | null): void {
    this.#sink?.end(trailers)
  }

  fail(error: ProxyError): void {
    this.#sink?.fail(error)
  }
}
