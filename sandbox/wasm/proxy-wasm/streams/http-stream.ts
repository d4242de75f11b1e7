import type { Context, Outcome } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import {
  type BufferType,
  bufferType,
  type HeaderMap,
  type HostContext,
  type LocalResponse,
  type MapType,
  mapType,
  type RootHost,
  type Status,
  type StreamType,
  status,
  streamType,
  type VirtualMachine,
} from '../../contract.ts'
import type { StreamProperties } from '../properties/stream-properties.ts'
import type { HeadAction } from './actions.ts'
import { FieldMap, noLineFields } from './field-map.ts'
import { requestLine, responseLine } from './line-fields.ts'
import { canAnswer } from './local-response.ts'
import { StreamLife } from './stream-life.ts'
import { Way, type WayOutlet } from './way.ts'

/** Why an exchange does not go its way: the guest answers in its place, or it fails. */
export type Interruption =
  | { readonly answer: LocalResponse; readonly error: null }
  | { readonly answer: null; readonly error: ProxyError }

/** What an HTTP stream is made from. */
export interface HttpStreamOptions {
  readonly vm: VirtualMachine
  readonly root: RootHost
  readonly cx: Context
  readonly properties: StreamProperties
  readonly outlets: Readonly<Record<WayName, WayOutlet>>
  /** Told when there is an {@link HttpStream.interruption}. Nothing is let through any more then. */
  readonly onInterruption: () => void
  /** Told once when the stream is over. */
  readonly onEnd: (stream: HttpStream) => void
}

/** Which of its messages. */
export type WayName = 'request' | 'response'

/** One HTTP stream of one guest: which map and buffer there is in which phase, and what may be done with it. */
export class HttpStream implements HostContext {
  readonly id: number
  readonly root: RootHost
  readonly exchange: Context
  readonly ways: Readonly<Record<WayName, Way>>
  interruption: Interruption | null = null
  readonly #options: HttpStreamOptions
  readonly #life: StreamLife
  readonly #headers: Record<WayName, FieldMap | null> = { request: null, response: null }
  readonly #inHead: Record<WayName, boolean> = { request: false, response: false }
  #hasAnswered = false

  constructor(options: HttpStreamOptions) {
    const { vm, root, cx, outlets } = options
    this.#options = options
    this.id = vm.nextId()
    this.root = root
    this.exchange = cx
    this.#life = new StreamLife(vm, this, (error) => this.#interrupt({ answer: null, error }))
    const limitBytes = root.spec.policy.limits.bufferKiB * 1_024
    const isBodyWanted = root.settings.bodyWhileHeadersHeld
    const way = (name: WayName) =>
      new Way({
        guest: this.#guest(name),
        outlet: outlets[name],
        limitBytes,
        isBodyWanted,
        isConnection: false,
      })
    this.ways = { request: way('request'), response: way('response') }
  }

  /** Whether it waits for the guest: it ends with that. */
  get isHeld(): boolean {
    return this.ways.request.isHeld || this.ways.response.isHeld
  }

  create(): void {
    this.#life.create()
  }

  /** Whether the guest wants to see what comes after the head. */
  wantsBody(name: WayName): boolean {
    const { vm } = this.#options
    return vm.has(`proxy_on_${name}_body`) || vm.has(`proxy_on_${name}_trailers`)
  }

  /** Gives the guest the head of a message. */
  head(name: WayName, message: HttpRequest | HttpResponse): HeadAction {
    this.see(message)
    this.#inHead[name] = true
    const action = this.ways[name].feedHead(message.body === null)
    this.#inHead[name] = false
    return action
  }

  /** A message that the guest can look at. */
  see(message: HttpRequest | HttpResponse): void {
    const { properties } = this.#options
    if ('method' in message) {
      properties.request = message
      this.#headers.request = new FieldMap(message.headers, requestLine(message))
    } else {
      properties.response = message
      this.#headers.response = new FieldMap(message.headers, responseLine(message))
    }
  }

  /** What stands in the way, and it does not any more. */
  takeInterruption(): Interruption | null {
    const { interruption } = this
    this.interruption = null
    return interruption
  }

  /** It fails from outside: the pause was too long, or the instance is gone. */
  fail(error: ProxyError): void {
    this.#life.fail(error)
  }

