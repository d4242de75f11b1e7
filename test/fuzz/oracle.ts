import { type ClientRequest, createServer, type IncomingMessage, request, type Server } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Sample } from './generate.ts'
import type { Parsed, ParsedMessage } from './parsed.ts'

/** The proxy's side of a connection, fed from memory; what is written to it is forgotten. */
class FedSocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }
}

interface Draft {
  readonly message: IncomingMessage
  readonly body: Buffer[]
}

/**
 * Node's own HTTP parser (llhttp), strict, reached through `node:http`.
 *
 * It never answers a request, so that nothing it does depends on us.
 */
export class Oracle implements Disposable {
  readonly #server: Server
  readonly #drafts = new WeakMap<FedSocket, Draft[]>()
  readonly #errors = new WeakMap<Duplex, string>()

  constructor() {
    this.#server = createServer({
      insecureHTTPParser: false,
      requireHostHeader: false,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      shouldUpgradeCallback: () => false,
    })
    const take = (message: IncomingMessage) => {
      this.#drafts.get(message.socket as unknown as FedSocket)?.push(follow(message))
    }
    this.#server.on('request', take)
    this.#server.on('checkContinue', take)
    this.#server.on('checkExpectation', take)
    this.#server.on('connect', take)
    this.#server.on('clientError', (error, socket) => {
      this.#errors.set(socket, error.message)
    })
  }

  /** What llhttp makes of each of `samples`, read whole. Doing many at once is cheaper. */
  async parse(samples: readonly Sample[]): Promise<Parsed[]> {
    const reads = samples.map((sample) =>
      sample.kind === 'request' ? this.#readRequests(sample) : readResponse(sample),
    )
    return Promise.all(reads)
  }

  [Symbol.dispose](): void {
    this.#server.close()
  }

  async #readRequests(sample: Sample): Promise<Parsed> {
    const socket = new FedSocket()
    const drafts: Draft[] = []
    this.#drafts.set(socket, drafts)
    socket.on('error', () => {})
    this.#server.emit('connection', socket)
    socket.push(Buffer.from(sample.bytes))
    // One turn for the parser, one for the bodies that it has filled.
    await nextTurn()
    await nextTurn()
    const messages = drafts.map(finished)
    const refusal = this.#errors.get(socket) ?? null
    socket.destroy()
    return { messages, refusal, isAll: refusal === null && messages.every(({ isWhole }) => isWhole) }
  }
}

function follow(message: IncomingMessage): Draft {
  const body: Buffer[] = []
  message.on('error', () => {})
  message.on('data', (piece: Buffer) => body.push(piece))
  return { message, body }
}

function finished({ message, body }: Draft): ParsedMessage {
  return {
    method: message.statusCode ? '' : (message.method ?? ''),
    target: message.statusCode ? '' : (message.url ?? ''),
    status: message.statusCode ?? 0,
    fields: trimmed(message.rawHeaders),
    body: Buffer.concat(body).toString('latin1'),
    trailers: trimmed(message.rawTrailers),
    isWhole: message.complete,
  }
}

function trimmed(fields: readonly string[]): string[] {
  return fields.map((each, index) => (index % 2 === 0 ? each : each.replace(/^[ \t]+|[ \t]+$/g, '')))
}

/** Only the first final answer counts; the connection ends behind the sample. */
async function readResponse(sample: Sample): Promise<Parsed> {
  const socket = new FedSocket()
  socket.on('error', () => {})
  const drafts: Draft[] = []
  let refusal: string | null = null
  const asked: ClientRequest = request({
    method: sample.method,
    host: 'app.test',
    createConnection: () => socket,
  })
  asked.on('response', (message) => drafts.push(follow(message)))
  asked.on('upgrade', (message) => drafts.push(follow(message)))
  asked.on('error', (error) => {
    refusal ??= error.message
  })
  asked.end()
  await nextTurn()
  socket.push(Buffer.from(sample.bytes))
  socket.push(null)
  await nextTurn()
  await nextTurn()
  await nextTurn()
  const messages = drafts.map(finished)
  asked.destroy()
  socket.destroy()
  return { messages, refusal, isAll: false }
}
