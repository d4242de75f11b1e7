import { HeaderList } from '../../../chains/headers.ts'
import { isFraming } from '../../javascript/exchange.ts'
import { GuestFault } from './guest-memory.ts'

/** Most that a guest may add to the fields of a message. */
const mostFields = 1_000
const mostFieldBytes = 262_144

/**
 * Fields of a message (headers or trailers) that a guest edits. Its own reads see it at once; the message itself
 * is not touched. What frames a message is the codec's business: such fields are not taken, without complaint,
 * for guests set the length of what they have written, which is set anyway.
 */
export class Fields {
  #list: HeaderList
  readonly #isTrailer: boolean
  /** Only requests have a `host`, which is always there, once. */
  readonly #hasHost: boolean
  #isOwn = false
  #added = 0
  #addedBytes = 0

  constructor(list: HeaderList, kind: 'request' | 'response' | 'trailer') {
    this.#list = list
    this.#isTrailer = kind === 'trailer'
    this.#hasHost = kind === 'request'
  }

  /** What they are now. */
  get list(): HeaderList {
    return this.#list
  }

  /** Whether the guest has changed anything. */
  get isChanged(): boolean {
    return this.#isOwn
  }

  /** Lower-case names, each once. */
  get names(): string[] {
    const names = new Set<string>()
    const { fields } = this.#list
    for (let at = 0; at < fields.length; at += 2) names.add((fields[at] as string).toLowerCase())
    return [...names]
  }

  values(name: string): string[] {
    return this.#list.getAll(name.toLowerCase())
  }

  set(name: string, value: string): void {
    if (this.#isKept(name)) return
    this.#count(name, value)
    checked(() => this.#edit().set(name, value))
  }

  add(name: string, value: string): void {
    if (this.#hasHost && isHost(name)) {
      this.set(name, value)
      return
    }
    if (this.#isKept(name)) return
    this.#count(name, value)
    checked(() => this.#edit().append(name, value))
  }

  remove(name: string): void {
    if (this.#hasHost && isHost(name)) throw new GuestFault('a request cannot be without host')
    if (!this.#isKept(name)) this.#edit().delete(name.toLowerCase())
  }

  #isKept(name: string): boolean {
    return isFraming(name) || (this.#isTrailer && isHost(name))
  }

  #count(name: string, value: string): void {
    if (this.#hasHost && isHost(name) && !authority.test(value)) {
      throw new GuestFault(`${JSON.stringify(value)} cannot be the host of a request`)
    }
    this.#added += 1
    this.#addedBytes += name.length + value.length
    if (this.#added > mostFields || this.#addedBytes > mostFieldBytes) {
      throw new GuestFault(
        `it set more than ${mostFields} fields, or ${mostFieldBytes} bytes of them, in one message`,
        'limit',
      )
    }
  }

  #edit(): HeaderList {
    if (!this.#isOwn) this.#list = this.#list.clone()
    this.#isOwn = true
    return this.#list
  }
}

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host'
/** As RFC 3986 has host and port; user information has no place in it. */
const authority = /^(?:\[[0-9A-Fa-f:.]+\]|[-A-Za-z0-9._~!$&'()*+;=%]+)(?::[0-9]{1,5})?$/

/** What cannot stand in a message is the guest's fault. */
function checked(change: () => void): void {
  try {
    change()
  } catch (thrown) {
    throw new GuestFault(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

/** The body of a message: what is left to be read of it, and what the guest writes in its place. */
export class BodyDraft {
  readonly #came: Uint8Array
  readonly #mostBytes: number
  #readAt = 0
  /** Grows by doubling: guests may write a byte at a time. */
  #written: Buffer | null = null
  #writtenBytes = 0

  /** `came` is empty where nothing was collected. */
  constructor(came: Uint8Array, mostBytes: number) {
    this.#came = came
    this.#mostBytes = mostBytes
  }

  /** All that the guest has written; null is nothing, so that the body stays as it came. */
  get written(): Buffer | null {
    return this.#written?.subarray(0, this.#writtenBytes) ?? null
  }

  /** The next bytes, as many as `into` can take; whether the end was reached. */
  read(into: Uint8Array): { readonly length: number; readonly isEnd: boolean } {
    const piece = this.#came.subarray(this.#readAt, this.#readAt + into.length)
    into.set(piece)
    this.#readAt += piece.length
    return { length: piece.length, isEnd: this.#readAt === this.#came.length }
  }

  /** Copies the bytes. The first write takes the place of what came; later ones follow it. */
  write(bytes: Uint8Array): void {
    const end = this.#writtenBytes + bytes.length
    if (end > this.#mostBytes) {
      throw new GuestFault(`it wrote a body of more than the ${this.#mostBytes} bytes that it may`, 'limit')
    }
    const held = this.#written ?? Buffer.alloc(0)
    const room = end <= held.length ? held : Buffer.alloc(Math.max(end, Math.min(2 * end, this.#mostBytes)))
    if (room !== held) room.set(held.subarray(0, this.#writtenBytes))
    room.set(bytes, this.#writtenBytes)
    this.#written = room
    this.#writtenBytes = end
  }
}

/** Nothing, for what is not there (yet). */
export const noFields = (kind: 'response' | 'trailer'): Fields => new Fields(new HeaderList(), kind)
