import { Headers } from './headers.ts'
import type { Host } from './host.ts'
import type { Promises } from './promises.ts'
import { bodyOf } from './text.ts'

/** What all messages of an instance use; made once. */
export interface MessageTools {
  readonly host: Host
  readonly promises: Promises
}

let tools: MessageTools

/** Sets what messages use; called once, while the guest boots. */
export function connectMessages(given: MessageTools): void {
  tools = given
}

/** What requests and responses have in common. One is made for each callback, so it has few fields. */
export class Message {
  readonly #exchange: number
  readonly #way: 0 | 1
  #headers: Headers | undefined

  constructor(exchange: number, way: 0 | 1) {
    this.#exchange = exchange
    this.#way = way
  }

  get headers(): Headers {
    this.#headers ??= new Headers(tools.host, this.#exchange, this.#way)
    return this.#headers
  }

  /** The whole body, at most as large as the plugin may hold. May be asked for again. */
  async bytes(): Promise<Uint8Array> {
    const [exchange, way] = [this.#exchange, this.#way]
    const bytes = await tools.promises.make((promise) => tools.host.readBody(exchange, way, promise))
    return new Uint8Array(bytes as ArrayBuffer)
  }

  /** The whole body as text. */
  async text(): Promise<string> {
    return tools.promises.decode(await this.bytes())
  }

  /** The whole body, parsed. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /** Puts a body in place of the one there is: text, bytes, an object to be sent as JSON, or null for none. */
  set body(given: unknown) {
    tools.host.replaceBody(this.#exchange, this.#way, bodyOf(given))
  }

  protected part(index: number): string {
    return tools.host.part(this.#exchange, this.#way, index)
  }

  protected setPart(index: number, value: string): void {
    tools.host.setPart(this.#exchange, this.#way, index, value)
  }
}

/** A request, as `onRequest` gets it. */
export class Request extends Message {
  get method(): string {
    return this.part(0)
  }
  set method(value: string) {
    this.setPart(0, String(value))
  }
  /** Path and query. */
  get path(): string {
    return this.part(1)
  }
  set path(value: string) {
    this.setPart(1, String(value))
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
    this.setPart(0, String(Number(value)))
  }
  get reason(): string {
    return this.part(1)
  }
  set reason(value: string) {
    this.setPart(1, String(value))
  }
}
