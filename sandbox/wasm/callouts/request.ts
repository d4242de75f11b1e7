import { Body } from '../../../chains/body.ts'
import { HeaderList } from '../../../chains/headers.ts'
import type { HttpRequest } from '../../../chains/http.ts'
import { isAll, tokenChars, valueChars } from '../../../chains/syntax.ts'

/** Fields that frame a message or belong to one connection: they are ours to say, whatever a guest gives. */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * The request that a guest describes by names and values in turn, or null if it cannot be sent: without
 * `:method`, `:path` or `:authority` (which may be empty), or with something that would break its framing.
 * Copies `body`.
 */
export function requestOf(pairs: readonly string[], body: Uint8Array): HttpRequest | null {
  const method = firstOf(pairs, ':method')
  const path = firstOf(pairs, ':path')
  const authority = firstOf(pairs, ':authority')
  if (method === undefined || path === undefined || authority === undefined) return null
  // what follows a CONNECT is no answer that could be collected
  if (!isToken(method) || method === 'CONNECT' || !targetPattern.test(path)) return null
  if (!authorityPattern.test(authority)) return null
  const fields = plainFields(pairs, connectionFields)
  if (!fields) return null
  return {
    version: '1.1',
    method,
    path,
    headers: new HeaderList(['Host', authority, ...fields]),
    body: body.length > 0 ? Body.of(Buffer.from(body)) : null,
    upgrade: null,
    expectsContinue: false,
  }
}

/** The fields without pseudo fields and those in `left`; null if one is no field that can be sent. */
export function plainFields(pairs: readonly string[], left: ReadonlySet<string>): string[] | null {
  const fields: string[] = []
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const [name, value] = [pairs[at] as string, pairs[at + 1] as string]
    if (name.startsWith(':') || left.has(name.toLowerCase())) continue
    if (!isToken(name) || !isAll(value, valueChars)) return null
    fields.push(name, value)
  }
  return fields
}

/** Whether it can stand as the target of a request: visible ASCII without `#` (RFC 9112 section 3.2). */
export const targetPattern = /^[!"$-~]+$/

/** Host and port as RFC 3986 has them, without user information; or nothing. */
const authorityPattern = /^[-._~!$&'()*+;=:[\]%A-Za-z0-9]*$/

const isToken = (text: string): boolean => text.length > 0 && isAll(text, tokenChars)

function firstOf(pairs: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    if ((pairs[at] as string).toLowerCase() === name) return pairs[at + 1]
  }
  return undefined
}
