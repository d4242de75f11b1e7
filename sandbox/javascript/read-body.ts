import { Body } from '../../chains/body.ts'
import type { HttpRequest, HttpResponse } from '../../chains/http.ts'
import type { ScriptExchange } from './exchange.ts'
import type { Script } from './script.ts'

/**
 * Collects a body for a plugin and settles its promise; the message then has
 * the same bytes as its body, unless the plugin has put others in place. The
 * exchange does not go on before.
 */
export function readBody(
  instance: Script,
  exchange: ScriptExchange,
  message: HttpRequest | HttpResponse,
  promise: number,
): void {
  const { body } = message
  if (!body) {
    instance.settle(exchange, promise, '', new Uint8Array())
    return
  }
  message.body = null
  const collected = body.buffer(instance.spec.policy.limits.bufferKiB * 1_024).then(
    (bytes) => {
      if (!exchange.replaced.has(message)) message.body = bytes.length > 0 ? Body.of(bytes) : null
      instance.settle(exchange, promise, '', bytes)
    },
    (error: Error) => {
      exchange.bodyFault = error
      instance.settle(exchange, promise, error.message, undefined)
    },
  )
  exchange.reading = collected
}
