import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** One request as the application saw it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  /** As they stood on the wire: name, value, name, value. */
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** How an application answers; `index` counts its requests from 0. */
export type Answer = (request: SeenRequest, response: ServerResponse, index: number) => void | Promise<void>

/** A real application on `node:http`, which remembers what it was asked. Disposing of it cuts all its connections. */
export class Application implements AsyncDisposable {
  readonly name: string
  readonly seen: SeenRequest[] = []
  /** How many connections it has accepted so far. */
  connections = 0
  readonly #server: Server

  private constructor(name: string, answer: Answer) {
    this.name = name
    // Longer than any test: a server that closes first is another test's matter.
    this.#server = createServer({ keepAliveTimeout: 60_000 }, async (incoming, response) => {
      const { method = '', url: path = '', rawHeaders, headers } = incoming
      try {
        const request = { method, path, rawHeaders, headers, body: await text(incoming) }
        const index = this.seen.push(request) - 1
        await answer(request, response, index)
      } catch {
        response.destroy()
      }
    })
    this.#server.on('connection', () => {
      this.connections += 1
    })
  }

  /** Listens on a port of the kernel's choice; answers 200 with its name if not told otherwise. */
  static async start(
    name: string,
    answer: Answer = (_request, response) => void response.end(name),
  ): Promise<Application> {
    const application = new Application(name, answer)
    application.#server.listen(0, '127.0.0.1')
    await once(application.#server, 'listening')
    return application
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}
