import { Headers } from './headers.ts'
import type { Host } from './host.ts'
import type { Promises } from './promises.ts'
import { bodyOf } from './text.ts'

/** What the guest keeps of one exchange. */
export interface Exchange {
  readonly id: number
  /** Messages with edits that the host has not been told of. */
  readonly changed: Set<Message>
}

/** What requests and responses have in common. */
export class Message {
  readonly headers: Headers
  readonly #exchange: Exchange
  readonly #way: 0 | 1
  readonly #host: Host
  readonly #promises: Promises
  #line: string[] | null = null
  #bytes: Promise<ArrayBuffer> | null = null

  constructor(exchange: Exchange, way: 0 | 1, host: Host, promises: Promises) {
    this.#exchange = exchange
    this.#way = way
    this.#host = host
    this.#promises = promises
    this.headers = new Headers(
      () => host.headers(exchange.id, way),
      () => exchange.changed.add(this),
    )
  }

  /** The whole body, at most as large as the plugin may hold. May be asked for again. */
  async bytes(): Promise<Uint8Array> {
    this.#bytes ??= this.#promises.make((promise) =>
      this.#host.readBody(this.#exchange.id, this.#way, promise),
    ) as Promise<ArrayBuffer>
    return new Uint8Array((await this.#bytes).slice(0))
  }

  /** The whole body as text. */
  async text(): Promise<string> {
    return this.#promises.decode(await this.bytes())
  }

  /** The whole body, parsed. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /** Puts a body in place of the one there is: text, bytes, an object to be sent as JSON, or null for none. */
  set body(given: unknown) {
    const body = bodyOf(given)
    this.#host.replaceBody(this.#exchange.id, this.#way, body)
    this.#bytes = null
  }

  /** For the dispatcher: tells the host what was done to the headers. */
  flush(): void {
    const edits = this.headers.takeEdits()
    if (edits !== '') this.#host.editHeaders(this.#exchange.id, this.#way, edits)
  }

  protected part(index: number): string {
    this.#line ??= this.#host.line(this.#exchange.id, this.#way).split('\n')
    return this.#line[index] ?? ''
  }

  protected setPart(index: number, field: string, value: string): void {
    this.part(index)
    this.#host.editLine(this.#exchange.id, this.#way, field, value)
    ;(this.#line as string[])[index] = value
  }
}

/** A request, as `onRequest` gets it. */
export class Request extends Message {
  get method(): string {
    return this.part(0)
  }
  set method(value: string) {
    this.setPart(0, 'method', String(value))
  }
  /** Path and query. */
  get path(): string {
    return this.part(1)
  }
  set path(value: string) {
    this.setPart(1, 'path', String(value))
  }
  /** `1.0`, `1.1` or `2`. */
  get version(): string {
    return this.part(2)
  }
}

/** A response, as `onResponse` gets it. */
export class Response extends Message {
  get status(): number {
    return Number(this.part(0))
  }
  set status(value: number) {
    this.setPart(0, 'status', String(Number(value)))
  }
  get reason(): string {
    return this.part(1)
  }
  set reason(value: string) {
    this.setPart(1, 'reason', String(value))
  }
}
