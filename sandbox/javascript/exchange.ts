import { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import type { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../chains/http.ts'
import type { PluginError } from '../plugin/contract.ts'
import type { GuestValue } from '../quickjs/contract.ts'

/** Which message of an exchange is meant, as the guest numbers them. */
export const ways = { request: 0, response: 1 } as const

/** What a promise of a callback was rejected with. */
export interface Rejection {
  readonly message: string
  readonly stack: string
}

/** Told how a callback that gave a promise ended: well (null), by a rejection, or with the instance. */
export type Finish = (how: Rejection | PluginError | null) => void

/** What a callback asked to be done with the exchange once the call is over. */
export type Change = () => void

/** A body on its way to whoever of the plugin asked for it, once or more often. */
export interface Collecting {
  /** What it will be put back into; null when the plugin has put another body in its place. */
  message: HttpRequest | HttpResponse | null
  readonly bytes: Promise<Uint8Array>
  /** Nobody wants it any more: it rejects, and the rest is cancelled. */
  giveUp(reason: ProxyError): void
}

/** One exchange of a JavaScript plugin: what its guest number stands for. */
export class ScriptExchange {
  readonly id: number
  readonly cx: Context
  request: HttpRequest | null = null
  response: HttpResponse | null = null
  /** The answer that the plugin gave in place of what there was; taken by the filter. */
  answer: HttpResponse | null = null
  /** Who waits for a callback that gave a promise. */
  finish: Finish | null = null
  /** How such a callback ended before anybody waited for it. */
  ended: { readonly rejection: Rejection | null } | null = null
  /** What the call that runs makes of request and response. */
  readonly drafts: [Draft | null, Draft | null] = [null, null]
  /** Promises of the guest that the host is to settle. */
  waits = 0
  /** When it ended, on the clock of the worker; null while it goes on. */
  endedAt: number | null = null
  #collecting: Set<Collecting> | null = null
  #reads: Set<Promise<void>> | null = null
  #callouts: Set<Context> | null = null
  /** TCP: where `cx.send` and `cx.close` go. */
  connection: ScriptConnection | null = null

  constructor(id: number, cx: Context) {
    this.id = id
    this.cx = cx
  }

  /** Bodies that are being collected for the plugin. */
  get collecting(): Set<Collecting> {
    this.#collecting ??= new Set()
    return this.#collecting
  }

  /** What the plugin reads of bodies, until it has it; the exchange does not go on before. They never reject. */
  get reads(): Set<Promise<void>> {
    this.#reads ??= new Set()
    return this.#reads
  }

  get isReading(): boolean {
    return this.#reads !== null && this.#reads.size > 0
  }

  /** Call-outs that it began and that go on; aborting one gives it up. */
  get callouts(): Set<Context> {
    this.#callouts ??= new Set()
    return this.#callouts
  }

  get hasCallouts(): boolean {
    return this.#callouts !== null && this.#callouts.size > 0
  }

  /** Nobody wants the bodies any more that are being collected. */
  giveUpReading(reason: ProxyError): void {
    if (this.#collecting) for (const collecting of [...this.#collecting]) collecting.giveUp(reason)
  }

  /** The plugin failed: tells who waits for it, if anybody does. */
  fail(error: PluginError): void {
    const { finish, connection } = this
    this.finish = null
    connection?.fail(error)
    finish?.(error)
  }

  /** The message of that way. Throws a `RangeError` when there is none (yet). */
  message(way: number): HttpRequest | HttpResponse {
    const message = way === ways.request ? this.request : this.response
    if (!message) throw new RangeError('there is no such message in this exchange')
    return message
  }
}

/** What a plugin can do to a TCP connection outside of its own turn. */
export interface ScriptConnection {
  send(way: number, bytes: Uint8Array): void
  close(): void
  /** The plugin failed: what its policy says is to be done. */
  fail(error: PluginError): void
}

/** A part of the first line of a message: 0 method or status, 1 path or reason, 2 version. */
export function partOf(message: HttpRequest | HttpResponse, index: number): string {
  if ('method' in message) return [message.method, message.path, message.version][index] ?? ''
  return index === 0 ? String(message.status) : message.reason
}

/** Puts a part of the first line in place. Throws a `TypeError` for what HTTP cannot carry. */
export function setPart(message: HttpRequest | HttpResponse, index: number, value: string): void {
  if ('method' in message) {
    if (index === 0) message.method = checkedBy(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'method', value)
    else message.path = checkedBy(/^[\x21-\x7e]+$/, 'path', value)
  } else if (index === 0) {
    const status = Number(value)
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new TypeError(`${JSON.stringify(value)} is no status; it is a number from 200 to 599`)
    }
    message.status = status
    message.reason = ''
  } else message.reason = checkedBy(/^[\t\x20-\x7e]*$/, 'reason', value)
}

/**
 * What a plugin makes of a head in one call into it. Its own reads see it at
 * once; the exchange does when the call has ended well.
 */
export class Draft {
  readonly message: HttpRequest | HttpResponse
  /** A copy of the message without its body. */
  readonly line: HttpRequest | HttpResponse
  headers: HeaderList

  constructor(message: HttpRequest | HttpResponse) {
    this.message = message
    this.line = { ...message }
    this.headers = message.headers.clone()
  }

  /** Puts it in place. */
  commit(): void {
    const { message, line } = this
    message.headers = this.headers
    if ('method' in message && 'method' in line) {
      message.method = line.method
      message.path = line.path
    } else if ('status' in message && 'status' in line) {
      message.status = line.status
      message.reason = line.reason
    }
  }
}

/** What frames a message, or concerns one hop: the codec's business, which a plugin cannot change. */
export function isFraming(name: string): boolean {
  return /^(?:content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|proxy-connection)$/i.test(
    name,
  )
}

/** A body out of what came across the wall; null is none. */
export function bodyFrom(value: GuestValue): Body | null {
  if (typeof value === 'string') return value === '' ? null : Body.of(Buffer.from(value, 'utf8'))
  return value instanceof Uint8Array && value.length > 0 ? Body.of(value) : null
}

/** An answer out of its lines: status, reason, then names and values. Throws a `TypeError` for what HTTP cannot carry. */
export function answerFrom(head: string, body: GuestValue): HttpResponse {
  const [status = '200', reason = '', ...fields] = head.split('\n')
  const headers = new HeaderList()
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] as string
    if (!isFraming(name)) headers.append(name, fields[at + 1] as string)
  }
  const response = localResponse(Number(status), headers, bodyFrom(body))
  response.reason = checkedBy(/^[\t\x20-\x7e]*$/, 'reason', reason)
  return response
}

function checkedBy(pattern: RegExp, field: string, value: string): string {
  if (!pattern.test(value))
    throw new TypeError(`${JSON.stringify(value)} cannot be the ${field} of a message`)
  return value
}
