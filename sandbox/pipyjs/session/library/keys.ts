import { createPrivateKey, createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import { type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import { attempt } from './attempt.ts'

/** Keys that are kept as they were read, for each plugin: reading one takes as long as using it. */
const maxKept = 128
const maxKeyLength = 32_768

/** What can be done with a key is bounded by its size: the time of the host is not metered. */
const rsaBits = { least: 1_024, most: 4_096 }
const maxPublicExponent = 2n ** 32n
const curves = ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1']

/** A JSON Web Key that has been read. */
export interface WebKey {
  /** The secret of an `oct` key, or null. */
  readonly secret: Buffer | null
  readonly key: KeyObject | null
  /** The one algorithm that it is for, or null for any. */
  readonly algorithm: string | null
}

/** The keys of one plugin. They are known by their texts, so that nothing has to be given back. */
export class Keys {
  readonly functions: Readonly<Record<string, HostFunction>>
  readonly #keys = new Map<string, KeyObject>()
  readonly #webKeys = new Map<string, WebKey>()

  constructor() {
    this.functions = {
      importKey: (call) => {
        const [kind, text] = [call.string(0), call.string(1)]
        if (kind === 'private') return this.privateKey(text).export({ type: 'pkcs8', format: 'pem' })
        return this.publicKey(text).export({ type: 'spki', format: 'pem' })
      },
      importJwk: (call) => {
        const text = publicPart(call.string(0))
        this.webKey(text)
        return text
      },
    }
  }

  /** A private key from PEM. */
  privateKey(pem: string): KeyObject {
    return kept(this.#keys, `private ${pem}`, () => checked('a private key', pem, createPrivateKey))
  }

  /** A public key from PEM; also of a private key. */
  publicKey(pem: string): KeyObject {
    return kept(this.#keys, `public ${pem}`, () => checked('a public key', pem, createPublicKey))
  }

  /** A JSON Web Key from the text that `importJwk` gave. */
  webKey(json: string): WebKey {
    return kept(this.#webKeys, json, () => readWebKey(json))
  }
}

function kept<T>(known: Map<string, T>, name: string, make: () => T): T {
  const before = known.get(name)
  const value = before ?? make()
  known.delete(name)
  known.set(name, value)
  if (known.size > maxKept) {
    for (const oldest of known.keys()) {
      known.delete(oldest)
      break
    }
  }
  return value
}

function checked(what: string, pem: string, create: (pem: string) => KeyObject): KeyObject {
  if (pem.length > maxKeyLength) throw new HostRefusal(`${what} has at most ${maxKeyLength} characters`)
  return bounded(
    what,
    attempt(`this is not ${what} in PEM`, () => create(pem)),
  )
}

/** Refuses keys that would take too long, or that nothing here uses. */
function bounded(what: string, key: KeyObject): KeyObject {
  const type = key.asymmetricKeyType ?? 'unknown'
  const details = key.asymmetricKeyDetails ?? {}
  if (type === 'rsa') {
    const bits = details.modulusLength ?? 0
    if (bits < rsaBits.least || bits > rsaBits.most) {
      throw new HostRefusal(`${what} of RSA has ${rsaBits.least} to ${rsaBits.most} bits, and not ${bits}`)
    }
    if ((details.publicExponent ?? 0n) > maxPublicExponent) {
      throw new HostRefusal(`${what} of RSA has a public exponent of at most 32 bits`)
    }
  } else if (type !== 'ec' || !curves.includes(details.namedCurve ?? '')) {
    const is = details.namedCurve ?? type
    throw new HostRefusal(`${what} is of RSA or of a curve (${curves.join(', ')}), and not of ${is}`)
  }
  return key
}

const webKeyFields = ['kty', 'alg', 'use', 'crv', 'n', 'e', 'x', 'y', 'k']

/** What matters of a JSON Web Key, without what is private of a pair. */
function publicPart(json: string): string {
  if (json.length > maxKeyLength) throw new HostRefusal(`a JWK has at most ${maxKeyLength} characters`)
  const given = attempt('a JWK', () => JSON.parse(json)) as Record<string, unknown>
  const entries = webKeyFields.map((name) => [name, given[name]] as const)
  for (const [name, value] of entries) {
    if (value !== undefined && typeof value !== 'string') {
      throw new HostRefusal(`"${name}" of a JWK is a string, and not ${typeof value}`)
    }
  }
  return JSON.stringify(Object.fromEntries(entries.filter(([, value]) => value !== undefined)))
}

const base64url = /^[A-Za-z0-9_-]+$/

function readWebKey(json: string): WebKey {
  const { kty, alg, use, k, crv, n, e, x, y } = JSON.parse(json) as Record<string, string | undefined>
  if (use === 'enc')
    throw new HostRefusal('this JWK is for encryption ("use": "enc"), and not for signatures')
  const algorithm = alg ?? null
  if (kty === 'oct') {
    if (k === undefined || !base64url.test(k))
      throw new HostRefusal('"k" of a JWK is base64url, and not empty')
    return { secret: Buffer.from(k, 'base64url'), key: null, algorithm }
  }
  if (kty !== 'RSA' && kty !== 'EC') {
    throw new HostRefusal(`"kty" of a JWK is RSA, EC or oct, and not ${JSON.stringify(kty)}`)
  }
  const jwk = (kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }) as Record<string, string>
  const missing = Object.entries(jwk).find(([, value]) => typeof value !== 'string' || value === '')
  if (missing) throw new HostRefusal(`"${missing[0]}" of the JWK is missing`)
  const key = attempt('this is no JWK', () => createPublicKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput))
  return { secret: null, key: bounded('a JWK', key), algorithm }
}
