/**
 * A module that cannot be metered, or that asks for more than it may have.
 *
 * The message is one line and names the thing and the byte it stands at; that
 * byte is in the module as it came.
 */
export class MeterRefusal extends Error {
  override readonly name = 'MeterRefusal'
  readonly byte: number

  constructor(what: string, byte: number) {
    super(`${what} at byte ${byte}`)
    this.byte = byte
  }
}

/** A byte as the WebAssembly documents write it: `0xfb`. */
export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}
