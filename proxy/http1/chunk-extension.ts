import { tokenChars, valueChars } from '../../chains/syntax.ts'

type State = 'name-start' | 'name' | 'value-start' | 'value' | 'quoted' | 'escaped' | 'quoted-end'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const EQUALS = 0x3d
const SEMICOLON = 0x3b

/**
 * Checks the extensions behind one chunk size, a byte at a time (RFC 9112
 * section 7.1.1, without the blanks that it calls bad). They mean nothing to us
 * and are dropped, but what is no extension might be read as something else by
 * the next parser.
 */
export class ChunkExtension {
  #state: State = 'name-start'

  /** Whether the extensions may end here. */
  get isComplete(): boolean {
    return this.#state === 'name' || this.#state === 'value' || this.#state === 'quoted-end'
  }

  /** Takes the next byte; false if it may not stand here. */
  take(byte: number): boolean {
    const next = this.#next(byte)
    if (next) this.#state = next
    return next !== null
  }

  #next(byte: number): State | null {
    const isToken = tokenChars[byte] === 1
    switch (this.#state) {
      case 'name-start':
        return isToken ? 'name' : null
      case 'name':
        if (isToken) return 'name'
        if (byte === EQUALS) return 'value-start'
        return byte === SEMICOLON ? 'name-start' : null
      case 'value-start':
        if (byte === QUOTE) return 'quoted'
        return isToken ? 'value' : null
      case 'value':
        if (isToken) return 'value'
        return byte === SEMICOLON ? 'name-start' : null
      case 'quoted':
        if (byte === QUOTE) return 'quoted-end'
        if (byte === BACKSLASH) return 'escaped'
        return valueChars[byte] === 1 ? 'quoted' : null
      case 'escaped':
        return valueChars[byte] === 1 ? 'quoted' : null
      case 'quoted-end':
        return byte === SEMICOLON ? 'name-start' : null
    }
  }
}
