import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import { isAll, tokenChars, valueChars } from '../../../../chains/syntax.ts'
import { status } from '../../contract.ts'
import type { LineFields } from './field-map.ts'

/**
 * `content-length` as a guest sees it. The codec frames what is sent; so a guest may take it away or say
 * another number, and reads what it said, but nothing of it is sent.
 */
class DeclaredLength {
  #value: string | undefined

  constructor(length: number | null) {
    this.#value = length === null ? undefined : String(length)
  }

  get pairs(): readonly string[] {
    return this.#value === undefined ? [] : ['content-length', this.#value]
  }

  get value(): string | undefined {
    return this.#value
  }

  set(value: string): typeof status.ok | typeof status.badArgument {
    if (!/^\d{1,15}$/.test(value)) return status.badArgument
    this.#value = value
    return status.ok
  }

  remove(): typeof status.ok {
    this.#value = undefined
    return status.ok
  }
}

/** A path and a query (RFC 9112, 3.2.1); nothing that another reader could take for a host or a fragment. */
const originForm = /^\/[\x21\x22\x24-\x7e]*$/
const isMethod = (value: string): boolean =>
  value.length > 0 && value.length <= 64 && isAll(value, tokenChars)
const isAuthority = (value: string): boolean => isAll(value, valueChars)
const requestNames = [':authority', ':method', ':path', ':scheme'] as const

/** The first line of a request: `:authority` is its Host field, which guests do not see beside it. */
export function requestLine(request: HttpRequest): LineFields {
  const length = new DeclaredLength(request.body?.length ?? null)
  let scheme = 'http'
  const get = (name: string): string | undefined => {
    if (name === ':method') return request.method
    if (name === ':path') return request.path
    if (name === ':scheme') return scheme
    if (name === ':authority' || name === 'host') return request.headers.get('host') ?? ''
    return name === 'content-length' ? length.value : undefined
  }
  const isRight = (name: string, value: string): boolean => {
    if (name === ':method') {
      // A CONNECT asks for a tunnel, past whatever looks at requests behind this plugin.
      const isTunnel = value === 'CONNECT' || request.method === 'CONNECT'
      return isMethod(value) && (value === request.method || !isTunnel)
    }
    if (name === ':path') {
      const isAsterisk = value === '*' && request.method === 'OPTIONS'
      return value === request.path || isAsterisk || (originForm.test(value) && request.method !== 'CONNECT')
    }
    if (name === ':scheme') return value === 'http' || value === 'https'
    return (name === ':authority' || name === 'host') && isAuthority(value)
  }
  return {
    get,
    pairs: () => [...requestNames.flatMap((name) => [name, get(name) as string]), ...length.pairs],
    set(name, value) {
      if (name === 'content-length') return length.set(value)
      if (!name.startsWith(':') && name !== 'host') return null
      if (!isRight(name, value)) return status.badArgument
      if (name === ':method') request.method = value
      else if (name === ':path') request.path = value
      else if (name === ':scheme') scheme = value
      else request.headers.set('Host', value)
      return status.ok
    },
    remove(name) {
      if (name === 'content-length') return length.remove()
      return name.startsWith(':') || name === 'host' ? status.badArgument : null
    },
    accepts(pairs) {
      const names = pairs.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
      const areThere = requestNames.every((name) => name === ':scheme' || names.includes(name))
      return (
        areThere && names.every((name, at) => !isLine(name) || isRight(name, pairs[2 * at + 1] as string))
      )
    },
  }
}

const isLine = (name: string): boolean => name.startsWith(':') || name === 'host'

/** The first line of an answer. A final answer has a status of three digits from 200 on. */
export function responseLine(response: HttpResponse): LineFields {
  const length = new DeclaredLength(response.body?.length ?? response.declaredLength)
  const isStatus = (value: string): boolean => /^[2-9]\d\d$/.test(value)
  return {
    get(name) {
      if (name === ':status') return String(response.status)
      return name === 'content-length' ? length.value : undefined
    },
    pairs: () => [':status', String(response.status), ...length.pairs],
    set(name, value) {
      if (name === 'content-length') return length.set(value)
      if (!name.startsWith(':')) return null
      if (name !== ':status' || !isStatus(value)) return status.badArgument
      if (Number(value) !== response.status) response.reason = ''
      response.status = Number(value)
      return status.ok
    },
    remove(name) {
      if (name === 'content-length') return length.remove()
      return name.startsWith(':') ? status.badArgument : null
    },
    accepts(pairs) {
      const names = pairs.filter((_, at) => at % 2 === 0)
      if (!names.includes(':status')) return false
      return names.every(
        (name, at) => !name.startsWith(':') || (name === ':status' && isStatus(pairs[2 * at + 1] as string)),
      )
    },
  }
}
