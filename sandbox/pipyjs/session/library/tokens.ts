import { createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import { type HostCall, type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import type { Keys } from './keys.ts'

/** A token that is longer is none. */
const maxToken = 16_384
const maxSecret = 65_536
const segment = /^[A-Za-z0-9_-]*$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Algorithm {
  readonly key: 'secret' | 'rsa' | 'ec'
  readonly hash: string
  /** The one curve that it is for. */
  readonly curve?: string
}

/** RFC 7518. `none` is none of them. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  HS256: { key: 'secret', hash: 'sha256' },
  HS384: { key: 'secret', hash: 'sha384' },
  HS512: { key: 'secret', hash: 'sha512' },
  RS256: { key: 'rsa', hash: 'sha256' },
  RS384: { key: 'rsa', hash: 'sha384' },
  RS512: { key: 'rsa', hash: 'sha512' },
  ES256: { key: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { key: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { key: 'ec', hash: 'sha512', curve: 'secp521r1' },
}

/** What is signed in a token, and by what. */
interface Signed {
  readonly algorithm: Algorithm
  readonly name: string
  readonly text: string
  readonly signature: Buffer
}

/** What a key may be used for. */
interface Verifier {
  readonly secret: Uint8Array | null
  readonly key: KeyObject | null
  readonly algorithm: string | null
}

/** Tokens (RFC 7515, 7519), as far as their form and their signature go. */
export function tokenFunctions(keys: Keys): Record<string, HostFunction> {
  return {
    tokenParts: (call) => {
      const parts = split(call.string(0))
      return parts && JSON.stringify([parts.header, parts.payload])
    },
    verifyToken: (call) => {
      const token = call.string(0)
      const verifier = verifierOf(call, keys)
      const signed = signedOf(token)
      return signed !== null && isSignedBy(signed, verifier)
    },
  }
}

function split(token: string) {
  if (token.length > maxToken) return null
  const segments = token.split('.')
  const [header, payload, signature] = segments
  if (segments.length !== 3 || header === undefined || payload === undefined || signature === undefined)
    return null
  if (!segments.every((one) => segment.test(one) && one.length % 4 !== 1)) return null
  try {
    const decoded = (text: string) => utf8.decode(Buffer.from(text, 'base64url'))
    return {
      header: decoded(header),
      payload: decoded(payload),
      text: `${header}.${payload}`,
      signature: Buffer.from(signature, 'base64url'),
    }
  } catch {
    return null
  }
}

/** The algorithm is read here, from the token itself. */
function signedOf(token: string): Signed | null {
  const parts = split(token)
  if (!parts) return null
  let header: unknown
  try {
    header = JSON.parse(parts.header)
  } catch {
    return null
  }
  const name = typeof header === 'object' && header !== null && 'alg' in header ? header.alg : null
  if (typeof name !== 'string' || !Object.hasOwn(algorithms, name)) return null
  // What must be understood (RFC 7515, 4.1.11) is not understood here.
  if ('crit' in (header as object)) return null
  return { algorithm: algorithms[name] as Algorithm, name, text: parts.text, signature: parts.signature }
}

function verifierOf(call: HostCall, keys: Keys): Verifier {
  const [kind, text] = [call.string(1), call.string(2)]
  if (kind === 'jwk') return keys.webKey(text)
  if (kind === 'public') return { secret: null, key: keys.publicKey(text), algorithm: null }
  const secret = kind === 'bytes' ? call.bytes(3) : Buffer.from(text, 'utf8')
  if (secret.length === 0) throw new HostRefusal('verify(): the key is empty')
  if (secret.length > maxSecret) throw new HostRefusal(`verify(): a key has at most ${maxSecret} bytes`)
  // A public key is known to everybody: as a secret it would let everybody sign.
  const pem = Buffer.from(secret).toString('latin1')
  if (!pem.includes('-----BEGIN ')) return { secret, key: null, algorithm: null }
  return { secret: null, key: keys.publicKey(pem), algorithm: null }
}

/** False when the key is none for the algorithm that the token names: a token does not choose how it is checked. */
function isSignedBy({ algorithm, name, text, signature }: Signed, verifier: Verifier): boolean {
  const { secret, key } = verifier
  if (verifier.algorithm !== null && verifier.algorithm !== name) return false
  if (algorithm.key === 'secret') {
    if (secret === null) return false
    const expected = createHmac(algorithm.hash, secret).update(text).digest()
    return signature.length === expected.length && timingSafeEqual(signature, expected)
  }
  if (key === null || key.asymmetricKeyType !== algorithm.key) return false
  if (algorithm.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== algorithm.curve) return false
  const dsaEncoding = 'ieee-p1363' as const
  return verify(algorithm.hash, Buffer.from(text), { key, dsaEncoding }, signature)
}
