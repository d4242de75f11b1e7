import { Body, type BodySink, type BodySource } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { TcpFilter } from '../../chains/filter.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { StreamSink } from '../../chains/stream.ts'
import { PluginError, pluginFailure } from '../plugin/contract.ts'
import type { ScriptExchange } from './exchange.ts'
import { bytesOf } from './functions.ts'
import type { ScriptInstance } from './instance.ts'
import { Outlet } from './outlet.ts'

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
    const { name, policy } = instance.spec
    const { bufferKiB } = policy.limits
    const cut = (error: ProxyError) => {
      upstream.destroy(error)
      up.stop()
      down.break(error)
    }
    const overflow = () => {
      const reason = `sent more than ${bufferKiB} KiB to a peer that does not read`
      cut(pluginFailure(instance.fail('limit', reason, cx)))
    }
    const plugin: Passage = {
      through: (way, bytes) => through(instance, exchange, way, bytes, cut),
      outlet: (sink) => new Outlet(sink, bufferKiB * 1_024, overflow),
    }
    const down = new ScriptedSource(plugin, upstream.readable)
    const up = new ScriptedSink(plugin, upstream.writable)
    exchange.connection = {
      send: (way, bytes) => (way === 0 ? up : down).outlet.inject(bytes),
      close: () => cut(new ProxyError('PLUGIN_THREW', `plugin ${name} closed the connection`)),
      fail: (error) => cut(pluginFailure(error)),
    }
    return {
      readable: new Body(down, null),
      writable: up,
      destroy: (error) => upstream.destroy(error),
    }
  }
}

/** How both ways of one connection go through the plugin. */
interface Passage {
  /** What the plugin makes of a piece; null when it failed, and the connection was cut. `way` 0 is towards the upstream. */
  through(way: 0 | 1, bytes: Uint8Array): Uint8Array | null
  /** Where a way ends; without a sink it is not known yet. */
  outlet(sink: BodySink | null): Outlet
}

function through(
  instance: ScriptInstance,
  exchange: ScriptExchange,
  way: 0 | 1,
  bytes: Uint8Array,
  cut: (error: ProxyError) => void,
): Uint8Array | null {
  try {
    return bytesOf(instance.call('data', exchange, [exchange.id, way, bytes]))
  } catch (thrown) {
    if (!(thrown instanceof PluginError)) throw thrown
    cut(pluginFailure(thrown))
    return null
  }
}

/** Towards the upstream: each piece after the plugin has seen it. */
class ScriptedSink implements StreamSink {
  readonly outlet: Outlet
  source: Body | null = null
  readonly #plugin: Passage
  readonly #sink: StreamSink
  #isOver = false

  constructor(plugin: Passage, sink: StreamSink) {
    this.#plugin = plugin
    this.#sink = sink
    this.outlet = plugin.outlet(sink)
    // what the plugin sends can fill the peer too, and then nobody else is to be resumed
    const resume = () => {
      if (this.outlet.hasRoom()) this.source?.resume()
    }
    sink.source = new Body({ open: () => {}, resume, cancel: (reason) => this.source?.cancel(reason) }, null)
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true
    const result = this.#plugin.through(0, bytes)
    return result === null || this.outlet.pass(result)
  }

  end(trailers: HeaderList | null): void {
    this.stop()
    this.#sink.end(trailers)
  }

  fail(error: ProxyError): void {
    this.stop()
    this.#sink.fail(error)
  }

  /** Nothing goes there any more. */
  stop(): void {
    this.#isOver = true
    this.outlet.close()
  }
}

/** What the upstream sends, each piece after the plugin has seen it. */
class ScriptedSource implements BodySource, BodySink {
  readonly outlet: Outlet
  readonly #plugin: Passage
  readonly #source: Body
  #sink: BodySink | null = null
  #isOpened = false
  /** What it broke off with before somebody read it. */
  #failure: ProxyError | null = null

  constructor(plugin: Passage, source: Body) {
    this.#plugin = plugin
    this.#source = source
    this.outlet = plugin.outlet(null)
  }

  open(sink: BodySink): void {
    if (this.#failure) {
      sink.fail(this.#failure)
      return
    }
    this.#sink = sink
    if (this.outlet.open(sink)) this.#start()
  }

  resume(): void {
    if (!this.outlet.hasRoom()) return
    if (this.#isOpened) this.#source.resume()
    else this.#start()
  }

  cancel(reason: ProxyError): void {
    this.#stop()
    this.#source.cancel(reason)
  }

  write(bytes: Uint8Array): boolean {
    const result = this.#sink && this.#plugin.through(1, bytes)
    return result !== null && this.#sink !== null && this.outlet.pass(result)
  }

  /** Ends it with an error, for whoever reads it. */
  break(error: ProxyError): void {
    this.#failure ??= error
    const sink = this.#stop()
    this.#source.cancel(error)
    sink?.fail(error)
  }

  end(trailers: HeaderList | null): void {
    this.#stop()?.end(trailers)
  }

  fail(error: ProxyError): void {
    this.#stop()?.fail(error)
  }

  #start(): void {
    this.#isOpened = true
    this.#source.open(this)
  }

  /** Nothing goes there any more; gives who was there. */
  #stop(): BodySink | null {
    const sink = this.#sink
    this.#sink = null
    this.outlet.close()
    return sink
  }
}