  /** The exchange is over. Harmless when it was already. */
  end(outcome: Outcome | null): void {
    const isFirst = this.#life.end(() => {
      this.#options.properties.outcome = outcome
      this.ways.request.stop()
      this.ways.response.stop()
    })
    if (isFirst) this.#options.onEnd(this)
  }

  readableMap(type: MapType): HeaderMap | null {
    const { request, response } = this.ways
    if (type === mapType.requestHeaders) return this.#headers.request
    if (type === mapType.responseHeaders) return this.#headers.response
    if (type === mapType.requestTrailers) return this.#life.isEnding ? null : trailersOf(request)
    return type === mapType.responseTrailers ? trailersOf(response) : null
  }

  writableMap(type: MapType): HeaderMap | null {
    if (this.#life.isEnding) return null
    const { request, response } = this.ways
    if (type === mapType.requestHeaders) return this.#isHeadOpen('request') ? this.#headers.request : null
    if (type === mapType.responseHeaders) return this.#isHeadOpen('response') ? this.#headers.response : null
    if (type === mapType.requestTrailers) return newTrailers(request)
    return type === mapType.responseTrailers ? newTrailers(response) : null
  }

  buffer(type: BufferType): Uint8Array | null {
    return this.#holding(type)?.held.view ?? null
  }

  spliceBuffer(type: BufferType, start: number, length: number, data: Uint8Array): Status {
    const way = this.#holding(type)
    if (!way) return status.badArgument
    way.held.splice(start, length, data)
    return status.ok
  }

  property(path: readonly string[]): Uint8Array | null {
    return this.#options.properties.get(path, this.#headers)
  }

  setProperty(path: string, value: Uint8Array): Status {
    return this.#options.properties.set(path, value)
  }

  continueStream(type: StreamType): Status {
    const way = type === streamType.request ? this.ways.request : this.ways.response
    if (type !== streamType.request && type !== streamType.response) return status.unimplemented
    this.#options.vm.afterCall(() => way.resume())
    return status.ok
  }

  closeStream(type: StreamType): Status {
    if (type !== streamType.request && type !== streamType.response) return status.unimplemented
    if (this.#life.isEnding) return status.badArgument
    const error = new ProxyError('PLUGIN_THREW', `plugin ${this.root.spec.name} closed the stream`)
    this.#options.vm.afterCall(() => this.#interrupt({ answer: null, error }))
    return status.ok
  }

  sendLocalResponse(answer: LocalResponse): Status {
    const isGone = this.#headers.response !== null && !this.#isHeadOpen('response')
    if (this.#hasAnswered && !this.#life.isEnding) return status.ok
    if (isGone || this.#life.isEnding || !canAnswer(answer)) return status.badArgument
    this.#hasAnswered = true
    this.#options.properties.details = answer.details
    this.#options.vm.afterCall(() => this.#interrupt({ answer, error: null }))
    return status.ok
  }

  /** Routes are chosen behind the plugin, or were before it: there is nothing to forget. */
  clearRouteCache(): void {}

  #isHeadOpen(name: WayName): boolean {
    return (this.#inHead[name] || this.ways[name].holdsHead) && !this.ways[name].isOver
  }

  #holding(type: BufferType): Way | null {
    const { request, response } = this.ways
    if (type === bufferType.requestBody) return request.holdsData ? request : null
    return type === bufferType.responseBody && response.holdsData ? response : null
  }

  #interrupt(interruption: Interruption): void {
    const { request, response } = this.ways
    if (this.interruption?.error || this.#life.isEnding) return
    this.interruption = interruption
    request.stop()
    if (interruption.error || this.#headers.response) response.stop()
    this.#options.onInterruption()
  }

  #guest(name: WayName) {
    return {
      head: (isEnd: boolean) =>
        this.#life.call(`proxy_on_${name}_headers`, this.#headers[name]?.size ?? 0, isEnd ? 1 : 0),
      data: (size: number, isEnd: boolean) => this.#life.call(`proxy_on_${name}_body`, size, isEnd ? 1 : 0),
      trailers: () => this.#life.call(`proxy_on_${name}_trailers`, this.ways[name].trailers?.size ?? 0),
    }
  }
}

const trailersOf = ({ trailers }: Way): HeaderMap | null => trailers && new FieldMap(trailers, noLineFields)

/** Trailers that can be changed, or made where there are none. */
function newTrailers(way: Way): HeaderMap | null {
  if (!way.holdsTrailers) return null
  way.trailers ??= new HeaderList()
  return new FieldMap(way.trailers, noLineFields)
}
