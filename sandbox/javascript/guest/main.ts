import { connectContexts, PluginContext } from './context.ts'
import { headersText } from './headers.ts'
import type { Host } from './host.ts'
import { connectMessages, Request, Response } from './messages.ts'
import { Promises } from './promises.ts'
import { bodyOf } from './text.ts'

type Callback = (subject: unknown, cx: PluginContext) => unknown

/** What a callback came to, as a number: it is done, it has answered, or a promise will tell. */
const done = 0
const answered = 1
const pending = 2

/** Which callbacks a plugin has, as bits. */
const has = { onRequest: 1, onResponse: 2, onData: 4 } as const

type CallbackName = keyof typeof has
const names = Object.keys(has) as CallbackName[]

/** Runs the callbacks of the one plugin of this instance. */
class Dispatcher {
  readonly promises: Promises
  readonly #host: Host
  readonly #contexts = new Map<number, PluginContext>()
  #plugin: Partial<Record<CallbackName, Callback>> = {}

  constructor(host: Host) {
    this.#host = host
    this.promises = new Promises((bytes) => host.decode(bytes))
    connectContexts(host, this.promises)
    connectMessages({ host, promises: this.promises })
  }

  /** Takes the plugin's module. */
  receive({ default: given }: { readonly default?: unknown }): void {
    if (typeof given !== 'object' || given === null) {
      throw new TypeError('a plugin has a default export: an object with onRequest, onResponse or onData')
    }
    this.#plugin = given
    for (const name of names) {
      const callback = this.#plugin[name]
      if (callback !== undefined && typeof callback !== 'function') {
        throw new TypeError(`${name} must be a function`)
      }
    }
    if (this.callbacks() === 0) {
      const found = Object.keys(given)
      const has = found.length === 0 ? '' : `; it has ${found.slice(0, 10).join(', ').slice(0, 200)}`
      throw new TypeError(`the default export has none of onRequest, onResponse and onData${has}`)
    }
  }

  /** Which callbacks there are, as bits. */
  callbacks(): number {
    return names.reduce((bits, name) => bits | (this.#plugin[name] ? has[name] : 0), 0)
  }

  run(name: 'onRequest' | 'onResponse', id: number): number {
    const isRequest = name === 'onRequest'
    const subject = isRequest ? new Request(id, 0) : new Response(id, 1)
    const result = (this.#plugin[name] as Callback)(subject, this.#context(id))
    if (result === undefined || result === null) return done
    const way = isRequest ? 0 : 1
    if (!(result instanceof Promise)) return this.#conclude(id, way, result)
    const ended = result.then((value) => {
      this.#conclude(id, way, value)
      this.#host.finished(id, '', '')
    })
    ended.then(undefined, (error) => this.#host.finished(id, ...failure(error)))
    return pending
  }

  /** Bytes of a TCP connection: gives what goes on in their place. */
  data(id: number, way: number, bytes: ArrayBuffer): string | ArrayBuffer | undefined {
    const piece = { from: way === 0 ? 'downstream' : 'upstream', bytes: new Uint8Array(bytes) }
    const result = (this.#plugin.onData as Callback)(piece, this.#context(id))
    return result === undefined ? bytes : bodyOf(result)
  }

  close(id: number): void {
    this.#contexts.delete(id)
  }

  #context(id: number): PluginContext {
    let cx = this.#contexts.get(id)
    if (cx === undefined) {
      cx = new PluginContext(id)
      this.#contexts.set(id, cx)
    }
    return cx
  }

  #conclude(id: number, way: number, result: unknown): number {
    if (result === undefined || result === null) return done
    if (typeof result !== 'object') {
      throw new TypeError(
        `a callback gives an answer { status, headers, body } or nothing, not a ${typeof result}`,
      )
    }
    answer(this.#host, id, way, result as Record<string, unknown>)
    return answered
  }
}

/** Called once by the host; what it returns are the entries. */
export function boot(host: Host) {
  const dispatcher = new Dispatcher(host)
  const { promises } = dispatcher
  return {
    received: (namespace: { readonly default?: unknown }): void => dispatcher.receive(namespace),
    callbacks: (): number => dispatcher.callbacks(),
    request: (id: number): number => dispatcher.run('onRequest', id),
    response: (id: number): number => dispatcher.run('onResponse', id),
    data: (id: number, way: number, bytes: ArrayBuffer) => dispatcher.data(id, way, bytes),
    settle: (promise: number, error: string, value: unknown): void => promises.settle(promise, error, value),
    settleFetch: (promise: number, head: string, body: ArrayBuffer): void =>
      promises.settle(promise, '', { head, body }),
    close: (id: number): void => dispatcher.close(id),
  }
}

/** What an answer is made of. */
const answerKeys: readonly string[] = ['status', 'reason', 'headers', 'body']

function answer(host: Host, exchange: number, way: number, given: Record<string, unknown>): void {
  const unknown = Object.keys(given).find((key) => !answerKeys.includes(key))
  if (unknown !== undefined) {
    throw new TypeError(
      `an answer has ${answerKeys.join(', ')}, and no ${JSON.stringify(unknown.slice(0, 64))}`,
    )
  }
  const status = given.status === undefined ? 200 : Number(given.status)
  const least = way === 0 ? 200 : 100
  if (!Number.isInteger(status) || status < least || status > 599) {
    throw new RangeError(
      `the status of an answer is a number from ${least} to 599, not ${String(given.status)}`,
    )
  }
  const fields = headersText(given.headers)
  const isJson = typeof given.body === 'object' && given.body !== null && !isBytes(given.body)
  const typed = isJson && !/(^|\n)content-type\n/i.test(`\n${fields}`)
  const all = typed ? `content-type\napplication/json${fields === '' ? '' : `\n${fields}`}` : fields
  const line = `${status}\n${String(given.reason ?? '')}`
  host.answer(exchange, all === '' ? line : `${line}\n${all}`, bodyOf(given.body))
}

function isBytes(value: unknown): boolean {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value)
}

function failure(error: unknown): [message: string, stack: string] {
  if (error instanceof Error) return [`${error.name}: ${error.message}`, String(error.stack ?? '')]
  return [`threw ${String(error)}`, '']
}
