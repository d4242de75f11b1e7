import { exec, indexOf, lastIndexOf, slice } from './natives.ts'
import { URLSearchParams } from './url-search-params.ts'

const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/
const authority = /^\/\/[^/?#]*/
const port = /:([0-9]*)$/

const usualPorts: Readonly<Record<string, string>> = {
  __proto__: null as never,
  'ftp:': '21',
  'gopher:': '70',
  'http:': '80',
  'https:': '443',
  'ws:': '80',
  'wss:': '443',
}

/** The coarse parts of a URL. */
interface Split {
  readonly protocol: string
  readonly authority: string
  readonly rest: string
}

/** A URL in its parts, as they were written: nothing is encoded, decoded or shortened. The port is never empty where a scheme has one. */
export class URL {
  declare readonly auth: string
  declare readonly hash: string
  declare readonly host: string
  declare readonly hostname: string
  declare readonly href: string
  declare readonly origin: string
  declare readonly password: string
  declare readonly path: string
  declare readonly pathname: string
  declare readonly port: string
  declare readonly protocol: string
  declare readonly query: string
  declare readonly search: string
  declare readonly username: string
  #searchParams: URLSearchParams | null = null

  constructor(url: unknown, base?: unknown) {
    const { protocol, authority: whole, rest } = parts(String(url), base)
    const at = indexOf(whole, '@')
    this.auth = at < 0 ? '' : slice(whole, 0, at)
    this.host = slice(whole, at + 1)
    const colon = indexOf(this.auth, ':')
    this.username = colon < 0 ? this.auth : slice(this.auth, 0, colon)
    this.password = colon < 0 ? '' : slice(this.auth, colon + 1)
    this.protocol = protocol === '' ? 'http:' : protocol
    const found = exec(port, this.host)
    this.hostname = found === null ? this.host : slice(this.host, 0, found.index)
    this.port = found?.[1] || (usualPorts[this.protocol] ?? '')
    const hash = indexOf(rest, '#')
    this.hash = hash < 0 ? '' : slice(rest, hash)
    const path = hash < 0 ? rest : slice(rest, 0, hash)
    const question = indexOf(path, '?')
    this.search = question < 0 ? '' : slice(path, question)
    this.query = slice(this.search, 1)
    const pathname = question < 0 ? path : slice(path, 0, question)
    this.pathname = pathname === '' && this.host !== '' ? '/' : pathname
    this.path = this.pathname + this.search
    this.origin = `${this.protocol}//${this.host}`
    this.href = `${this.protocol}//${at < 0 ? '' : `${this.auth}@`}${this.host}${this.path}${this.hash}`
  }

  /** The parameters of its query. What is changed in them does not change the URL. */
  get searchParams(): URLSearchParams {
    this.#searchParams ??= new URLSearchParams(this.query)
    return this.#searchParams
  }

  toString(): string {
    return this.href
  }

  toJSON(): string {
    return this.href
  }
}

function splitUp(url: string): Split {
  const protocol = exec(scheme, url)?.[0] ?? ''
  const afterScheme = slice(url, protocol.length)
  const found = exec(authority, afterScheme)?.[0] ?? ''
  // "localhost:8080/x" has no scheme.
  if (protocol !== '' && found === '' && exec(/^[0-9]/, afterScheme) !== null) {
    return { protocol: '', authority: '', rest: url }
  }
  return { protocol, authority: slice(found, 2), rest: slice(afterScheme, found.length) }
}

function parts(url: string, base: unknown): Split {
  const own = splitUp(url)
  if (own.authority !== '' || base === undefined || base === null) return own
  const other = splitUp(String(base))
  if (own.rest === '') return other
  if (own.rest[0] === '/') return { ...other, rest: own.rest }
  const hash = indexOf(other.rest, '#')
  const whole = hash < 0 ? other.rest : slice(other.rest, 0, hash)
  const question = indexOf(whole, '?')
  const path = question < 0 ? whole : slice(whole, 0, question)
  if (own.rest[0] === '#') return { ...other, rest: whole + own.rest }
  if (own.rest[0] === '?') return { ...other, rest: path + own.rest }
  return { ...other, rest: `${slice(path, 0, lastIndexOf(path, '/'))}/${own.rest}` }
}
