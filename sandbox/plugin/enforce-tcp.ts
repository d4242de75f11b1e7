import { Body, type BodySink, type BodySource } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import { asProxyError, type ProxyError } from '../../chains/failures.ts'
import type { Next, TcpFilter } from '../../chains/filter.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import { type ByteStream, relay, type StreamSink } from '../../chains/stream.ts'
import type { Rescue } from './enforce-http.ts'
import { isFailureOf, type PluginHealth } from './health.ts'
import { type Lent, lendBody } from './lending/lend.ts'
import { Pipe } from './lending/pipe.ts'

/** `onError: close` for connections: one in which the plugin fails is cut. */
export function closingTcp(spec: PluginSpec, filter: TcpFilter, health: PluginHealth): TcpFilter {
  return async (stream, cx, next) => {
    if (health.isHeldBack) {
      health.exchangeFailed(cx, 'closed')
      throw health.refusal()
    }
    try {
      return await filter(stream, cx, next)
    } catch (thrown) {
      if (isFailureOf(spec, thrown)) health.exchangeFailed(cx, 'closed')
      throw thrown
    }
  }
}

/**
 * `onError: open` and `previous` for connections: one in which the plugin fails before a byte has gone through it,
 * either way, goes on without it. What the client has sent until then is remembered up to `bufferKiB`. Later the
 * connection is cut, because nobody could say what is missing.
 */
export function rescuingTcp(
  spec: PluginSpec,
  filter: TcpFilter,
  health: PluginHealth,
  rescue: Rescue<TcpFilter>,
): TcpFilter {
  return (stream, cx, next) => {
    if (health.isReplaced) return rescue.filter(stream, cx, next)
    if (health.isHeldBack) {
      health.exchangeFailed(cx, rescue.outcome)
      return rescue.filter(stream, cx, next)
    }
    return new RescuedConnection(spec, health, rescue, stream, cx, next).run(filter)
  }
}

/** An upstream connection, of which a view was given to the plugin. */
interface LentStream {
  readonly original: ByteStream
  readonly readable: Lent<Body>
  readonly forPlugin: ByteStream
}

/** A connection through a plugin that may fail; towards the client it is the upstream. */
class RescuedConnection implements ByteStream, BodySource, BodySink {
  readonly readable: Body
  readonly writable: StreamSink
  readonly #spec: PluginSpec
  readonly #health: PluginHealth
  readonly #rescue: Rescue<TcpFilter>
  readonly #client: ByteStream
  readonly #cx: Context
  readonly #next: Next<ByteStream, ByteStream>
  readonly #input: Lent<Body>
  readonly #pipe = new Pipe()
  #upstream: Promise<LentStream> | null = null
  /** The same, once it is there. */
  #connected: LentStream | null = null
  /** Where the client's bytes go now: to the plugin, or to what took its place. */
  #current: ByteStream | null = null
  #sink: BodySink | null = null
  #isCommitted = false
  /** Whether the plugin has had its chance: nothing takes its place any more. */
  #isOver = false
  /** Why the connection was given up; undefined while it goes on, null for an orderly end. */
  #gone: ProxyError | null | undefined

  constructor(
    spec: PluginSpec,
    health: PluginHealth,
    rescue: Rescue<TcpFilter>,
    client: ByteStream,
    cx: Context,
    next: Next<ByteStream, ByteStream>,
  ) {
    this.#spec = spec
    this.#health = health
    this.#rescue = rescue
    this.#client = client
    this.#cx = cx
    this.#next = next
    this.#input = lendBody(this.#pipe.body, this.#maxBytes)
    this.writable = this.#pipe
    this.readable = new Body(this, null)
  }

