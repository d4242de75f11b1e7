import { type HostFunction, HostRefusal } from '../../quickjs/contract.ts'

/** How texts become bytes: null for a text that is not valid. */
const encoders: Readonly<Record<string, (text: string) => Uint8Array | null>> = {
  utf8: (text) => Buffer.from(text, 'utf8'),
  utf16le: (text) => Buffer.from(text, 'utf16le'),
  utf16be: (text) => Buffer.from(text, 'utf16le').swap16(),
  hex: (text) => (/^(?:[0-9a-fA-F]{2})*$/.test(text) ? Buffer.from(text, 'hex') : null),
  base64: (text) => (isBase64(text, /^[A-Za-z0-9+/]*={0,2}$/) ? Buffer.from(text, 'base64') : null),
  base64url: (text) => (isBase64(text, /^[A-Za-z0-9_-]*={0,2}$/) ? Buffer.from(text, 'base64url') : null),
}

/** How bytes become texts: undefined for bytes that are not valid. */
const decoders: Readonly<Record<string, (bytes: Uint8Array) => string | undefined>> = {
  utf8: (bytes) => decoded('utf-8', bytes),
  utf16le: (bytes) => decoded('utf-16le', bytes),
  utf16be: (bytes) => (bytes.length % 2 === 0 ? decoded('utf-16le', Buffer.from(bytes).swap16()) : undefined),
  hex: (bytes) => Buffer.from(bytes).toString('hex'),
  base64: (bytes) => Buffer.from(bytes).toString('base64'),
  base64url: (bytes) => Buffer.from(bytes).toString('base64url'),
}

/** Texts from bytes, and bytes from texts: the guest would take fifty times as long. */
export const textFunctions: Readonly<Record<string, HostFunction>> = {
  encodeText: (call) => ofEncoding(encoders, call.string(1))(call.string(0)),
  decodeText: (call) => ofEncoding(decoders, call.string(1))(call.bytes(0)),
}

function ofEncoding<T>(table: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(table, name) ? table[name] : undefined
  if (found === undefined) throw new HostRefusal(`there is no encoding ${name}`)
  return found
}

function decoded(encoding: string, bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function isBase64(text: string, pattern: RegExp): boolean {
  return pattern.test(text) && text.replace(/=+$/, '').length % 4 !== 1
}
