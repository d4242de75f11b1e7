import { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import type { Next, TcpFilter } from '../../chains/filter.ts'
import { type ByteStream, relay, type StreamSink } from '../../chains/stream.ts'
import { Pipe } from './lending/pipe.ts'
import type { Tee } from './lending/tee.ts'
import { copyEnded, Digest, isSameBody, type Shadows, type Verdict } from './shadow.ts'

/**
 * `mode: shadow` for connections: the plugin gets a copy of what the client sends, and of what the upstream sends.
 * What it makes of both is compared and forgotten.
 */
export function shadowTcp(filter: TcpFilter, absent: TcpFilter, shadows: Shadows): TcpFilter {
  return async (client, cx, next) => {
    if (!shadows.hasRoom) return absent(client, cx, next)
    const connection = new ShadowedConnection(shadows, cx, absent, next)
    const real = connection.connect(client)
    real.catch(() => {})
    void shadows.run(cx, (shadow) => connection.observe(filter, shadow, real))
    return real
  }
}

/** One way of a connection: as it is, and as the plugin made it. */
interface Way {
  readonly digest: Digest
  readonly split: Tee
}

class ShadowedConnection {
  readonly #shadows: Shadows
  readonly #cx: Context
  readonly #absent: TcpFilter
  readonly #next: Next<ByteStream, ByteStream>
  /** Takes what the client sends. */
  readonly #pipe = new Pipe()
  readonly #up: Way
  #down: Way | null = null
  /** Towards the upstream, as the plugin made it. */
  readonly #sent = new Pipe()
  #hasCalled = false

  constructor(shadows: Shadows, cx: Context, absent: TcpFilter, next: Next<ByteStream, ByteStream>) {
    this.#shadows = shadows
    this.#cx = cx
    this.#absent = absent
    this.#next = next
    this.#up = this.#way(this.#pipe.body)
  }

  /** What the client is connected to. */
  async connect(client: ByteStream): Promise<ByteStream> {
    const upstream = await this.#absent(client, this.#cx, this.#next)
    const down = this.#way(upstream.readable)
    this.#down = down
    relay(this.#up.split.main, upstream.writable)
    return {
      readable: down.split.main,
      writable: this.#pipe,
      destroy: (error) => upstream.destroy(error),
    }
  }

  async observe(filter: TcpFilter, cx: Context, real: Promise<ByteStream>): Promise<Verdict> {
    try {
      let lent: ByteStream | null = null
      const made = await filter(noStream(), cx, async () => {
        this.#hasCalled = true
        await real
        lent = { readable: (this.#down as Way).split.copy, writable: this.#sent, destroy: () => {} }
        return lent
      })
      if (made === lent) return { kind: 'passed' }
      relay(this.#up.split.copy, made.writable)
      const isSameUp = isSameBody(this.#sent.body, { copy: null, digest: this.#up.digest })
      isSameUp.catch(() => {})
      await real
      const { digest } = this.#down as Way
      const isSameDown = await isSameBody(made.readable, { copy: null, digest })
      if (!this.#hasCalled) return { kind: 'answered', status: 0 }
      return { kind: isSameDown && (await isSameUp) ? 'passed' : 'changed' }
    } catch (thrown) {
      const failure = await real.then(
        () => null,
        (error: unknown) => error,
      )
      if (failure === null || failure !== thrown) throw thrown
      return { kind: 'passed' }
    } finally {
      this.#up.split.copy.cancel(copyEnded())
      this.#down?.split.copy.cancel(copyEnded())
    }
  }

  #way(body: Body): Way {
    const digest = new Digest()
    const split = this.#shadows.split(body, digest)
    this.#cx.onEnd(() => split.abandon(copyEnded()))
    return { digest, split }
  }
}

const noSink: StreamSink = { source: null, write: () => true, end: () => {}, fail: () => {} }

/** The client's side, which is not the plugin's to read or write. */
const noStream = (): ByteStream => ({ readable: Body.of(''), writable: { ...noSink }, destroy: () => {} })
