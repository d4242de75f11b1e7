import { Data } from '../data.ts'
import { textOf } from './bytes.ts'
import { libraryHost } from './host.ts'
import { stringify } from './natives.ts'

/** The text of a key that the host reads. Scripts have no way to change what it is. */
export let privateKeyText: (key: PrivateKey) => string
/** The same of a public key. */
export let publicKeyText: (key: PublicKey) => string
/** The same of a JSON Web Key. */
export let webKeyText: (key: JWK) => string

/** A private key, from PEM. */
export class PrivateKey {
  readonly #pem: string

  static {
    privateKeyText = (key) => key.#pem
  }

  constructor(given: unknown) {
    if (typeof given === 'object' && given !== null && !(given instanceof Data)) {
      throw new TypeError('keys are not generated in a sandbox; give one as PEM')
    }
    this.#pem = libraryHost().importKey('private', textOf(given, 'a private key'))
  }

  toPEM(): Data {
    return new Data(this.#pem)
  }
}

/** A public key, from PEM or of a private key. */
export class PublicKey {
  readonly #pem: string

  static {
    publicKeyText = (key) => key.#pem
  }

  constructor(given: unknown) {
    const text = given instanceof PrivateKey ? privateKeyText(given) : textOf(given, 'a public key')
    this.#pem = libraryHost().importKey('public', text)
  }

  toPEM(): Data {
    return new Data(this.#pem)
  }
}

/** A JSON Web Key (RFC 7517): RSA, EC, or a secret (`oct`). */
export class JWK {
  readonly #json: string

  static {
    webKeyText = (key) => key.#json
  }

  constructor(given: unknown) {
    if (typeof given !== 'object' || given === null) throw new TypeError('a JWK is made of an object')
    this.#json = libraryHost().importJwk(stringify(given))
  }
}
