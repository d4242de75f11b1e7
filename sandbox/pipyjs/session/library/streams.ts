import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSign,
  createVerify,
  type Decipheriv,
  type Hash,
  type Hmac,
  type Sign,
  type Verify,
} from 'node:crypto'
import { type HostCall, type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import { cipherName, digestName } from './algorithms.ts'
import { attempt } from './attempt.ts'
import type { Keys } from './keys.ts'
import { pieceOf } from './pieces.ts'

/** Computations that one plugin can have begun at a time in one worker. With one more, that not used for longest is given up. */
const maxStreams = 4_096
/** Bytes of the key of an HMAC. */
const maxSecret = 65_536

type Stream =
  | { readonly kind: 'hash'; readonly state: Hash }
  | { readonly kind: 'hmac'; readonly state: Hmac }
  | { readonly kind: 'encrypt'; readonly state: Cipheriv }
  | { readonly kind: 'decrypt'; readonly state: Decipheriv }
  | { readonly kind: 'sign'; readonly state: Sign }
  | { readonly kind: 'verify'; readonly state: Verify }

/** Hashes, ciphers and signatures, which get what they work on in pieces. */
export function streamFunctions(keys: Keys): Record<string, HostFunction> {
  const table = new StreamTable()
  return {
    openStream: (call) => {
      const [kind, algorithm] = [call.string(0), call.string(1)]
      const key = call.isUndefined(2) ? null : call.bytes(2)
      const iv = call.isUndefined(3) ? null : call.bytes(3)
      return table.add(opened(kind, algorithm, key, iv))
    },
    feedStream: (call) => {
      const piece = pieceOf(call, 1)
      return fed(table.use(call.number(0)), piece)
    },
    finishStream: (call) => {
      const stream = table.take(call.number(0))
      if (stream.kind === 'hash' || stream.kind === 'hmac') return stream.state.digest()
      if (stream.kind === 'encrypt' || stream.kind === 'decrypt') {
        const { state } = stream
        return attempt(`the end of what is to be ${stream.kind}ed`, () => state.final())
      }
      throw notThat(stream)
    },
    finishSignature: (call) => {
      const key = keys.privateKey(call.string(1))
      const stream = table.take(call.number(0))
      if (stream.kind !== 'sign') throw notThat(stream)
      return attempt('signing', () => stream.state.sign(key))
    },
    finishVerification: (call) => finishVerification(call, table, keys),
  }
}

function finishVerification(call: HostCall, table: StreamTable, keys: Keys): boolean {
  const key = keys.publicKey(call.string(1))
  const signature = pieceOf(call, 2)
  const stream = table.take(call.number(0))
  if (stream.kind !== 'verify') throw notThat(stream)
  return attempt('verifying', () => stream.state.verify(key, signature))
}

function opened(kind: string, algorithm: string, key: Uint8Array | null, iv: Uint8Array | null): Stream {
  if (key !== null && key.length > maxSecret) throw new HostRefusal(`a key has at most ${maxSecret} bytes`)
  const secret = key ?? new Uint8Array()
  switch (kind) {
    case 'hash':
      return { kind, state: createHash(digestName(algorithm)) }
    case 'hmac':
      return { kind, state: createHmac(digestName(algorithm), secret) }
    case 'encrypt': {
      const name = cipherName(algorithm)
      return { kind, state: attempt(`new crypto.Cipher(${name})`, () => createCipheriv(name, secret, iv)) }
    }
    case 'decrypt': {
      const name = cipherName(algorithm)
      return {
        kind,
        state: attempt(`new crypto.Decipher(${name})`, () => createDecipheriv(name, secret, iv)),
      }
    }
    case 'sign':
      return { kind, state: createSign(digestName(algorithm)) }
    case 'verify':
      return { kind, state: createVerify(digestName(algorithm)) }
    default:
      throw new HostRefusal(`there is nothing like ${kind}`)
  }
}

function fed(stream: Stream, piece: Uint8Array): Uint8Array | null {
  if (stream.kind === 'encrypt' || stream.kind === 'decrypt') {
    const { state } = stream
    return attempt(`what is to be ${stream.kind}ed`, () => state.update(piece))
  }
  stream.state.update(piece)
  return null
}

const notThat = ({ kind }: Stream) => new HostRefusal(`this does not end ${kind}`)

/** Computations by number, in the order of their last use. */
class StreamTable {
  readonly #streams = new Map<number, Stream>()
  #last = 0

  add(stream: Stream): number {
    if (this.#streams.size >= maxStreams) {
      for (const oldest of this.#streams.keys()) {
        this.#streams.delete(oldest)
        break
      }
    }
    this.#last += 1
    this.#streams.set(this.#last, stream)
    return this.#last
  }

  use(id: number): Stream {
    const stream = this.take(id)
    this.#streams.set(id, stream)
    return stream
  }

  take(id: number): Stream {
    const stream = this.#streams.get(id)
    if (!stream) throw new HostRefusal('this is over: it was ended before, or not used for too long')
    this.#streams.delete(id)
    return stream
  }
}
