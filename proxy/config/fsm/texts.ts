import type { TextKind } from '../shape/shape.ts'

/** A port as a key of an object. */
export const portText: TextKind<string> = {
  what: 'a port number',
  pattern: null,
  write: String,
  number: null,
  parse: (text) =>
    /^(0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535
      ? { value: text }
      : { problem: 'expected a port number' },
}
