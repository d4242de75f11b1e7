import type { GuestValue } from './contract.ts'
import { type GuestMemory, OutOfGuestMemory } from './guest-memory.ts'
import { doubleOffset, type Library, layout, tagRange, tags } from './library.ts'

/** What {@link Values.read} gives for what may not cross: objects, functions, symbols, big integers. */
export const notPlain = Symbol('not plain')

const beyondLatin1 = /[\u0100-\uffff]/
/** Texts up to this many units need no memory but their own. */
const shortText = 16_384
const serialVersion = 5
const serialString = 7
const maxHeader = 8
/** The upper half of the one NaN. */
const quietNaN = 0x7ff8_0000
const maxTextLength = 2 ** 30 - 1

/**
 * Values of the guest, made and read: each is eight bytes in its memory. An
 * address that is `made` is owned, and has to be freed or given away.
 *
 * Nothing here runs code of the guest's. Texts are read where they are, as the units they are
 * made of, so that NULs and halves of pairs survive.
 */
export class Values {
  readonly #library: Library
  readonly #memory: GuestMemory
  readonly #context: number
  readonly #scratch: number
  /** An ArrayBuffer over `#scratch`. */
  readonly #serial: number
  readonly #double = new Float64Array(1)
  readonly #halves = new Int32Array(this.#double.buffer)

  constructor(library: Library, memory: GuestMemory, context: number) {
    this.#library = library
    this.#memory = memory
    this.#context = context
    this.#scratch = this.allocate(maxHeader + 2 * shortText)
    this.#serial = this.#owned(library.newArrayBuffer(context, this.#scratch, maxHeader + 2 * shortText))
  }

  /** Bytes of the guest's heap. */
  allocate(byteLength: number): number {
    const address = this.#library.malloc(byteLength)
    if (address === 0) throw new OutOfGuestMemory('there is no memory for what was to be handed in')
    return address
  }

  /** Writes a value that needs no memory of its own; false for a text or bytes. */
  writePlain(address: number, value: GuestValue): boolean {
    if (typeof value === 'number') this.writeNumber(address, value)
    else if (value === undefined) this.#write(address, tags.undefined, 0)
    else if (value === null) this.#write(address, tags.null, 0)
    else if (typeof value === 'boolean') this.#write(address, tags.boolean, value ? 1 : 0)
    else return false
    return true
  }

  /** Writes a number. */
  writeNumber(address: number, value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#write(address, tags.int, value)
      return
    }
    this.#double[0] = value
    // Only one NaN: others could be taken for addresses.
    const isNot = Number.isNaN(value)
    const high = isNot ? quietNaN : (this.#halves[1] as number)
    this.#write(address, (high - doubleOffset) | 0, isNot ? 0 : (this.#halves[0] as number))
  }

  /** Makes a value. */
  make(value: GuestValue): number {
    if (typeof value === 'string') return this.makeText(value)
    if (value instanceof Uint8Array) return this.makeBytes(value)
    const address = this.allocate(8)
    this.writePlain(address, value)
    return address
  }

  /**
   * Makes a string of the very units of `text`.
   *
   * It is written in QuickJS's own serial form and read from there, which copies it once and looks at no
   * unit; short ones from a place that is always the same.
   */
  makeText(text: string): number {
    const { length } = text
    if (length > maxTextLength)
      throw new OutOfGuestMemory(`a text of ${length} units is too long for a guest`)
    // One-byte units wherever they will do, for no property is found by a name of the other kind.
    const isWide = beyondLatin1.test(text)
    if (length <= shortText) {
      this.#writeSerial(this.#scratch, text, isWide)
      return this.#owned(this.#library.decode(this.#context, this.#serial))
    }
    const byteLength = maxHeader + length * (isWide ? 2 : 1)
    const at = this.allocate(byteLength)
    this.#writeSerial(at, text, isWide)
    this.#memory.handedIn(byteLength)
    const serial = this.#owned(this.#library.newArrayBuffer(this.#context, at, byteLength))
    const address = this.#library.decode(this.#context, serial)
    this.#library.freeValue(this.#context, serial)
    return this.#owned(address)
  }

  /** Makes an ArrayBuffer with a copy of `bytes`. */
  makeBytes(bytes: Uint8Array): number {
    const at = this.allocate(bytes.length || 1)
    this.#memory.bytes.set(bytes, at)
    this.#memory.handedIn(bytes.length)
    return this.#owned(this.#library.newArrayBuffer(this.#context, at, bytes.length))
  }

  /** A text of the host's for functions of the library; to be freed with `free`. */
  makeCString(text: string): number {
    const byteLength = Buffer.byteLength(text)
    const address = this.allocate(byteLength + 1)
    this.#memory.bytes.write(text, address, byteLength, 'utf8')
    this.#memory.bytes[address + byteLength] = 0
    return address
  }

