import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Context } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { ByteStream } from '../../../../chains/stream.ts'
import type { Clock } from '../../../../chains/tools.ts'
import { duplexOf } from './duplex.ts'

/** Sessions of one root context; beyond that an unused one is closed for each new one. */
const maxSessions = 64
/** How long a session stays without a stream, in milliseconds. */
const idleMs = 30_000

/** Opens a connection. It is given up with `own`, whatever becomes of the call that asked for it first. */
export type Dial = (own: Context) => Promise<ByteStream>

/** HTTP/2 sessions by endpoint, with prior knowledge. Each ends after {@link idleMs} without a stream. */
export class SessionPool implements Disposable {
  readonly #clock: Clock
  readonly #newContext: () => Context
  readonly #sessions = new Map<string, Session>()
  #isDisposed = false

  constructor(clock: Clock, newContext: () => Context) {
    this.#clock = clock
    this.#newContext = newContext
  }

  /** Opens a stream on the session of that key, connecting first if there is none. Rejects with a `ProxyError`. */
  async stream(
    key: string,
    dial: Dial,
    headers: OutgoingHttpHeaders,
    cx: Context,
  ): Promise<ClientHttp2Stream> {
    if (this.#isDisposed) throw new ProxyError('UPSTREAM_RESET', 'the plugin is no longer configured')
    const session = this.#sessions.get(key) ?? this.#add(key, dial)
    return session.stream(headers, cx)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    for (const session of [...this.#sessions.values()]) session.end()
    this.#sessions.clear()
  }

  #add(key: string, dial: Dial): Session {
    if (this.#sessions.size >= maxSessions) this.#makeRoom()
    const session = new Session(this.#clock, this.#newContext(), dial, () => {
      // a session that is going away may have a successor already
      if (this.#sessions.get(key) === session) this.#sessions.delete(key)
    })
    this.#sessions.set(key, session)
    return session
  }

  #makeRoom(): void {
    const unused = [...this.#sessions.values()].find((session) => session.isUnused)
    if (!unused) throw new ProxyError('UPSTREAM_OVERFLOW', `a plugin has ${maxSessions} sessions, all in use`)
    unused.end()
  }
}

class Session {
  readonly #clock: Clock
  readonly #cx: Context
  readonly #leave: () => void
  readonly #connected: Promise<ClientHttp2Session>
  #client: ClientHttp2Session | null = null
  #users = 0
  #stopIdling: (() => void) | null = null

  constructor(clock: Clock, cx: Context, dial: Dial, leave: () => void) {
    this.#clock = clock
    this.#cx = cx
    this.#leave = leave
    this.#connected = this.#connect(dial)
    this.#connected.catch(leave)
  }

  get isUnused(): boolean {
    return this.#users === 0
  }

  async stream(headers: OutgoingHttpHeaders, cx: Context): Promise<ClientHttp2Stream> {
    this.#enter()
    try {
      const client = await this.#connected
      if (cx.abortReason) throw cx.abortReason
      const stream = client.request(headers, { endStream: false })
      stream.once('close', () => this.#exit())
      return stream
    } catch (thrown) {
      this.#exit()
      if (thrown instanceof ProxyError) throw thrown
      throw new ProxyError('UPSTREAM_RESET', (thrown as Error).message, { cause: thrown })
    }
  }

  /** Cuts it, and all that goes on in it. */
  end(): void {
    this.#stopIdling?.()
    this.#leave()
    this.#client?.destroy()
    this.#cx.abort(new ProxyError('UPSTREAM_RESET', 'the session was ended'))
  }

  async #connect(dial: Dial): Promise<ClientHttp2Session> {
    const connection = duplexOf(await dial(this.#cx))
    // how it failed is told to each stream, by the session
    connection.on('error', () => {})
    const client = connect('http://upstream', {
      createConnection: () => connection,
      settings: { enablePush: false },
    })
    client.on('error', () => this.#leave())
    client.once('goaway', () => this.#leave())
    client.once('close', () => {
      this.#stopIdling?.()
      this.#leave()
    })
    this.#client = client
    // a stream that comes before the peer has said how many it takes may be refused
    await new Promise<void>((resolve, reject) => {
      client.once('remoteSettings', () => resolve())
      client.once('error', reject)
      client.once('close', () => reject(new ProxyError('UPSTREAM_RESET', 'the upstream ended the session')))
    })
    return client
  }

  #enter(): void {
    this.#users += 1
    this.#stopIdling?.()
    this.#stopIdling = null
  }

  #exit(): void {
    this.#users -= 1
    if (this.#users > 0 || !this.#client || this.#client.destroyed) return
    this.#stopIdling = this.#clock.after(idleMs, () => this.end())
  }
}
