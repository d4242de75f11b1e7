import { Body, type BodySink, type BodySource } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { TcpFilter } from '../../chains/filter.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { ByteStream } from '../../chains/stream.ts'
import { PluginError, pluginFailure } from '../plugin/contract.ts'
import type { ScriptExchange } from './exchange.ts'
import { bytesOf } from './functions.ts'
import type { ScriptInstance } from './instance.ts'

/** `onData` as a filter of a TCP chain: each piece, either way, goes through the plugin. */
export function tcpFilter(current: () => ScriptInstance): TcpFilter {
  return async (client, cx, next) => {
    const instance = current()
    const exchange = instance.open(cx)
    cx.onEnd(() => instance.close(exchange))
    const up = new ScriptedSource(instance, exchange, 0, client.readable)
    const towards: ByteStream = { ...viewOf(client), readable: new Body(up, null) }
    const upstream = await next(towards, cx)
    const down = new ScriptedSource(instance, exchange, 1, upstream.readable)
    const cut = (error: ProxyError) => {
      client.destroy(error)
      upstream.destroy(error)
    }
    up.cut = cut
    down.cut = cut
    exchange.connection = {
      send: (way, bytes) => (way === 0 ? up : down).inject(bytes),
      close: () => cut(new ProxyError('PLUGIN_THREW', `plugin ${instance.spec.name} closed the connection`)),
    }
    return { ...viewOf(upstream), readable: new Body(down, null) }
  }
}

/** A stream with its methods bound, to be spread. */
function viewOf(stream: ByteStream): ByteStream {
  return {
    readable: stream.readable,
    writable: stream.writable,
    destroy: (error) => stream.destroy(error),
  }
}

/** What one side sends, each piece after the plugin has seen it. */
class ScriptedSource implements BodySource, BodySink {
  cut: (error: ProxyError) => void = () => {}
  readonly #instance: ScriptInstance
  readonly #exchange: ScriptExchange
  readonly #way: 0 | 1
  readonly #source: Body
  #sink: BodySink | null = null

  constructor(instance: ScriptInstance, exchange: ScriptExchange, way: 0 | 1, source: Body) {
    this.#instance = instance
    this.#exchange = exchange
    this.#way = way
    this.#source = source
  }

  open(sink: BodySink): void {
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
    const sink = this.#sink
    if (!sink) return false
    let result: Uint8Array
    try {
      const given = this.#instance.call('data', this.#exchange, [this.#exchange.id, this.#way, bytes])
      result = bytesOf(given)
    } catch (thrown) {
      if (!(thrown instanceof PluginError)) throw thrown
      this.#fail(pluginFailure(thrown))
      return false
    }
    return result.length === 0 || sink.write(result)
  }

  /** Bytes of the plugin's own. What a full peer cannot take at once waits in its socket, as far as that goes. */
  inject(bytes: Uint8Array): void {
    this.#sink?.write(bytes)
  }

  end(trailers: HeaderList | null): void {
    this.#sink?.end(trailers)
  }

  fail(error: ProxyError): void {
    this.#sink?.fail(error)
  }

  #fail(error: ProxyError): void {
    const sink = this.#sink
    this.#sink = null
    this.#source.cancel(error)
    sink?.fail(error)
    this.cut(error)
  }
}
