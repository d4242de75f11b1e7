import { Data } from '../data.ts'
import { textOf } from './bytes.ts'
import { libraryHost } from './host.ts'
import { parse } from './natives.ts'

/** What the host says of a certificate. */
interface CertificateFacts {
  readonly pem: string
  readonly issuer: Readonly<Record<string, string>>
  readonly subject: Readonly<Record<string, string>>
  readonly subjectAltNames: readonly string[]
  readonly notBefore: number
  readonly notAfter: number
}

/** A certificate, from PEM. */
export class Certificate {
  readonly #facts: CertificateFacts

  constructor(given: unknown) {
    if (typeof given === 'object' && given !== null && !(given instanceof Data)) {
      throw new TypeError('certificates are not issued in a sandbox; give one as PEM')
    }
    this.#facts = parse(libraryHost().certificate(textOf(given, 'a certificate')))
  }

  /** By long names, such as `commonName`. */
  get issuer(): Readonly<Record<string, string>> {
    return this.#facts.issuer
  }

  /** By long names, such as `commonName`. */
  get subject(): Readonly<Record<string, string>> {
    return this.#facts.subject
  }

  /** The names of hosts. */
  get subjectAltNames(): readonly string[] {
    return this.#facts.subjectAltNames
  }

  /** In milliseconds since 1970. */
  get notBefore(): number {
    return this.#facts.notBefore
  }

  /** In milliseconds since 1970. */
  get notAfter(): number {
    return this.#facts.notAfter
  }

  toPEM(): Data {
    return new Data(this.#facts.pem)
  }
}

/** Certificates in one text, the first being one's own. */
export class CertificateChain {
  readonly #pem: string
  readonly #length: number

  constructor(given: unknown) {
    this.#pem = textOf(given, 'a chain of certificates')
    this.#length = libraryHost().certificateCount(this.#pem)
  }

  /** How many there are. */
  get length(): number {
    return this.#length
  }

  toPEM(): Data {
    return new Data(this.#pem)
  }
}
