import { type Crossing, hostFunctions } from '../host.ts'

/** The most bytes that a function of the host takes at once, where it does work for each: host time is not metered. */
export const maxPiece = 65_536

/** What a piece of a stream on the host gives back. */
type Bytes = ArrayBuffer

/** The functions of the host that the library uses. `sandbox/pipyjs/session/library` has them. */
export interface LibraryHost {
  /** Begins a computation that takes pieces (`hash`, `hmac`, `encrypt`, `decrypt`, `sign`, `verify`); gives its number. */
  openStream(kind: string, algorithm: string, key: Bytes | undefined, iv: Bytes | undefined): number
  /** Gives the next piece; bytes come back from ciphers alone. */
  feedStream(id: number, piece: Bytes): Bytes | null
  /** Ends a `hash`, `hmac`, `encrypt` or `decrypt`. */
  finishStream(id: number): Bytes
  /** Ends a `sign`; the key is PEM. */
  finishSignature(id: number, key: string): Bytes
  /** Ends a `verify`; the key is PEM. */
  finishVerification(id: number, key: string, signature: Bytes): boolean

  /** Reads a key (`public`, `private`; PEM) and gives it back as PEM; refuses what is none. */
  importKey(kind: string, text: string): string
  /** Reads a JSON Web Key and gives back its public part as JSON; refuses what is none. */
  importJwk(json: string): string
  /** Facts of a certificate (PEM) as JSON; see `CertificateFacts`. */
  certificate(pem: string): string
  /** How many certificates there are in a PEM text. */
  certificateCount(pem: string): number
  /** The header and the payload of a token as a JSON array of two texts; null when it is no token. */
  tokenParts(token: string): string | null
  /** Whether a token is signed by a key: `text` (a secret, or PEM), `public` (PEM), `jwk` (JSON), or `bytes`. */
  verifyToken(token: string, kind: string, key: string, bytes: Bytes | undefined): boolean

  /** Compresses a piece; what it gives can be joined to that of the next one. */
  deflatePiece(piece: Bytes, isLast: boolean): Bytes
  /** Goes on with a checksum: `crc32` or `adler32`. */
  checksum(kind: string, piece: Bytes, before: number): number
  /** Decompresses: `gunzip` or `inflate`. */
  decompress(kind: string, bytes: Bytes): Bytes

  /** Makes a quota; gives its number. NaN is what was not said. */
  openQuota(
    initial: number,
    max: number,
    per: number | string,
    produce: number,
    key: string | undefined,
  ): number
  /** How much was granted; null when the host does not know the quota any more. */
  consumeQuota(id: number, amount: number): number | null
  produceQuota(id: number, amount: number): boolean
  resetQuota(id: number): boolean
  currentQuota(id: number): number | null

  /** Makes a metric, or finds it; gives its number. Labels and buckets are JSON arrays. */
  metric(kind: string, name: string, labels: string, buckets: string): number
  /** Counts: `add`, `set` or `observe`, an amount, and then the values of the labels. */
  measure(...values: readonly Crossing[]): void

  /** Sends a record of a logger to an HTTP service, with others; `options` is JSON, see `ShippingOptions` of the host. */
  openShipping(logger: string, url: string, options: string): number
  ship(id: number, record: Bytes): void
}

/** The host, for the library. Not before the guest is booted. */
export function libraryHost(): LibraryHost {
  return hostFunctions<LibraryHost>()
}
