import type { Context } from '../../chains/context.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { Canary } from '../../chains/plugins.ts'

/** Tells whether an exchange gets the newer version; the same for the same exchange, however often it is asked. */
export type Chosen = (cx: Context, headers: HeaderList | null) => boolean

/**
 * Makes the test of a canary. The header is tested first; a TCP connection has none. The share is drawn from the
 * id of the exchange and `salt` (the plugin's name), so that two plugins do not choose the same exchanges.
 */
export function canaryTest({ percent, header }: Canary, salt: string): Chosen {
  const start = hash(salt, 0x811c9dc5)
  const bound = (percent ?? 0) * (2 ** 32 / 100)
  return (cx, headers) => {
    if (header && headers?.getAll(header.name).includes(header.value)) return true
    return bound > 0 && mix(hash(cx.id, start)) < bound
  }
}

/** FNV-1a over the characters. */
function hash(text: string, start: number): number {
  let value = start
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value
}

/** Ids count up: without this, neighbours would share their first bits. (The finalizer of MurmurHash 3.) */
function mix(seed: number): number {
  let value = seed
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