  /** What kind of value it is: one of {@link tags}, or something else. */
  tag(address: number): number {
    return this.#memory.words[(address >> 2) + 1] as number
  }

  /** The number at an address; NaN for what is no number. */
  number(address: number): number {
    const tag = this.tag(address)
    if (tag === tags.int) return this.#low(address)
    if ((tag - tagRange.first) >>> 0 < tagRange.count) return Number.NaN
    this.#halves[0] = this.#low(address)
    this.#halves[1] = (tag + doubleOffset) | 0
    return this.#double[0] as number
  }

  /** Whether there is a `true`. */
  isTrue(address: number): boolean {
    return this.tag(address) === tags.boolean && this.#low(address) === 1
  }

  /** The string at an address, or null for what is none. */
  text(address: number): string | null {
    const tag = this.tag(address)
    if (tag === tags.string) return this.#textAt(this.#low(address))
    return tag === tags.rope ? this.#ropeText(address) : null
  }

  /** A copy of the ArrayBuffer at an address, or null for what is none. */
  bytes(address: number): Uint8Array | null {
    if (this.tag(address) !== tags.object) return null
    const { words, bytes } = this.#memory
    const object = this.#low(address)
    if ((words[(object + layout.objectClass) >> 2] as number) >>> 16 !== layout.arrayBufferClass) return null
    const buffer = words[(object + layout.objectArrayBuffer) >> 2] as number
    if (bytes[buffer + layout.bufferIsDetached] !== 0) return null
    const length = words[buffer >> 2] as number
    const start = words[(buffer + layout.bufferData) >> 2] as number
    const copy = Buffer.allocUnsafe(length)
    bytes.copy(copy, 0, start, start + length)
    return copy
  }

  /** Any value that may cross. */
  read(address: number): GuestValue | typeof notPlain {
    switch (this.tag(address)) {
      case tags.undefined:
        return undefined
      case tags.null:
        return null
      case tags.boolean:
        return this.#low(address) === 1
      case tags.string:
      case tags.rope:
        return this.text(address) ?? notPlain
      case tags.object:
        return this.bytes(address) ?? notPlain
    }
    const tag = this.tag(address)
    const isNumber = tag === tags.int || (tag - tagRange.first) >>> 0 >= tagRange.count
    return isNumber ? this.number(address) : notPlain
  }

  /** Takes the exception that is due. The value that stands for it is freed. */
  takeException(address: number): number {
    const thrown = this.#library.resolveException(this.#context, address)
    this.#library.free(address)
    if (thrown === 0) throw new OutOfGuestMemory('there is no memory for an exception')
    return thrown
  }

  #write(address: number, tag: number, low: number): void {
    const { words } = this.#memory
    words[address >> 2] = low
    words[(address >> 2) + 1] = tag
  }

  #low(address: number): number {
    return this.#memory.words[address >> 2] as number
  }

  #lengthAt(string: number): number {
    return (this.#memory.words[(string + layout.stringLength) >> 2] as number) & 0x7fff_ffff
  }

  #textAt(string: number): string {
    const { bytes, words } = this.#memory
    const length = words[(string + layout.stringLength) >> 2] as number
    const start = string + layout.stringUnits
    if (length >= 0) return bytes.toString('latin1', start, start + length)
    return bytes.toString('utf16le', start, start + 2 * (length & 0x7fff_ffff))
  }

  /** A text that the guest has put together and not yet looked at: has it made flat first, at the guest's expense. */
  #ropeText(address: number): string {
    const flat = this.#library.getString(this.#context, address)
    if (flat === 0) throw new OutOfGuestMemory('there is no memory for a text to be handed out')
    this.#library.freeString(this.#context, flat)
    const rope = this.#low(address)
    const isFlat =
      this.tag(rope + layout.ropeLeft) === tags.string &&
      this.tag(rope + layout.ropeRight) === tags.string &&
      this.#lengthAt(this.#low(rope + layout.ropeRight)) === 0
    if (!isFlat) throw new Error('a text of the guest is not as it should be')
    return this.#textAt(this.#low(rope + layout.ropeLeft))
  }

  /** A version, no atoms, a string; twice its length, plus one if it is of two-byte units, seven bits a byte; its units. */
  #writeSerial(address: number, text: string, isWide: boolean): void {
    const { bytes } = this.#memory
    bytes[address] = serialVersion
    bytes[address + 1] = 0
    bytes[address + 2] = serialString
    let at = address + 3
    let rest = text.length * 2 + (isWide ? 1 : 0)
    for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128
    bytes[at++] = rest
    bytes.write(text, at, isWide ? 'utf16le' : 'latin1')
  }

  /** An address that the library made, which is 0 or an exception only when memory has run out. */
  #owned(address: number): number {
    if (address === 0 || this.tag(address) === tags.exception)
      throw new OutOfGuestMemory('there is no memory for what was to be handed in')
    return address
  }
}
