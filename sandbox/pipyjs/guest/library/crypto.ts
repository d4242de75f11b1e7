import { Certificate, CertificateChain } from './crypto-certificates.ts'
import { JWT } from './crypto-jwt.ts'
import { JWK, PrivateKey, PublicKey } from './crypto-keys.ts'
import { Cipher, Decipher, Hash, Hmac, Sign, Verify } from './crypto-streams.ts'

/** `crypto`: all of it is done by the host, in pieces that take little time. */
export const crypto: object = Object.freeze({
  Certificate,
  CertificateChain,
  Cipher,
  Decipher,
  Hash,
  Hmac,
  JWK,
  JWT,
  PrivateKey,
  PublicKey,
  Sign,
  Verify,
})
