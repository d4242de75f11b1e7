import { installGlobals } from './globals.ts'
import { FetchedHeaders, headersText } from './headers.ts'
import type { Host } from './host.ts'
import { metricMakers } from './metrics.ts'
import type { Promises } from './promises.ts'
import { bodyOf } from './text.ts'

interface FetchOptions {
  readonly method?: string
  readonly headers?: unknown
  readonly body?: unknown
  /** In milliseconds. */
  readonly timeout?: number
}

const configs = new Map<number, unknown>()

interface ContextTools {
  readonly host: Host
  readonly promises: Promises
  readonly shared: SharedParts
}

type Store = ReturnType<typeof storeOf>

let tools: ContextTools

/** Sets what contexts use; called once, while the guest boots. */
export function connectContexts(host: Host, promises: Promises): void {
  const shared = sharedParts(host)
  tools = { host, promises, shared }
  installGlobals(shared.log, (bytes) => host.decode(bytes))
}

/**
 * What a plugin is given beside the message: everything about one exchange that it may know or do. One
 * is made for each exchange, so that what few need is made when it is asked for.
 */
export class PluginContext {
  readonly #exchange: number
  #state: Record<string, unknown> | undefined
  #variables: Record<string, unknown> | undefined
  #kv: Store | undefined

  constructor(exchange: number) {
    this.#exchange = exchange
  }

  /** Keeps what a plugin wants to remember from one callback of the exchange to the next. */
  get state(): Record<string, unknown> {
    this.#state ??= {}
    return this.#state
  }

  get variables(): Record<string, unknown> {
    this.#variables ??= variablesOf(this.#exchange, tools.host)
    return this.#variables
  }

  get log(): SharedParts['log'] {
    return tools.shared.log
  }

  get kv(): Store {
    this.#kv ??= storeOf(this.#exchange, tools)
    return this.#kv
  }

  get counter(): SharedParts['metrics']['counter'] {
    return tools.shared.metrics.counter
  }

  get gauge(): SharedParts['metrics']['gauge'] {
    return tools.shared.metrics.gauge
  }

  get histogram(): SharedParts['metrics']['histogram'] {
    return tools.shared.metrics.histogram
  }

  /** The plugin's config for the service of this exchange; the same object as long as the config is the same. Null without one. */
  get config(): unknown {
    const id = tools.host.configId(this.#exchange)
    if (id === 0) return null
    if (!configs.has(id)) {
      if (configs.size >= 1_000) configs.clear()
      configs.set(id, JSON.parse(tools.host.configText(id)))
    }
    return configs.get(id)
  }

  /** Asks another service; it must be granted. Rejects when there is no answer in time. */
  async fetch(url: string, options: FetchOptions = {}): Promise<FetchedResponse> {
    const { method = 'GET', headers, body, timeout = 0 } = options
    const head = [String(method), String(url), String(Number(timeout) || 0)]
    const fields = headersText(headers)
    const text = fields === '' ? head.join('\n') : `${head.join('\n')}\n${fields}`
    const answer = (await tools.promises.make((promise) =>
      tools.host.fetch(this.#exchange, promise, text, bodyOf(body)),
    )) as { readonly head: string; readonly body: ArrayBuffer }
    return new FetchedResponse(answer)
  }

  /** TCP: sends bytes or text to the application's side (`upstream`) or the client's (`downstream`). */
  send(to: 'upstream' | 'downstream', bytes: unknown): void {
    tools.host.send(this.#exchange, to === 'downstream' ? 1 : 0, bodyOf(bytes))
  }

  /** TCP: ends the connection both ways. */
  close(): void {
    tools.host.closeConnection(this.#exchange)
  }
}

/** An answer to `cx.fetch`. */
export class FetchedResponse {
  readonly status: number
  readonly headers: FetchedHeaders
  readonly #body: ArrayBuffer

  constructor({ head, body }: { readonly head: string; readonly body: ArrayBuffer }) {
    const end = head.indexOf('\n')
    this.status = Number(end < 0 ? head : head.slice(0, end))
    this.headers = new FetchedHeaders(end < 0 ? '' : head.slice(end + 1))
    this.#body = body
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(this.#body.slice(0))
  }

  async text(): Promise<string> {
    return tools.promises.decode(new Uint8Array(this.#body))
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
}

/** What is the same for all exchanges of a plugin. */
export interface SharedParts {
  readonly log: Readonly<Record<'debug' | 'info' | 'warn' | 'error', (...parts: unknown[]) => void>>
  readonly metrics: ReturnType<typeof metricMakers>
}

function sharedParts(host: Host): SharedParts {
  const level =
    (name: string) =>
    (...parts: unknown[]) =>
      host.log(name, parts.map(shown).join(' '))
  const log = Object.freeze({
    debug: level('debug'),
    info: level('info'),
    warn: level('warn'),
    error: level('error'),
  })
  return { log, metrics: metricMakers(host) }
}

function shown(part: unknown): string {
  if (typeof part === 'string') return part
  if (part instanceof Error) return `${part.name}: ${part.message}`
  return JSON.stringify(part) ?? String(part)
}

/** `cx.variables`: what the chain has learnt, read each time; `cluster` can be written, the host refuses the others. */
function variablesOf(exchange: number, host: Host): Record<string, unknown> {
  return new Proxy(Object.create(null) as Record<string, unknown>, {
    get: (_target, name) => {
      if (typeof name !== 'string') return undefined
      const text = host.variable(exchange, name)
      return text === undefined ? undefined : JSON.parse(text)
    },
    set: (_target, name, value) => {
      host.setVariable(exchange, String(name), JSON.stringify(value) ?? 'null')
      return true
    },
    has: (_target, name) => typeof name === 'string' && host.variable(exchange, name) !== undefined,
  })
}

/** `cx.kv`: values shared with the instances of this plugin in other workers. */
function storeOf(exchange: number, { host, promises }: ContextTools) {
  const ask = async (operation: string, key: string, value: unknown, expected: unknown, ttl: number) => {
    const written = JSON.stringify(value) ?? ''
    const known = JSON.stringify(expected) ?? ''
    const answer = await promises.make((promise) =>
      host.store(exchange, promise, operation, String(key), written, known, Number(ttl) || 0),
    )
    return answer === undefined || answer === '' ? undefined : JSON.parse(String(answer))
  }
  return Object.freeze({
    /** The value under a key, or undefined. */
    get: (key: string) => ask('get', key, undefined, undefined, 0),
    /** `ttl` in milliseconds; without one it stays until it is pushed out. */
    set: (key: string, value: unknown, ttl = 0) => ask('set', key, value, undefined, ttl),
    delete: (key: string) => ask('delete', key, undefined, undefined, 0),
    /** Writes if the value is still `expected` (undefined: not there); gives whether it was. */
    compareAndSet: (key: string, expected: unknown, value: unknown, ttl = 0) =>
      ask('compareAndSet', key, value, expected, ttl),
  })
}
