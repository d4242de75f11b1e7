import { connect, createServer, type Server } from 'node:net'
import { RawConnection } from './connection.ts'
import { endOfRequest, takeMessage, type WireMessage } from './messages.ts'

/** Connects to a port of this machine, speaking nothing by itself. */
export function rawClient(port: number): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(new RawConnection(socket))
    })
  })
}

/** One connection that an upstream of a test has accepted. */
export class UpstreamConnection extends RawConnection {
  #read = 0

  /** How many bytes came that no call of {@link nextRequest} has taken. */
  get unread(): number {
    return this.size - this.#read
  }

  /** Waits for the next whole request; resolves with null if the peer ends before one is there. */
  async nextRequest(withinMs?: number): Promise<WireMessage | null> {
    let message: WireMessage | null = null
    const isThere = () => {
      message = takeMessage(this.received, this.#read, endOfRequest)
      return message !== null || this.ending !== null
    }
    await this.until(isThere, 'a whole request', withinMs)
    const found = message as WireMessage | null
    if (found) this.#read = found.end
    return found
  }

  /** Waits for the next request's head only. */
  async nextHead(withinMs?: number): Promise<void> {
    await this.until(
      () => this.received.indexOf('\r\n\r\n', this.#read, 'latin1') >= 0 || this.ending !== null,
      'a request head',
      withinMs,
    )
  }
}

/** What an upstream does with each connection; `index` counts from 0. What it throws after the connection is gone is ignored. */
export type UpstreamScript = (connection: UpstreamConnection, index: number) => void | Promise<void>

/** A server that records the bytes of each connection and answers by script. */
export class RawUpstream implements AsyncDisposable {
  /** In the order in which they were accepted. */
  readonly connections: UpstreamConnection[] = []
  /** What scripts threw while their connection was still open. */
  readonly troubles: unknown[] = []
  readonly #server: Server
  #waiters: (() => void)[] = []

  private constructor(server: Server, script: UpstreamScript) {
    this.#server = server
    server.on('connection', (socket) => {
      const connection = new UpstreamConnection(socket)
      const index = this.connections.push(connection) - 1
      for (const wake of this.#waiters.splice(0)) wake()
      void (async () => script(connection, index))().catch((trouble: unknown) => {
        if (!connection.isClosed && connection.ending === null) this.troubles.push(trouble)
      })
    })
  }

  /** Listens on a port of the kernel's choice. */
  static listen(script: UpstreamScript): Promise<RawUpstream> {
    const server = createServer({ allowHalfOpen: true })
    const upstream = new RawUpstream(server, script)
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve(upstream))
    })
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /** The connection of that index, as soon as it is there. */
  async connection(index: number, withinMs = 5_000): Promise<UpstreamConnection> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = this.connections[index]
      if (found) return found
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`connection ${index} never came to the upstream`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    await Promise.all(this.connections.map((each) => each[Symbol.asyncDispose]()))
    await closed
  }
}

/** A script that answers every whole request with the same bytes. */
export function answerWith(answer: string | ((request: WireMessage) => string)): UpstreamScript {
  return async (connection) => {
    for (;;) {
      const request = await connection.nextRequest(60_000)
      if (!request) break
      connection.send(typeof answer === 'string' ? answer : answer(request))
    }
    connection.end()
  }
}

/** A whole 200 answer with a body of known length. */
export function ok(body = 'ok', ...fields: string[]): string {
  return ['HTTP/1.1 200 OK', ...fields, `Content-Length: ${body.length}`, '', body].join('\r\n')
}

/** The port of a server that is gone again: connecting to it is refused. */
export async function deadPort(): Promise<number> {
  await using upstream = await RawUpstream.listen(() => {})
  return upstream.port
}
