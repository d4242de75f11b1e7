import type { Body } from '../../../chains/body.ts'
import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { HttpFilter, Next } from '../../../chains/filter.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import { PluginError, pluginFailure } from '../../plugin/contract.ts'
import { HttpStream, type HttpStreamOptions, type WayName } from '../proxy-wasm/streams/http-stream.ts'
import { answerFrom } from '../proxy-wasm/streams/local-response.ts'
import type { WayOutlet } from '../proxy-wasm/streams/way.ts'
import { Passage } from './passage.ts'
import { PauseTimers } from './pause.ts'
import type { StreamHost } from './stream-host.ts'

/** Plugins as a filter of an HTTP chain: `current` gives the instance for a new exchange, a fresh one after a death. */
export function httpFilter(current: () => StreamHost): HttpFilter {
  return async (request, cx, next) => new Exchange(current(), cx, request).run(next)
}

const replaced = () => new ProxyError('CLIENT_GONE', 'a plugin gave an answer in its place')

/** One exchange on its way through one guest. */
class Exchange {
  readonly #host: StreamHost
  readonly #cx: Context
  readonly #request: HttpRequest
  readonly #stream: HttpStream
  readonly #pauses: PauseTimers<WayName>
  readonly #passages: Record<WayName, Passage | null> = { request: null, response: null }
  readonly #isReleased: Record<WayName, boolean> = { request: false, response: false }
  #failure: ProxyError | null = null
  /** Who waits for a head to be released, for the upstream, or for an interruption of that. */
  #wake: (() => void) | null = null

  constructor(host: StreamHost, cx: Context, request: HttpRequest) {
    this.#host = host
    this.#cx = cx
    this.#request = request
    this.#pauses = new PauseTimers(host, cx, (error) => this.#stream.fail(error))
    const options: Omit<HttpStreamOptions, 'vm' | 'root' | 'properties' | 'onEnd'> = {
      cx,
      outlets: { request: this.#outlet('request'), response: this.#outlet('response') },
      onInterruption: () => this.#interrupted(),
    }
    this.#stream = host.open((parts) => new HttpStream({ ...parts, ...options }), cx)
  }

  async run(next: Next<HttpRequest, HttpResponse>): Promise<HttpResponse> {
    const stream = this.#stream
    this.#cx.onEnd((outcome) => {
      this.#pauses.stop()
      stream.end(outcome)
    })
    stream.create()
    await this.#head('request', this.#request)
    let response = this.#answer() ?? (await this.#upstream(next)) ?? this.#answer()
    if (!response) throw replaced()
    if (response.tunnel) return response
    await this.#head('response', response)
    const answer = this.#answer()
    if (answer) {
      if (!this.#passages.response?.isStarted) response.body?.cancel(replaced())
      stream.see(answer)
      response = answer
    }
    return response
  }

  /** What the guest gave in place of what was to come. Throws what it failed with. */
  #answer(): HttpResponse | null {
    if (this.#failure) throw this.#failure
    const interruption = this.#stream.takeInterruption()
    if (interruption?.error) throw interruption.error
    return interruption?.answer ? answerFrom(interruption.answer, this.#request) : null
  }

  /** The guest sees a head, for as long as it likes; and the body from then on. */
  async #head(name: WayName, message: HttpRequest | HttpResponse): Promise<void> {
    const stream = this.#stream
    if (stream.interruption) return
    const { body } = message
    const passage = body && stream.wantsBody(name) ? this.#passage(name, body) : null
    this.#passages[name] = passage
    const action = stream.head(name, message)
    if (action !== 'continue' && !stream.interruption) {
      if (action === 'headers') passage?.start()
      await this.#released(name, message)
    }
    if (passage && !stream.interruption) message.body = passage.body
    if (name === 'response' && this.#failure) {
      this.#passages.response?.break(this.#failure)
      if (!passage?.isStarted) body?.cancel(this.#failure)
    }
  }

  #passage(name: WayName, body: Body): Passage {
    return new Passage(this.#stream.ways[name], body, (error) => this.#stream.fail(error))
  }

  /** Until the head goes on, or something stands in its way. */
  #released(name: WayName, message: HttpRequest | HttpResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!this.#isReleased[name] && !this.#stream.interruption) return
        this.#wake = null
        stopListening()
        resolve()
      }
      const stopListening = this.#cx.onAbort((reason) => {
        this.#wake = null
        this.#passages[name]?.break(reason)
        if (name === 'response') message.body?.cancel(reason)
        reject(reason)
      })
      this.#wake = check
      check()
    })
  }

  /** What the upstream says; null when the guest has answered or failed before it. */
  #upstream(next: Next<HttpRequest, HttpResponse>): Promise<HttpResponse | null> {
    return new Promise((resolve, reject) => {
      let isInterrupted = false
      this.#wake = () => {
        if (!this.#stream.interruption) return
        isInterrupted = true
        this.#wake = null
        resolve(null)
      }
      void (async () => {
        try {
          const response = await next(this.#request, this.#cx)
          if (isInterrupted) drop(response)
          else {
            this.#wake = null
            resolve(response)
          }
        } catch (thrown) {
          this.#wake = null
          reject(thrown)
        }
      })()
    })
  }

  #interrupted(): void {
    const { interruption } = this.#stream
    const error = interruption?.error ?? replaced()
    if (interruption?.error) this.#failure = error
    this.#passages.request?.break(error)
    const hasResponse = this.#stream.ways.response.isOver
    if (hasResponse) this.#passages.response?.break(error)
    this.#pauses.stop()
    this.#wake?.()
  }

  #outlet(name: WayName): WayOutlet {
    return {
      head: () => {
        this.#isReleased[name] = true
        this.#wake?.()
      },
      write: (bytes) => this.#passages[name]?.pipe.write(bytes) ?? true,
      end: (trailers) => this.#passages[name]?.pipe.end(trailers),
      wantsMore: () => this.#passages[name]?.resume(),
      overflow: () => this.#overflow(name),
      waiting: (isWaiting) => this.#pauses.set(name, isWaiting),
    }
  }

  /** A body of the client's is its own fault; one of the upstream's is no more than the guest may hold. */
  #overflow(name: WayName): void {
    const { spec } = this.#host.root
    const { bufferKiB } = spec.policy.limits
    if (name === 'request') {
      const reason = `the body is over the ${bufferKiB} KiB that may be held for plugin ${spec.name}`
      this.#stream.fail(new ProxyError('BODY_TOO_LARGE', reason))
      return
    }
    const error = new PluginError(spec, 'limit', null, `held more than ${bufferKiB} KiB of an answer`)
    this.#host.meter.failed('limit', error, this.#cx)
    this.#stream.fail(pluginFailure(error))
  }
}

/** Nobody wants it any more. */
function drop({ body, tunnel }: HttpResponse): void {
  body?.cancel(replaced())
  tunnel?.destroy()
}
