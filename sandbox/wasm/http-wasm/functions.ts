import type { Log } from '../../../chains/context.ts'
import type { HandlerFunction } from '../module/host-functions.ts'
import { features, type HttpWasmExchange } from './exchange.ts'
import { GuestFault, type GuestMemory } from './guest-memory.ts'
import type { BodyDraft, Fields } from './message.ts'

/** What the functions are for: one instance, and the exchange that is in it. */
export interface HandlerHost {
  /** Throws a {@link GuestFault} while there is none. */
  readonly memory: GuestMemory
  readonly configuration: Uint8Array
  readonly log: Log
  /** Throws a {@link GuestFault} when there is none, as at the start. */
  readonly exchange: HttpWasmExchange
  /** Turns features on, for the exchange or for all to come; gives what is on. */
  enable(bits: number): number
}
/** Takes numbers as WebAssembly gives them; 64 bits are a `bigint`. */
export type HostFunction = (...args: number[]) => number | bigint | undefined

const levels = ['debug', 'info', 'warn', 'error'] as const
const mostMessage = 8_192
const protocols = { '1.0': 'HTTP/1.0', '1.1': 'HTTP/1.1', '2': 'HTTP/2.0' } as const

/**
 * The host functions of the http-wasm handler ABI, by name. There are no error codes: whatever a guest may not do
 * throws a {@link GuestFault}, which ends its instance. A result that does not fit is not written; its length says so.
 */
export function handlerFunctions(host: HandlerHost): Record<HandlerFunction, HostFunction> {
  return {
    ...generalFunctions(host),
    ...requestFunctions(host),
    ...fieldFunctions(host),
    ...bodyFunctions(host),
  }
}

function generalFunctions(host: HandlerHost) {
  return {
    enable_features: (bits = 0) => host.enable(bits),
    get_config: (at = 0, limit = 0) =>
      host.memory.writeBytes(host.configuration, at, limit, 'the place for the configuration'),
    log: (level = 0, at = 0, length = 0) => {
      const name = levels[level + 1]
      const message = host.memory.view(at, length, 'a message').subarray(0, mostMessage)
      if (name) host.log[name](message.toString('utf8'))
      return undefined
    },
    log_enabled: (level = 0) => (levels[level + 1] ? 1 : 0),
  }
}

function requestFunctions(host: HandlerHost) {
  return {
    get_method: (at = 0, limit = 0) =>
      host.memory.writeText(host.exchange.method, at, limit, 'the place for the method'),
    set_method: (at = 0, length = 0) => {
      beforeNext(host.exchange, 'set the method')
      return void host.exchange.setMethod(host.memory.text(at, length, 'a method'))
    },
    get_uri: (at = 0, limit = 0) =>
      host.memory.writeText(host.exchange.path, at, limit, 'the place for the URI'),
    set_uri: (at = 0, length = 0) => {
      beforeNext(host.exchange, 'set the URI')
      return void host.exchange.setUri(host.memory.text(at, length, 'a URI'))
    },
    get_protocol_version: (at = 0, limit = 0) =>
      host.memory.writeText(
        protocols[host.exchange.request.version],
        at,
        limit,
        'the place for the protocol version',
      ),
    get_source_addr: (at = 0, limit = 0) => {
      const { remoteAddress, remotePort } = host.exchange.cx.peer
      const address = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress
      return host.memory.writeText(`${address}:${remotePort}`, at, limit, 'the place for the address')
    },
    get_status_code: () => {
      ofResponse(host.exchange, 'get the status code')
      return host.exchange.status
    },
    set_status_code: (status = 0) => {
      ofResponse(host.exchange, 'set the status code')
      return void host.exchange.setStatus(status >>> 0)
    },
  }
}

