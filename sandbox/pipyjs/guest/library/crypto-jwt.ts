import { Data } from '../data.ts'
import { bufferOf, nameOf } from './bytes.ts'
import { JWK, PublicKey, publicKeyText, webKeyText } from './crypto-keys.ts'
import { libraryHost } from './host.ts'
import { isArray, parse } from './natives.ts'

/** The algorithms of tokens. None is none of them. */
const algorithms: Readonly<Record<string, true>> = {
  __proto__: null as never,
  HS256: true,
  HS384: true,
  HS512: true,
  RS256: true,
  RS384: true,
  RS512: true,
  ES256: true,
  ES384: true,
  ES512: true,
}

/** A signed token (RFC 7519). What it says counts for nothing before `verify()` was true. */
export class JWT {
  readonly #token: string
  /** Undefined when the token is malformed. */
  declare readonly header: Record<string, unknown> | undefined
  /** Undefined when the token is malformed. */
  declare readonly payload: Record<string, unknown> | undefined

  constructor(token: unknown) {
    if (typeof token !== 'string')
      throw new TypeError(`a JWT is made of a string, and not of ${nameOf(token)}`)
    this.#token = token
    const json = libraryHost().tokenParts(token)
    const parts = json === null ? null : (parse(json) as readonly string[])
    const header = parts === null ? undefined : parseObject(parts[0])
    const payload = parts === null ? undefined : parseObject(parts[1])
    const algorithm = header?.alg
    const isKnown = payload !== undefined && typeof algorithm === 'string' && algorithm in algorithms
    this.header = isKnown ? header : undefined
    this.payload = isKnown ? payload : undefined
  }

  /** Whether it has the form of a token, of a known algorithm. It says nothing of the signature. */
  get isValid(): boolean {
    return this.header !== undefined
  }

  /**
   * Whether it is signed by a key: a JWK, a PublicKey, PEM, or a secret as
   * text or Data. The algorithm of the token must be one for that kind of key.
   */
  verify(key: unknown): boolean {
    const host = libraryHost()
    if (!this.isValid) return false
    if (key instanceof JWK) return host.verifyToken(this.#token, 'jwk', webKeyText(key), undefined)
    if (key instanceof PublicKey)
      return host.verifyToken(this.#token, 'public', publicKeyText(key), undefined)
    if (typeof key === 'string') return host.verifyToken(this.#token, 'text', key, undefined)
    if (key instanceof Data) return host.verifyToken(this.#token, 'bytes', '', bufferOf(key, 'a key'))
    throw new TypeError(
      `verify() takes a crypto.JWK, a crypto.PublicKey, a string or Data, and not ${nameOf(key)}`,
    )
  }

  sign(): never {
    throw new Error('crypto.JWT.sign() is not there; sign the text with crypto.Sign or crypto.Hmac')
  }
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = parse(text ?? '')
    return typeof value === 'object' && value !== null && !isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
