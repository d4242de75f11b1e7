/** UTF-8 bytes of a text; lone surrogates become U+FFFD, as in every encoder of the web. */
export function encode(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const point = character.codePointAt(0) as number
    const code = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f))
    else if (code < 0x10000) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
    } else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f))
      bytes.push(0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
    }
  }
  return new Uint8Array(bytes)
}

/** What a plugin gave as a body, as it crosses the wall; undefined is none. Throws a `TypeError` for what is no body. */
export function bodyOf(given: unknown): string | ArrayBuffer | undefined {
  if (given === null || given === undefined) return undefined
  if (typeof given === 'string') return given
  if (given instanceof ArrayBuffer) return given
  if (ArrayBuffer.isView(given)) {
    const { buffer, byteOffset, byteLength } = given
    return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength)
  }
  if (typeof given === 'object') return JSON.stringify(given)
  throw new TypeError(`a body is a text, bytes, or an object to be sent as JSON; not a ${typeof given}`)
}
