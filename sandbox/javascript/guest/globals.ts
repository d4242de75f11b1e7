import { encode } from './text.ts'

/** Digits of base64, by value (RFC 4648, section 4). */
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

type Log = Readonly<Record<'debug' | 'info' | 'warn' | 'error', (...parts: unknown[]) => void>>

/** What packages expect to find, as far as it needs nothing of the world. `decode` reads UTF-8. */
export function installGlobals(log: Log, decode: (bytes: ArrayBuffer) => string): void {
  const { debug, info, warn, error } = log
  class TextEncoder {
    readonly encoding = 'utf-8'
    encode(text: unknown = ''): Uint8Array {
      return encode(String(text))
    }
  }
  class TextDecoder {
    readonly encoding = 'utf-8'
    constructor(label: unknown = 'utf-8') {
      if (!/^utf-?8$/i.test(String(label))) {
        throw new RangeError(`TextDecoder knows utf-8 alone, not ${String(label)}`)
      }
    }
    decode(given?: ArrayBuffer | ArrayBufferView): string {
      if (given === undefined) return ''
      if (given instanceof ArrayBuffer) return decode(given)
      const { buffer, byteOffset, byteLength } = given
      return decode((buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength))
    }
  }
  const made = {
    console: Object.freeze({ debug, log: info, info, warn, error, trace: debug }),
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    queueMicrotask,
  }
  for (const [name, value] of Object.entries(made)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
  }
}

function queueMicrotask(job: () => void): void {
  if (typeof job !== 'function') throw new TypeError('queueMicrotask takes a function')
  Promise.resolve().then(job)
}

function btoa(given: unknown): string {
  const text = String(given)
  let made = ''
  for (let at = 0; at < text.length; at += 3) {
    const units = [text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2)]
    if (units.some((unit) => unit > 0xff)) {
      throw new RangeError('btoa takes a text of one byte for each character; encode it first')
    }
    const [a = 0, b = 0, c = 0] = units.map((unit) => (Number.isNaN(unit) ? 0 : unit))
    const bits = (a << 16) | (b << 8) | c
    for (let place = 0; place < 4; place += 1) {
      const isPadding = at + place > text.length
      made += isPadding ? '=' : digits[(bits >> (18 - 6 * place)) & 63]
    }
  }
  return made
}

function atob(given: unknown): string {
  const text = String(given).replace(/[\t\n\f\r ]+/g, '')
  const stripped = text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text
  if (stripped.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(stripped)) {
    throw new RangeError('atob takes base64')
  }
  let made = ''
  let bits = 0
  let count = 0
  for (const digit of stripped) {
    bits = ((bits << 6) | digits.indexOf(digit)) & 0xffff
    count += 6
    if (count < 8) continue
    count -= 8
    made += String.fromCharCode((bits >> count) & 0xff)
  }
  return made
}
