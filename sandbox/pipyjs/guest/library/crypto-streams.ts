import { Data } from '../data.ts'
import { bufferOf, encoded, inPieces, pushData } from './bytes.ts'
import { PrivateKey, PublicKey, privateKeyText, publicKeyText } from './crypto-keys.ts'
import { libraryHost } from './host.ts'

/** Gives everything to a computation on the host, which throws away what comes of it. */
function feed(id: number, content: unknown, encoding: unknown): void {
  const host = libraryHost()
  inPieces(bufferOf(content, 'what update() takes', encoding), (piece) => host.feedStream(id, piece))
}

/** A hash of what it is given, in one piece or many. */
export class Hash {
  readonly #id: number
  #digest: ArrayBuffer | null = null

  constructor(algorithm: unknown) {
    this.#id = libraryHost().openStream('hash', String(algorithm), undefined, undefined)
  }

  update(content: unknown, encoding?: unknown): void {
    feed(this.#id, content, encoding)
  }

  /** The hash as Data, or as text; the same each time. */
  digest(encoding?: unknown): Data | string {
    this.#digest ??= libraryHost().finishStream(this.#id)
    return encoded(this.#digest, encoding)
  }
}

/** A hash of what it is given and of a key. */
export class Hmac {
  readonly #id: number
  #digest: ArrayBuffer | null = null

  constructor(algorithm: unknown, key: unknown) {
    const bytes = bufferOf(key, 'the key of an Hmac')
    this.#id = libraryHost().openStream('hmac', String(algorithm), bytes, undefined)
  }

  update(content: unknown, encoding?: unknown): void {
    feed(this.#id, content, encoding)
  }

  /** The hash as Data, or as text; the same each time. */
  digest(encoding?: unknown): Data | string {
    this.#digest ??= libraryHost().finishStream(this.#id)
    return encoded(this.#digest, encoding)
  }
}

/** What `Cipher` and `Decipher` are given beside the algorithm. */
interface CipherOptions {
  readonly key?: unknown
  readonly iv?: unknown
}

function openCipher(kind: string, algorithm: unknown, options: CipherOptions | null | undefined): number {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('the second argument would be an object with key and iv')
  }
  const iv = options.iv === undefined || options.iv === null ? undefined : bufferOf(options.iv, 'iv')
  return libraryHost().openStream(kind, String(algorithm), bufferOf(options.key, 'key'), iv)
}

function cipherPieces(id: number, content: unknown): Data {
  const host = libraryHost()
  const result = new Data()
  inPieces(bufferOf(content, 'what update() takes'), (piece) => {
    pushData(result, new Data(host.feedStream(id, piece)))
  })
  return result
}

/** Encrypts what it is given, in one piece or many. */
export class Cipher {
  readonly #id: number

  constructor(algorithm: unknown, options?: CipherOptions | null) {
    this.#id = openCipher('encrypt', algorithm, options)
  }

  update(content: unknown): Data {
    return cipherPieces(this.#id, content)
  }

  /** The end of it. Nothing can be added after that. */
  final(): Data {
    return new Data(libraryHost().finishStream(this.#id))
  }
}

/** Decrypts what it is given, in one piece or many. */
export class Decipher {
  readonly #id: number

  constructor(algorithm: unknown, options?: CipherOptions | null) {
    this.#id = openCipher('decrypt', algorithm, options)
  }

  update(content: unknown): Data {
    return cipherPieces(this.#id, content)
  }

  /** The end of it. Throws when the padding is wrong. */
  final(): Data {
    return new Data(libraryHost().finishStream(this.#id))
  }
}

/** A signature of what it is given, in one piece or many. */
export class Sign {
  readonly #id: number

  constructor(algorithm: unknown) {
    this.#id = libraryHost().openStream('sign', String(algorithm), undefined, undefined)
  }

  update(content: unknown, encoding?: unknown): void {
    feed(this.#id, content, encoding)
  }

  /** The signature as Data, or as text. With an EC key it is in DER. */
  sign(key: unknown, encoding?: unknown, options?: unknown): Data | string {
    if (!(key instanceof PrivateKey)) throw new TypeError('sign() takes a crypto.PrivateKey')
    const name = checkedEncoding(encoding, options)
    return encoded(libraryHost().finishSignature(this.#id, privateKeyText(key)), name)
  }
}

/** Compares a signature with what it is given, in one piece or many. */
export class Verify {
  readonly #id: number

  constructor(algorithm: unknown) {
    this.#id = libraryHost().openStream('verify', String(algorithm), undefined, undefined)
  }

  update(content: unknown, encoding?: unknown): void {
    feed(this.#id, content, encoding)
  }

  /** Whether the signature, Data or text, is that of the key's owner. */
  verify(key: unknown, signature: unknown, encoding?: unknown, options?: unknown): boolean {
    if (!(key instanceof PublicKey)) throw new TypeError('verify() takes a crypto.PublicKey')
    const name = checkedEncoding(encoding, options)
    const bytes = bufferOf(signature, 'a signature', name)
    return libraryHost().finishVerification(this.#id, publicKeyText(key), bytes)
  }
}

/** The encoding, if there is one; there are no options that would have a meaning. */
function checkedEncoding(encoding: unknown, options: unknown): unknown {
  const given = typeof encoding === 'object' && encoding !== null ? encoding : options
  if (typeof given === 'object' && given !== null && 'id' in given) {
    throw new TypeError('signatures with an id (SM2) are not there')
  }
  return typeof encoding === 'object' ? undefined : encoding
}
