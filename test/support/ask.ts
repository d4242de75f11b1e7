import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** What {@link ask} sends, where it is not the plainest there is. */
export interface Question {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
  /** A connection of its own when not given. */
  readonly agent?: Agent
}

/** A whole answer. */
export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** How long one answer may take. Far beyond what any test needs. */
const patienceMs = 20_000

/** Sends one request to a port of this machine and waits for the whole answer. Rejects when the connection breaks. */
export function ask(port: number, path = '/', question: Question = {}): Promise<Answered> {
  const { method = 'GET', headers = {}, body = '', agent = false } = question
  const signal = AbortSignal.timeout(patienceMs)
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent, signal }, (answer) => {
      text(answer).then((whole) => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: whole })
      }, reject)
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

/** Some connections that are used again and again. Disposing of it closes them. */
export function keptConnections(maxSockets = 1): Agent & Disposable {
  return Object.assign(new Agent({ keepAlive: true, maxSockets }), {
    [Symbol.dispose](this: Agent) {
      this.destroy()
    },
  })
}

/** What became of a request: its status, or the code of the error that the client got. */
export async function statusOrError(
  port: number,
  path = '/',
  question: Question = {},
): Promise<number | string> {
  try {
    return (await ask(port, path, question)).status
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
