/**
 * What a JavaScript or TypeScript plugin is: `import type { Plugin } from 'pillion/plugin'`,
 * and `export default { … } satisfies Plugin`.
 */
export interface Plugin {
  /**
   * Called with the head of each request. An answer that it returns is sent in
   * place of the upstream's; otherwise the request goes on as it is now.
   */
  onRequest?(request: Request, cx: Context): Answer | undefined | Promise<Answer | undefined>
  /** Called with the head of each response, but for upgraded connections. An answer takes its place. */
  onResponse?(response: Response, cx: Context): Answer | undefined | Promise<Answer | undefined>
  /**
   * TCP: called with each piece, either way. What it returns goes on in its
   * place: bytes, text, or null for nothing. Returns nothing: the piece as it is.
   */
  onData?(piece: Piece, cx: Context): Uint8Array | ArrayBuffer | string | null | undefined
}

/** Text, bytes, an object that is sent as JSON, or null for none. */
export type Content = string | Uint8Array | ArrayBuffer | object | null

/** An answer of the plugin's own. */
export interface Answer {
  /** 200 when not given. */
  readonly status?: number
  readonly reason?: string
  readonly headers?: HeadersInit
  readonly body?: Content
}

export type HeadersInit =
  | Headers
  | Readonly<Record<string, string | number | readonly string[] | null | undefined>>
  | readonly (readonly [name: string, value: string])[]

/** The fields of one head, in the order of the wire. Names are compared without regard to case. What frames the body cannot be changed. */
export interface Headers extends Iterable<[name: string, value: string]> {
  /** Several values are joined by a comma. */
  get(name: string): string | null
  getAll(name: string): string[]
  has(name: string): boolean
  /** Throws a `TypeError` for what a header cannot carry. */
  set(name: string, value: string | number): void
  append(name: string, value: string | number): void
  delete(name: string): void
}

interface Message {
  readonly headers: Headers
  /** The whole body, as often as it is asked for. Rejects when it is larger than the plugin may hold (`limits.bufferKiB`). */
  bytes(): Promise<Uint8Array>
  text(): Promise<string>
  json(): Promise<unknown>
  /** Puts a body in place of the one there is. */
  set body(content: Content)
}

export interface Request extends Message {
  method: string
  /** Path and query. */
  path: string
  readonly version: '1.0' | '1.1' | '2'
}

export interface Response extends Message {
  status: number
  reason: string
}

/** A piece of a TCP connection. */
export interface Piece {
  /** Who sent it: the client is downstream. */
  readonly from: 'upstream' | 'downstream'
  readonly bytes: Uint8Array
}

/** Everything about one exchange that a plugin may know or do. */
export interface Context {
  /** Kept from one callback of the exchange to the next. */
  readonly state: Record<string, unknown>
  readonly variables: Variables
  /** The plugin's config for the service of this exchange, or null; the same object as long as it is the same config. */
  readonly config: unknown
  readonly log: Readonly<Record<'debug' | 'info' | 'warn' | 'error', (...parts: unknown[]) => void>>
  /** Values shared with the plugin's instances in other workers; needs the grant `shared`. */
  readonly kv: Store
  /** A counter of that name, served as a metric with the label `plugin`. */
  counter(name: string, labels?: Labels): { add(amount?: number): void }
  gauge(name: string, labels?: Labels): { add(amount?: number): void; set(value: number): void }
  /** `buckets`: upper bounds, ascending. */
  histogram(name: string, labels?: Labels, buckets?: readonly number[]): { observe(value: number): void }
  /**
   * Asks another service over http, as far as `connect` is granted. Rejects when there is no answer in time. Goes
   * on when the client leaves, so that a promise can be kept for later exchanges: `keys ??= cx.fetch(…)`.
   */
  fetch(url: string, options?: FetchOptions): Promise<FetchedResponse>
  /** TCP: sends bytes or text of the plugin's own. More than `limits.bufferKiB` for a peer that does not read fails the connection. */
  send(to: 'upstream' | 'downstream', bytes: Uint8Array | ArrayBuffer | string): void
  /** TCP: ends the connection both ways. */
  close(): void
}

export type Labels = Readonly<Record<string, string | number>>

export interface Variables {
  readonly direction: 'inbound' | 'outbound'
  readonly protocol?: 'http' | 'tcp'
  readonly isHttp2: boolean
  readonly isIngress: boolean
  readonly isEgress: boolean
  readonly port?: { readonly name: string; readonly port: number | null; readonly protocol: string }
  readonly service?: { readonly name: string }
  readonly route?: { readonly name: string }
  /** Can be set to the name of a cluster of this direction, before load balancing. */
  get cluster():
    | {
        readonly name: string
        readonly endpoints: readonly { readonly address: string; readonly weight: number }[]
      }
    | undefined
  set cluster(name: string)
  /** The endpoint chosen, as `host:port`; there after load balancing. */
  readonly target?: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}

/** Values are whatever JSON can say; `ttl` is in milliseconds, 0 for as long as there is room. */
export interface Store {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown, ttl?: number): Promise<void>
  /** Whether there was one. */
  delete(key: string): Promise<boolean>
  /** Writes if the value is still `expected` (undefined: none); gives whether it was. */
  compareAndSet(key: string, expected: unknown, value: unknown, ttl?: number): Promise<boolean>
}

export interface FetchOptions {
  readonly method?: string
  readonly headers?: HeadersInit
  readonly body?: Content
  /** In milliseconds; 5,000 when not given. */
  readonly timeout?: number
}

export interface FetchedResponse {
  readonly status: number
  readonly headers: Headers
  bytes(): Promise<Uint8Array>
  text(): Promise<string>
  json(): Promise<unknown>
}
