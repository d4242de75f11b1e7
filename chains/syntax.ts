/** Marks every char code of `allowed` (and of the ranges in `ranges`) in a table of 256. */
export function charTable(
  allowed: string,
  ranges: readonly (readonly [from: number, to: number])[],
): Uint8Array {
  const marks = new Uint8Array(256)
  for (const char of allowed) marks[char.charCodeAt(0)] = 1
  for (const [from, to] of ranges) marks.fill(1, from, to + 1)
  return marks
}

const digits = [0x30, 0x39] as const
const upper = [0x41, 0x5a] as const
const lower = [0x61, 0x7a] as const

/** `tchar` (RFC 9110 section 5.6.2). */
export const tokenChars = charTable("!#$%&'*+-.^_`|~", [digits, upper, lower])

/** What may stand in a field value: HTAB, SP, visible characters, and obs-text (RFC 9110 section 5.5). */
export const valueChars = charTable('\t', [
  [0x20, 0x7e],
  [0x80, 0xff],
])

/** Whether every character of `text` from `start` to `end` is marked in `marks`. Char codes over 255 never are. */
export function isAll(text: string, marks: Uint8Array, start = 0, end = text.length): boolean {
  for (let at = start; at < end; at++) {
    if (marks[text.charCodeAt(at)] !== 1) return false
  }
  return true
}

/** Methods whose request may be sent again without doing more than once was asked (RFC 9110 section 9.2.2). */
export const idempotentMethods: ReadonlySet<string> = new Set(
  'GET HEAD OPTIONS TRACE PUT DELETE PROPFIND SEARCH QUERY REPORT'.split(' '),
)
