import { isAll, tokenChars, valueChars } from '../../../chains/syntax.ts'
import { type HostCall, HostRefusal } from '../../quickjs/contract.ts'

const beyondAscii = /[\u0080-\uffff]/
const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Spellings of header names that one guest can have numbers for. */
const maxNames = 1_000

/** What a script sees of bytes in a head: text, if they are UTF-8, as PipyJS has it. */
export function textOfHead(bytes: string): string {
  if (!beyondAscii.test(bytes)) return bytes
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return bytes
  }
}

/** The bytes of a text of a script, as heads have them: one character each. */
export function bytesForHead(text: string): string {
  return beyondAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

/** The bytes of a header's value; refuses what cannot be in one. */
export function headerValue(name: string, text: string): string {
  const bytes = bytesForHead(text)
  if (isAll(bytes, valueChars)) return bytes
  throw new HostRefusal(`the value for the header ${name} has a control character in it: ${shown(text)}`)
}

/** The name of a header, in lower case; refuses what cannot be one. */
export function headerName(text: string): string {
  if (text.length > 0 && text.length <= 256 && isAll(text, tokenChars)) return text.toLowerCase()
  throw new HostRefusal(`${shown(text)} is no name of a header; it would be letters, digits and dashes`)
}

/** A text as it stands in messages. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

/** Header names by number: scripts use few, and a number crosses faster. */
export class HeaderNames {
  readonly #names: string[] = ['']

  /** A number for a spelling; 0 when it can have none. */
  number(spelling: string): number {
    if (this.#names.length > maxNames || !isAll(spelling, tokenChars) || spelling.length === 0) return 0
    this.#names.push(spelling.toLowerCase())
    return this.#names.length - 1
  }

  /** The name of a number that was given. */
  of(number: number): string {
    return this.#names[number] as string
  }

  /** The name that an argument says, by number or as it is, in lower case. It need not be one that can be sent. */
  read(call: HostCall, index: number): string {
    const number = call.number(index)
    return this.#names[number] ?? call.string(index).toLowerCase()
  }

  /** The same for a name that is to be sent. */
  readValid(call: HostCall, index: number): string {
    return this.#names[call.number(index)] ?? headerName(call.string(index))
  }
}
