import { type HostCall, HostRefusal } from '../quickjs/contract.ts'
import type { Script } from './script.ts'

/** Reads what `cx.kv` asks for: exchange, promise, operation, key, value, expected value, time to live. Its result is JSON text, or empty. */
export function storeOperation(instance: Script, call: HostCall): () => Promise<string> {
  const { kv } = instance.host
  if (!kv) {
    throw new HostRefusal(
      `cx.kv is not granted to ${instance.spec.name}; its policy needs grants: { shared: true }`,
    )
  }
  const operation = call.string(2)
  const [key, value, expected, ttlMs] = [call.string(3), call.string(4), call.string(5), call.number(6)]
  return async () => {
    if (operation === 'get') return (await kv.get(key)) ?? ''
    if (operation === 'delete') return String(await kv.delete(key))
    if (operation === 'set') {
      await kv.set(key, value, ttlMs)
      return ''
    }
    const known = expected === '' ? null : expected
    return String(await kv.compareAndSet(key, known, value === '' ? null : value, ttlMs))
  }
}
