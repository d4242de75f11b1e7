import { host } from './host.ts'

/** What texts can be encoded as. */
const encodings = ['utf8', 'utf16be', 'utf16le', 'hex', 'base64', 'base64url']

/** Bytes. Empty ones are a flush marker when they are an event. */
export class Data {
  #chunks: Uint8Array[] = []
  #size = 0
  /** The number of the bytes that the host gave, for as long as they are untouched. */
  #given = 0

  constructor(content?: unknown, encoding?: unknown) {
    if (content === undefined || content === null) return
    if (content instanceof Data) this.#add(content)
    else if (typeof content === 'string') {
      const bytes = host.encodeText(content, knownEncoding(encoding))
      if (bytes === null) throw new TypeError(`the text is no valid ${String(encoding)}`)
      this.#append(new Uint8Array(bytes))
    } else if (content instanceof ArrayBuffer) this.#append(new Uint8Array(content.slice(0)))
    else if (typeof content === 'object' && Symbol.iterator in content) {
      this.#append(Uint8Array.from(content as Iterable<number>))
    } else
      throw new TypeError(
        `Data is made of a string, Data or an array of bytes, and not of ${String(content)}`,
      )
  }

  /** Bytes from text; null when they are no valid text of that encoding. */
  static from(text: unknown, encoding?: unknown): Data | null {
    const bytes = host.encodeText(String(text), knownEncoding(encoding))
    if (bytes === null) return null
    const data = new Data()
    data.#append(new Uint8Array(bytes))
    return data
  }

  /** Bytes of the host's; `given` is their number there. */
  static given(bytes: ArrayBuffer, given: number): Data {
    const data = new Data()
    data.#append(new Uint8Array(bytes))
    data.#given = given
    return data
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#size
  }

  /** Adds bytes, or text as UTF-8, at the end. */
  push(content: unknown): this {
    this.#given = 0
    this.#add(content instanceof Data ? content : new Data(content))
    return this
  }

  /** Takes bytes from the beginning. */
  shift(count: unknown): Data {
    return this.#cut(Math.min(this.#size, wholeNumber(count)))
  }

  /** Takes bytes from the end. */
  pop(count: unknown): Data {
    const front = this.#cut(this.#size - Math.min(this.#size, wholeNumber(count)))
    const back = new Data()
    back.#chunks = this.#chunks
    back.#size = this.#size
    this.#chunks = front.#chunks
    this.#size = front.#size
    return back
  }

  /** Takes bytes from the beginning, up to and with the first that `test` is true for. */
  shiftTo(test: (byte: number) => unknown): Data {
    const at = this.#find((byte) => Boolean(test(byte)))
    return this.#cut(at < 0 ? this.#size : at + 1)
  }

  /** Takes bytes from the beginning for as long as `test` is true for them. */
  shiftWhile(test: (byte: number) => unknown): Data {
    const at = this.#find((byte) => !test(byte))
    return this.#cut(at < 0 ? this.#size : at)
  }

  /** The bytes as numbers. */
  toArray(): number[] {
    return Array.from(new Uint8Array(this.toBuffer()))
  }

  /** The text; undefined when the bytes are no valid text of that encoding. */
  toString(encoding?: unknown): string {
    // As Pipy has it; the type is that of every object.
    return host.decodeText(this.toBuffer(), knownEncoding(encoding)) as string
  }

  /** What JSON says of it: its text. */
  toJSON(): string | undefined {
    return this.toString()
  }

  /** All bytes in one piece, which is nobody else's to change. */
  toBuffer(): ArrayBuffer {
    const first = this.#chunks[0]
    if (first === undefined) return new ArrayBuffer(0)
    if (this.#chunks.length === 1 && first.length === first.buffer.byteLength)
      return first.buffer as ArrayBuffer
    const bytes = new Uint8Array(this.#size)
    let at = 0
    for (let index = 0; index < this.#chunks.length; index += 1) {
      const chunk = this.#chunks[index] as Uint8Array
      bytes.set(chunk, at)
      at += chunk.length
    }
    this.#chunks = [bytes]
    return bytes.buffer
  }

  /** Sends the bytes on. */
  emit(): void {
    // The host has them still within the call that they came with.
    if (this.#given === 0 || !host.emitGivenBytes(this.#given)) host.emitBytes(this.toBuffer())
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks[this.#chunks.length] = bytes
    this.#size += bytes.length
  }

  #add(data: Data): void {
    // The chunks never change, so both may hold them; a Data may be added to itself.
    const chunks = data.#chunks
    const { length } = chunks
    for (let at = 0; at < length; at += 1) this.#append(chunks[at] as Uint8Array)
  }

  #find(test: (byte: number) => boolean): number {
    let before = 0
    for (const chunk of this.#chunks) {
      for (let at = 0; at < chunk.length; at += 1) if (test(chunk[at] as number)) return before + at
      before += chunk.length
    }
    return -1
  }

  #cut(count: number): Data {
    this.#given = 0
    const front = new Data()
    const rest: Uint8Array[] = []
    for (const chunk of this.#chunks) {
      const missing = count - front.#size
      if (missing >= chunk.length) front.#append(chunk)
      else if (missing > 0) {
        front.#append(chunk.subarray(0, missing))
        rest[rest.length] = chunk.subarray(missing)
      } else rest[rest.length] = chunk
    }
    this.#chunks = rest
    this.#size -= front.#size
    return front
  }
}

function knownEncoding(encoding: unknown): string {
  if (encoding === undefined || encoding === null) return 'utf8'
  const name = String(encoding)
  if (!encodings.includes(name)) {
    throw new TypeError(`there is no encoding ${name}; there are ${encodings.join(', ')}`)
  }
  return name
}

function wholeNumber(count: unknown): number {
  const number = Math.floor(Number(count))
  return number > 0 ? number : 0
}
