import type { Body } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import { type GuestValue, type HostCall, type HostFunction, HostRefusal } from '../quickjs/contract.ts'
import { answerFrom, bodyFrom, isFraming, partOf, type ScriptExchange, setPart } from './exchange.ts'
import { fetched, fetchOf } from './fetch.ts'
import { scriptMetrics } from './metrics.ts'
import { readBody } from './read-body.ts'
import type { Script } from './script.ts'
import { storeOperation } from './store.ts'
import { configOf, readVariable, writeVariable } from './variables.ts'

const logLevels = ['debug', 'info', 'warn', 'error'] as const
const maxLogLength = 4_096

/**
 * What a guest of a JavaScript plugin can call. All of it reads first, and
 * leaves what is to change to the end of the call, so that a guest at the end
 * of its stack cannot have half of it.
 */
export function hostFunctions(instance: Script): Record<string, HostFunction> {
  return { ...messageFunctions(instance), ...exchangeFunctions(instance), ...scriptMetrics(instance) }
}

/** Turns what our own checks throw into an exception of the guest. */
function refusing(called: (call: HostCall) => GuestValue): HostFunction {
  return (call) => {
    try {
      return called(call)
    } catch (thrown) {
      const isPlugins =
        thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof ProxyError
      if (isPlugins) throw new HostRefusal(thrown.message)
      throw thrown
    }
  }
}

/** The values of a header, joined by commas. */
function headerOf(headers: HeaderList, name: string): string | undefined {
  const lower = name.toLowerCase()
  const found = headers.get(lower)
  if (found === undefined) return undefined
  const all = headers.getAll(lower)
  return all.length === 1 ? found : all.join(', ')
}

function bodyArgument(call: HostCall, index: number): GuestValue {
  if (call.isUndefined(index)) return null
  try {
    return call.string(index)
  } catch {
    return call.bytes(index)
  }
}

function messageFunctions(instance: Script): Record<string, HostFunction> {
  const messageOf = (call: HostCall) => instance.exchange(call.number(0)).message(call.number(1))
  const draftOf = (call: HostCall) => instance.exchange(call.number(0)).drafts[call.number(1) === 0 ? 0 : 1]
  const newDraft = (call: HostCall) =>
    draftOf(call) ?? instance.draft(instance.exchange(call.number(0)), call.number(1) === 0 ? 0 : 1)
  const headersOf = (call: HostCall) => draftOf(call)?.headers ?? messageOf(call).headers
  return {
    part: refusing((call) => partOf(draftOf(call)?.line ?? messageOf(call), call.number(2))),
    setPart: refusing((call) => {
      setPart(newDraft(call).line, call.number(2), call.string(3))
    }),
    header: refusing((call) => headerOf(headersOf(call), call.string(2))),
    setHeader: refusing((call) => {
      const [name, value] = [call.string(2), call.string(3)]
      if (!isFraming(name)) newDraft(call).headers.set(name, value)
    }),
    appendHeader: refusing((call) => {
      const [name, value] = [call.string(2), call.string(3)]
      if (!isFraming(name)) newDraft(call).headers.append(name, value)
    }),
    deleteHeader: refusing((call) => {
      const name = call.string(2).toLowerCase()
      if (!isFraming(name)) newDraft(call).headers.delete(name)
    }),
    headers: refusing((call) => headersOf(call).fields.join('\n')),
    readBody: refusing((call) => {
      const exchange = instance.exchange(call.number(0))
      const message = exchange.message(call.number(1))
      const promise = call.number(2)
      instance.ask(exchange, promise, () => readBody(instance, exchange, message, promise))
    }),
    replaceBody: refusing((call) => {
      const exchange = instance.exchange(call.number(0))
      const message = exchange.message(call.number(1))
      const body = bodyFrom(bodyArgument(call, 2))
      instance.later(exchange, () => replaceBody(exchange, message, body))
    }),
    answer: refusing((call) => {
      const exchange = instance.exchange(call.number(0))
      const answer = answerFrom(call.string(1), bodyArgument(call, 2))
      instance.later(exchange, () => {
        exchange.answer = answer
      })
    }),
    decode: (call) => Buffer.from(call.bytes(0)).toString('utf8'),
  }
}

function exchangeFunctions(instance: Script): Record<string, HostFunction> {
  const exchangeOf = (call: HostCall) => instance.exchange(call.number(0))
  return {
    finished: (call) => {
      const exchange = instance.exchanges.get(call.number(0))
      const [message, stack] = [call.string(1), call.string(2)]
      if (!exchange) return
      instance.later(exchange, () => {
        const { finish } = exchange
        const rejection = message === '' ? null : { message, stack }
        exchange.finish = null
        if (finish) finish(rejection)
        else exchange.ended = { rejection }
      })
    },
    variable: refusing((call) => readVariable(exchangeOf(call).cx, call.string(1))),
    setVariable: refusing((call) => {
      const exchange = exchangeOf(call)
      const change = writeVariable(exchange.cx, instance.host.model, call.string(1), call.string(2))
      instance.later(exchange, change)
    }),
    configId: refusing((call) => instance.configs.idOf(configOf(exchangeOf(call).cx, instance.spec.name))),
    configText: (call) => instance.configs.textOf(call.number(0)),
    log: (call) => {
      const level = logLevels.find((name) => name === call.string(0)) ?? 'info'
      const text = call.string(1).slice(0, maxLogLength)
      instance.later(null, () => instance.host.tools.log[level](text, { plugin: instance.spec.name }))
    },
    fetch: refusing((call) => {
      const exchange = instance.asker(call.number(0))
      const promise = call.number(1)
      const asked = fetchOf(instance, call.string(2), bodyArgument(call, 3))
      instance.ask(exchange, promise, () => {
        fetched(instance, exchange, asked).then(
          ({ head, body }) => instance.settleFetch(exchange, promise, head, body),
          (error: Error) => instance.settle(exchange, promise, error.message, undefined),
        )
      })
    }),
    store: refusing((call) => {
      const exchange = instance.asker(call.number(0))
      const [promise, operation] = [call.number(1), storeOperation(instance, call)]
      instance.ask(exchange, promise, () => {
        operation().then(
          (text) => instance.settle(exchange, promise, '', text),
          (error: Error) => instance.settle(exchange, promise, error.message, undefined),
        )
      })
    }),
    send: refusing((call) => {
      const exchange = exchangeOf(call)
      const way = call.number(1)
      const bytes = bodyArgument(call, 2)
      instance.later(exchange, () => exchange.connection?.send(way, bytesOf(bytes)))
    }),
    closeConnection: refusing((call) => {
      const exchange = exchangeOf(call)
      instance.later(exchange, () => exchange.connection?.close())
    }),
  }
}

function replaceBody(exchange: ScriptExchange, message: HttpRequest | HttpResponse, body: Body | null): void {
  for (const collecting of exchange.collecting) {
    if (collecting.message === message) collecting.message = null
  }
  message.body?.cancel(new ProxyError('CLIENT_GONE', 'a plugin put another body in its place'))
  message.body = body
}

/** Text or bytes as bytes. */
export function bytesOf(value: GuestValue): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  return value instanceof Uint8Array ? value : new Uint8Array()
}
