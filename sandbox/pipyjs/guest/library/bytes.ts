import { Data } from '../data.ts'
import { host } from '../host.ts'
import { maxPiece } from './host.ts'

const { apply } = Reflect
const { toBuffer, push } = Data.prototype
const sliceBuffer = ArrayBuffer.prototype.slice

/** The bytes of what scripts give where bytes are wanted: Data, or text. `what` names it in the error. */
export function bufferOf(content: unknown, what: string, encoding?: unknown): ArrayBuffer {
  if (content instanceof Data) return apply(toBuffer, content, []) as ArrayBuffer
  if (typeof content === 'string') return apply(toBuffer, new Data(content, encoding), []) as ArrayBuffer
  throw new TypeError(`${what} must be a string or Data, and not ${nameOf(content)}`)
}

/** The text of what scripts give where text is wanted: a string, or Data in UTF-8. */
export function textOf(content: unknown, what: string): string {
  if (typeof content === 'string') return content
  if (!(content instanceof Data)) {
    throw new TypeError(`${what} must be a string or Data, and not ${nameOf(content)}`)
  }
  const text = host.decodeText(bufferOf(content, what), 'utf8')
  if (text === undefined) throw new TypeError(`${what} must be text in UTF-8, and these bytes are none`)
  return text
}

/** Bytes as Data, or as text when an encoding is asked for. */
export function encoded(bytes: ArrayBuffer, encoding: unknown): Data | string {
  if (encoding === undefined || encoding === null) return new Data(bytes)
  const name = String(encoding)
  if (name !== 'hex' && name !== 'base64' && name !== 'base64url') {
    throw new TypeError(`there is no encoding ${name} for these bytes; there are hex, base64, base64url`)
  }
  return host.decodeText(bytes, name) as string
}

/** Hands bytes over in pieces that the host takes. At least one, which may be empty. */
export function inPieces(bytes: ArrayBuffer, take: (piece: ArrayBuffer, isLast: boolean) => void): void {
  const length = bytes.byteLength
  if (length <= maxPiece) {
    take(bytes, true)
    return
  }
  for (let at = 0; at < length; at += maxPiece) {
    const piece = apply(sliceBuffer, bytes, [at, at + maxPiece]) as ArrayBuffer
    take(piece, at + maxPiece >= length)
  }
}

/** Adds bytes at the end of others. */
export function pushData(data: Data, more: Data): Data {
  return apply(push, data, [more]) as Data
}

/** What a value is, for errors. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  return Array.isArray(value) ? 'an array' : 'an object'
}
