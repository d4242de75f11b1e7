import { asProxyError } from '../../../chains/failures.ts'
import type { HttpRequest } from '../../../chains/http.ts'
import { type CallOutListener, type CallResult, status } from '../contract.ts'
import { type Answer, collectAnswer } from './answer.ts'
import type { Destination } from './directory.ts'
import type { OpenCall, OpenCalls } from './open-calls.ts'
import { requestOf } from './request.ts'

/** What Envoy says of every call that failed, in `proxy_get_status`; the reason comes behind it. */
const failureCode = 11
const failureWord = 'reset'

/** The HTTP calls of one root context. */
export class HttpCalls {
  readonly #open: OpenCalls
  readonly #listener: CallOutListener

  constructor(open: OpenCalls, listener: CallOutListener) {
    this.#open = open
    this.#listener = listener
  }

  /** Begins a call. Its trailers stay here: HTTP/1.1 upstreams are told the length of the body in their stead. */
  call(
    upstream: string,
    headers: readonly string[],
    body: Uint8Array,
    _trailers: readonly string[],
    timeoutMs: number,
  ): CallResult {
    const withinMs = this.#open.limitOf(timeoutMs)
    if (withinMs === null) return { status: status.badArgument }
    const request = requestOf(headers, body)
    const destination = request && this.#open.directory.find(upstream)
    if (!request || !destination) return { status: status.badArgument }
    if (!this.#open.hasRoom) return { status: status.internalFailure }
    const call = this.#open.begin(withinMs)
    void this.#run(call, destination, request)
    return { id: call.id }
  }

  async #run(call: OpenCall, destination: Destination, request: HttpRequest): Promise<void> {
    const [answer, failure] = await this.#answer(call, destination, request).then(
      (answer): [Answer, null] => [answer, null],
      (thrown: unknown): [null, string] => [null, asProxyError(thrown).message],
    )
    if (!this.#open.finish(call)) return
    const outcome =
      failure === null
        ? { code: 0, message: '' }
        : { code: failureCode, message: `${failureWord}: ${failure}` }
    this.#open.tell(() => this.#listener.httpDone(call.id, answer, outcome))
  }

  async #answer({ cx }: OpenCall, destination: Destination, request: HttpRequest): Promise<Answer> {
    // settled on its own: an upstream need not be quick in giving up
    const givenUp = new Promise<never>((_resolve, reject) => cx.onAbort(reject))
    const whole = async () => collectAnswer(await destination.request(request, cx), this.#open.maxBytes)
    return Promise.race([whole(), givenUp])
  }
}
