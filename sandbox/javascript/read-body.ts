import { Body } from '../../chains/body.ts'
import { asProxyError, type ProxyError } from '../../chains/failures.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { Collecting, ScriptExchange } from './exchange.ts'
import type { Script } from './script.ts'

/**
 * Collects a body for a plugin and settles its promise; the message then has
 * the same bytes as its body, unless the plugin has put others in place. One that
 * broke off breaks off for the next reader too. The exchange does not go on before.
 */
export function readBody(
  instance: Script,
  exchange: ScriptExchange,
  message: HttpRequest | HttpResponse,
  promise: number,
): void {
  const read = bytesOf(instance, exchange, message).then(
    (bytes) => instance.settle(exchange, promise, '', bytes),
    (error: Error) => instance.settle(exchange, promise, error.message, undefined),
  )
  exchange.reads.add(read)
  void read.then(() => exchange.reads.delete(read))
}

async function bytesOf(
  instance: Script,
  exchange: ScriptExchange,
  message: HttpRequest | HttpResponse,
): Promise<Uint8Array> {
  for (const collecting of exchange.collecting) if (collecting.message === message) return collecting.bytes
  const { body } = message
  if (!body) return new Uint8Array()
  message.body = null
  const collecting = collect(message, body, instance.spec.policy.limits.bufferKiB * 1_024)
  exchange.collecting.add(collecting)
  try {
    const bytes = await collecting.bytes
    if (collecting.message) message.body = bytes.length > 0 ? Body.of(bytes) : null
    return bytes
  } catch (thrown) {
    if (collecting.message) message.body = broken(asProxyError(thrown))
    throw thrown
  } finally {
    exchange.collecting.delete(collecting)
  }
}

function collect(message: HttpRequest | HttpResponse, body: Body, maxBytes: number): Collecting {
  let giveUp = (_reason: ProxyError): void => {}
  const bytes = new Promise<Uint8Array>((resolve, reject) => {
    giveUp = (reason) => {
      body.cancel(reason)
      reject(reason)
    }
    body.buffer(maxBytes).then(resolve, reject)
  })
  return { message, bytes, giveUp }
}

/** A body that is known to have broken off. */
const broken = (error: ProxyError): Body =>
  new Body({ open: (sink) => sink.fail(error), resume: () => {}, cancel: () => {} }, null)
