/** Values of properties as Envoy's guests read them: numbers and times in 8 bytes, little-endian, text as it is. */

/** A string of one character a byte, as they come from messages. */
export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

/** Text of our own: names, and what a config says. */
export function textBytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8')
}

/** A whole number, signed or not. */
export function integer(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true)
  return bytes
}

/** A time or a duration in milliseconds, as nanoseconds. */
export function nanoseconds(ms: number): Uint8Array {
  return integer(BigInt(Math.round(ms * 1_000)) * 1_000n)
}

/** One byte. */
export function boolean(value: boolean): Uint8Array {
  return Uint8Array.of(value ? 1 : 0)
}
