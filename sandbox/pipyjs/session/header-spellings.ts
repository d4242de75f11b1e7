import { isAll, tokenChars } from '../../../chains/syntax.ts'
import type { MessageHead } from '../events.ts'

/** The property of a head by which scripts spell the names of its headers. */
const property = 'headerNames'

/** How the names of headers are spelt that are not in lower case, by what they are in lower case. */
export function spellingsIn({ headers }: MessageHead): Record<string, string> {
  const names = headers.fields.filter((name, at) => at % 2 === 0 && name !== name.toLowerCase())
  return Object.fromEntries(names.map((name) => [name.toLowerCase(), name]))
}

/** Spells the names of headers as a script has said, if it has. What is another name, or none, changes nothing. */
export function respell({ headers, extra }: MessageHead): void {
  const text = extra?.get(property)
  if (text === undefined) return
  const given: unknown = JSON.parse(text)
  if (typeof given !== 'object' || given === null) return
  const spellings = new Map<string, unknown>(Object.entries(given))
  const fields = headers.fields.map((field, at) => {
    const lower = at % 2 === 0 ? field.toLowerCase() : field
    const spelling = at % 2 === 0 ? spellings.get(lower) : undefined
    const isSame = typeof spelling === 'string' && spelling.toLowerCase() === lower
    return isSame && isAll(spelling, tokenChars) ? spelling : field
  })
  if (fields.every((field, at) => field === headers.fields[at])) return
  headers.deleteAll(new Set(fields.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())))
  for (let at = 0; at < fields.length; at += 2) {
    headers.append(fields[at] as string, fields[at + 1] as string)
  }
}
