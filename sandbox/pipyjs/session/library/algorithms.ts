import { HostRefusal } from '../../../quickjs/contract.ts'

/** Hashes that scripts can use, by their names in OpenSSL. */
const digests = [
  'md5',
  'sha1',
  'sha224',
  'sha256',
  'sha384',
  'sha512',
  'sha512-256',
  'sha3-224',
  'sha3-256',
  'sha3-384',
  'sha3-512',
  'ripemd160',
  'blake2b512',
  'blake2s256',
  'sm3',
] as const

/** Ciphers that scripts can use. None that needs a tag, for which PipyJS has no place. */
const ciphers = [
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
  'aes-128-ctr',
  'aes-192-ctr',
  'aes-256-ctr',
  'aes-128-ecb',
  'aes-192-ecb',
  'aes-256-ecb',
  'des-ede3-cbc',
  'sm4-cbc',
  'sm4-ctr',
  'sm4-ecb',
] as const

/** A hash as OpenSSL calls it; refuses others. */
export const digestName = (given: string): string => known('hash', digests, given)
/** A cipher as OpenSSL calls it; refuses others. */
export const cipherName = (given: string): string => known('cipher', ciphers, given)

function known(kind: string, names: readonly string[], given: string): string {
  const name = given.toLowerCase()
  if (names.includes(name)) return name
  throw new HostRefusal(
    `there is no ${kind} ${JSON.stringify(given.slice(0, 40))}; there are ${names.join(', ')}`,
  )
}