function fieldFunctions(host: HandlerHost) {
  const named = (at: number, length: number): string => {
    if (length === 0) throw new GuestFault('the name of a header cannot be empty')
    return host.memory.text(at, length, 'the name of a header')
  }
  return {
    get_header_names: (kind = 0, at = 0, limit = 0) =>
      writeList(host.memory, fieldsOf(host.exchange, kind).names, at, limit),
    get_header_values: (kind = 0, name = 0, nameLength = 0, at = 0, limit = 0) =>
      writeList(host.memory, fieldsOf(host.exchange, kind).values(named(name, nameLength)), at, limit),
    set_header_value: (kind = 0, name = 0, nameLength = 0, value = 0, length = 0) => {
      const fields = writable(host.exchange, kind, 'set')
      return void fields.set(named(name, nameLength), host.memory.text(value, length, 'a value'))
    },
    add_header_value: (kind = 0, name = 0, nameLength = 0, value = 0, length = 0) => {
      const fields = writable(host.exchange, kind, 'add')
      return void fields.add(named(name, nameLength), host.memory.text(value, length, 'a value'))
    },
    remove_header: (kind = 0, name = 0, nameLength = 0) =>
      void writable(host.exchange, kind, 'remove').remove(named(name, nameLength)),
  }
}

function bodyFunctions(host: HandlerHost) {
  return {
    read_body: (kind = 0, at = 0, limit = 0) => {
      if (limit === 0) throw new GuestFault('a body cannot be read into no bytes: that would never end')
      const body = readableBody(host.exchange, kind)
      const { length, isEnd } = body.read(host.memory.view(at, limit, 'the place for a body'))
      return pair(isEnd ? 1 : 0, length)
    },
    write_body: (kind = 0, at = 0, length = 0) => {
      const { exchange } = host
      if (kind === 0) beforeNext(exchange, 'write the request body')
      else if (kind === 1) ofResponse(exchange, 'write the response body')
      else throw new GuestFault(`${kind} is no kind of body; 0 is the request's, 1 the response's`)
      const bytes = host.memory.view(at, length, 'a body')
      if (kind === 0) exchange.writeRequest(bytes)
      else exchange.writeResponse(bytes)
      return undefined
    },
  }
}

function readableBody(exchange: HttpWasmExchange, kind: number): BodyDraft {
  if (kind === 1) {
    ofResponse(exchange, 'read the response body')
    return exchange.responseBody
  }
  if (kind !== 0) throw new GuestFault(`${kind} is no kind of body; 0 is the request's, 1 the response's`)
  if ((exchange.features & features.bufferRequest) === 0) beforeNext(exchange, 'read the request body')
  return exchange.requestBody
}

function fieldsOf(exchange: HttpWasmExchange, kind: number): Fields {
  const { requestFields, responseFields, requestTrailers, responseTrailers } = exchange
  const fields = [requestFields, responseFields, requestTrailers, responseTrailers][kind]
  if (fields) return fields
  throw new GuestFault(`${kind} is no kind of headers; those are 0 to 3`)
}

function writable(exchange: HttpWasmExchange, kind: number, verb: string): Fields {
  const fields = fieldsOf(exchange, kind)
  if (kind === 0 || kind === 2) beforeNext(exchange, `${verb} request fields`)
  else ofResponse(exchange, `${verb} response fields`)
  if (kind >= 2 && (exchange.features & features.trailers) === 0) {
    throw new GuestFault(`cannot ${verb} trailers unless that feature is enabled`)
  }
  return fields
}

function beforeNext({ isAfterNext }: HttpWasmExchange, what: string): void {
  if (isAfterNext) throw new GuestFault(`cannot ${what}: the request has gone on`)
}

/** After `next` the answer is the guest's to see and change only if it is held for it. */
function ofResponse(exchange: HttpWasmExchange, what: string): void {
  if (exchange.isAfterNext && (exchange.features & features.bufferResponse) === 0) {
    throw new GuestFault(`cannot ${what} after the next handler unless the response is buffered`)
  }
}

/** Texts with a zero behind each: how many, and how many bytes. */
function writeList(memory: GuestMemory, texts: readonly string[], at: number, limit: number): bigint {
  if (texts.length === 0) return 0n
  const all = `${texts.join('\0')}\0`
  return pair(texts.length, memory.writeText(all, at, limit, 'the place for headers'))
}

/** Two numbers of 32 bits as one of 64. */
const pair = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low)