  async run(filter: TcpFilter): Promise<ByteStream> {
    try {
      const own = await filter(this.#client, this.#cx, (stream, cx) => this.#goOn(stream, cx))
      if (this.#connected && own === this.#connected.forPlugin) {
        this.#health.exchangeWell()
        return unread(this.#connected)
      }
      this.#current = own
      relay(this.#input.take(), own.writable)
      return this
    } catch (thrown) {
      if (!isFailureOf(this.#spec, thrown) || this.#cx.abortReason) throw thrown
      this.#isOver = true
      return this.#standIn()
    }
  }

  destroy(error?: ProxyError): void {
    this.#isOver = true
    this.#gone = error ?? null
    this.#current?.destroy(error)
  }

  open(sink: BodySink): void {
    this.#sink = sink
    ;(this.#current as ByteStream).readable.open(this)
  }

  resume(): void {
    this.#current?.readable.resume()
  }

  cancel(reason: ProxyError): void {
    this.#current?.readable.cancel(reason)
  }

  write(bytes: Uint8Array): boolean {
    this.#commit()
    return (this.#sink as BodySink).write(bytes)
  }

  end(trailers: HeaderList | null): void {
    this.#commit()
    this.#health.exchangeWell()
    this.#sink?.end(trailers)
  }

  fail(error: ProxyError): void {
    if (!isFailureOf(this.#spec, error) || this.#isOver) this.#sink?.fail(error)
    else if (this.#isCommitted || !this.#input.canTakeAgain()) {
      this.#health.exchangeFailed(this.#cx, 'closed')
      this.#sink?.fail(error)
    } else void this.#replace()
  }

  get #maxBytes(): number {
    return this.#spec.policy.limits.bufferKiB * 1_024
  }

  #goOn(stream: ByteStream, cx: Context): Promise<ByteStream> {
    this.#upstream ??= this.#connect(stream, cx)
    const forPlugin = this.#upstream.then((upstream) => upstream.forPlugin)
    // a plugin that has failed meanwhile does not listen
    forPlugin.catch(() => {})
    return forPlugin
  }

  async #connect(stream: ByteStream, cx: Context): Promise<LentStream> {
    const original = await this.#next(stream, cx)
    const readable = lendBody(original.readable, this.#maxBytes)
    const forPlugin: ByteStream = {
      readable: readable.take(),
      writable: new LentSink(
        original.writable,
        () => this.#commit(),
        (error) => this.#isSpared(error),
      ),
      destroy: (error) => {
        if (!this.#isSpared(error)) original.destroy(error)
      },
    }
    this.#connected = { original, readable, forPlugin }
    if (this.#isCommitted) readable.release()
    return this.#connected
  }

  /** Whether this is the plugin letting go of the upstream because it fails: that may still be of use. */
  #isSpared(error: ProxyError | undefined): boolean {
    return !this.#isCommitted && isFailureOf(this.#spec, error)
  }

  /** A byte of the plugin's own has gone through: there is no way back. */
  #commit(): void {
    if (this.#isCommitted) return
    this.#isCommitted = true
    this.#input.release()
    this.#connected?.readable.release()
  }

  /** What goes on in the plugin's place. */
  async #standIn(): Promise<ByteStream> {
    this.#health.exchangeFailed(this.#cx, this.#rescue.outcome)
    return this.#upstream
      ? unread(await this.#upstream)
      : this.#rescue.filter(this.#client, this.#cx, this.#next)
  }

  async #replace(): Promise<void> {
    const sink = this.#sink as BodySink
    this.#isOver = true
    try {
      const stream = await this.#standIn()
      if (this.#gone !== undefined) {
        stream.destroy(this.#gone ?? undefined)
        return
      }
      this.#current = stream
      const input = this.#input.take()
      this.#commit()
      relay(input, stream.writable)
      stream.readable.open(sink)
    } catch (thrown) {
      sink.fail(asProxyError(thrown))
    }
  }
}

/** The upstream as it came, as far as nobody has read it. */
function unread({ original, readable }: LentStream): ByteStream {
  const body = readable.take()
  readable.release()
  return { readable: body, writable: original.writable, destroy: (error) => original.destroy(error) }
}

/** The upstream's sink as the plugin has it: tells when the first byte goes there, or the end. */
class LentSink implements StreamSink {
  readonly #sink: StreamSink
  readonly #commit: () => void
  readonly #isSpared: (error: ProxyError) => boolean

  constructor(sink: StreamSink, commit: () => void, isSpared: (error: ProxyError) => boolean) {
    this.#sink = sink
    this.#commit = commit
    this.#isSpared = isSpared
  }

  get source(): Body | null {
    return this.#sink.source
  }

  set source(source: Body | null) {
    this.#sink.source = source
  }

  write(bytes: Uint8Array): boolean {
    this.#commit()
    return this.#sink.write(bytes)
  }

  end(trailers: HeaderList | null): void {
    this.#commit()
    this.#sink.end(trailers)
  }

  fail(error: ProxyError): void {
    if (!this.#isSpared(error)) this.#sink.fail(error)
  }
}
