import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../../chains/http.ts'
import { isAll, tokenChars } from '../../../chains/syntax.ts'
import { bodyOf, type Collected, withTrailers } from './bodies.ts'
import { GuestFault } from './guest-memory.ts'
import { BodyDraft, Fields, noFields } from './message.ts'

/** What a guest can turn on, as bits (`enable_features`). */
export const features = { bufferRequest: 1, bufferResponse: 2, trailers: 4 } as const
/** All of {@link features}. */
export const allFeatures = 7

const nothing = new Uint8Array()
const mostMethod = 64
/** Visible ASCII without `#`, in origin form: an absolute one would name a second host. */
const originForm = /^\/[!"$-~]*$/
const mostUri = 16_384

/**
 * One exchange in a guest: what the guest sees of its messages, and what it makes of them. The messages themselves
 * are changed by {@link passOn}, {@link ownAnswer} and {@link finishResponse}, once a call has ended well.
 */
export class HttpWasmExchange {
  readonly cx: Context
  readonly request: HttpRequest
  features: number
  /** Whether the request has gone on: it cannot be changed any more. */
  isAfterNext = false
  method: string
  path: string
  readonly requestFields: Fields
  readonly requestTrailers: Fields
  readonly requestBody: BodyDraft
  /** The status that the guest sees, and has set if it `hasStatus`. */
  status = 200
  hasStatus = false
  responseFields: Fields = noFields('response')
  responseTrailers: Fields = noFields('trailer')
  responseBody: BodyDraft
  readonly #mostBytes: number
  readonly #collected: Collected | null
  #response: HttpResponse | null = null
  #responseBytes: Collected | null = null

  /** `collected` is what the request's body holds, if the guest may see it. */
  constructor(
    cx: Context,
    request: HttpRequest,
    collected: Collected | null,
    enabled: number,
    mostBytes: number,
  ) {
    this.cx = cx
    this.request = request
    this.features = enabled
    this.#mostBytes = mostBytes
    this.#collected = collected
    this.method = request.method
    this.path = request.path
    this.requestFields = new Fields(request.headers, 'request')
    this.requestTrailers = collected ? new Fields(collected.trailers, 'trailer') : noFields('trailer')
    this.requestBody = new BodyDraft(collected?.bytes ?? nothing, mostBytes)
    this.responseBody = new BodyDraft(nothing, mostBytes)
  }

  setMethod(method: string): void {
    if (method === '' || method.length > mostMethod || !isAll(method, tokenChars)) {
      throw new GuestFault(`${JSON.stringify(method)} cannot be a method`)
    }
    if (method !== this.method && (method === 'CONNECT' || this.method === 'CONNECT')) {
      throw new GuestFault(`${this.method} cannot become ${method}: a CONNECT is no request for a path`)
    }
    this.method = method
  }

  /** Path and query; empty is `/`. */
  setUri(uri: string): void {
    if (this.method === 'CONNECT') throw new GuestFault('a CONNECT has no path that could be set')
    const isAsterisk = uri === '*' && this.method === 'OPTIONS'
    if (uri !== '' && !isAsterisk && (uri.length > mostUri || !originForm.test(uri))) {
      throw new GuestFault(
        `${JSON.stringify(uri.slice(0, 200))} cannot be a URI; it is a path that begins with a slash, and a query`,
      )
    }
    this.path = uri === '' ? '/' : uri
  }

  setStatus(status: number): void {
    if (status < 200 || status > 599) {
      throw new GuestFault(`${status} is no status; it is a number from 200 to 599`)
    }
    if (this.#response?.tunnel)
      throw new GuestFault('the status of a connection that was switched cannot change')
    this.status = status
    this.hasStatus = true
  }

  writeRequest(bytes: Uint8Array): void {
    if (this.request.upgrade !== null || this.method === 'CONNECT') {
      throw new GuestFault('a request that switches protocols cannot have a body')
    }
    this.requestBody.write(bytes)
  }

  writeResponse(bytes: Uint8Array): void {
    if (this.#response?.tunnel) throw new GuestFault('a connection that was switched has no body')
    this.responseBody.write(bytes)
  }

  /** Fails if what the guest made of the request as a whole could be read in two ways. */
  checkRequest(): void {
    if (this.path === '*' && this.method !== 'OPTIONS') {
      throw new GuestFault(`${this.method} cannot ask for *: only OPTIONS can`)
    }
  }

  /** Puts what the guest made of the request in place. */
  passOn(): void {
    this.isAfterNext = true
    const { request } = this
    request.method = this.method
    request.path = this.path
    request.headers = this.requestFields.list
    const written = this.requestBody.written
    const trailers = this.requestTrailers
    if (written || (this.#collected && trailers.isChanged)) {
      request.body?.cancel(replaced())
      request.body = bodyOf(written ?? this.#collected?.bytes ?? nothing, trailers.list)
    } else if (trailers.isChanged && request.body) request.body = withTrailers(request.body, trailers.list)
    // the client has been told to go on, or need not be
    if (written || this.#collected) request.expectsContinue = false
  }

  /** The answer that the guest gave in place of the upstream's. */
  ownAnswer(): HttpResponse {
    const bytes = hasBody(this.status) ? (this.responseBody.written ?? nothing) : nothing
    const trailers = bytes.length > 0 ? this.responseTrailers.list : noFields('trailer').list
    return localResponse(this.status, this.responseFields.list, bodyOf(bytes, trailers))
  }

  /** Shows the guest an answer. What it set before `next` stands beside the upstream's fields. */
  receive(response: HttpResponse, collected: Collected | null): void {
    for (const [name, value] of this.responseFields.list) response.headers.append(name, value)
    const trailersBefore = this.responseTrailers
    this.#response = response
    this.#responseBytes = collected
    this.status = response.status
    this.hasStatus = false
    this.responseFields = new Fields(response.headers, 'response')
    this.responseTrailers = collected ? new Fields(collected.trailers, 'trailer') : noFields('trailer')
    for (const [name, value] of trailersBefore.list) this.responseTrailers.add(name, value)
    this.responseBody = new BodyDraft(collected?.bytes ?? nothing, this.#mostBytes)
  }

  /** Shows the guest that there is no answer. It may give one of its own. */
  receiveError(error: ProxyError): void {
    this.status = error.traits.status
    this.hasStatus = false
    this.responseFields = noFields('response')
    this.responseTrailers = noFields('trailer')
    this.responseBody = new BodyDraft(nothing, this.#mostBytes)
  }

  /** Whether the guest has given an answer since {@link receiveError}. */
  get hasAnswer(): boolean {
    return this.hasStatus || this.responseBody.written !== null
  }

  /** Puts what the guest made of the answer in place. */
  finishResponse(response: HttpResponse): HttpResponse {
    response.headers = this.responseFields.list
    if (this.hasStatus && this.status !== response.status) {
      response.status = this.status
      response.reason = ''
    }
    const written = this.responseBody.written
    const trailers = this.responseTrailers
    if (written || (this.#responseBytes && trailers.isChanged)) {
      response.body?.cancel(replaced())
      response.body = bodyOf(written ?? this.#responseBytes?.bytes ?? nothing, trailers.list)
      if (written) response.declaredLength = null
    } else if (trailers.isChanged && response.body) {
      response.body = withTrailers(response.body, trailers.list)
    }
    if (this.request.method === 'HEAD' || !hasBody(response.status)) {
      response.body?.cancel(replaced())
      response.body = null
    }
    return response
  }
}

const hasBody = (status: number): boolean => status !== 204 && status !== 304
const replaced = (): ProxyError => new ProxyError('CLIENT_GONE', 'a plugin put another body in its place')
