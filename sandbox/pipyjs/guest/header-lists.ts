import { plainProperty } from './head-state.ts'

const { isArray } = Array
const { getOwnPropertyDescriptor } = Reflect

/** What is to be sent for a header's value, as texts: null and undefined are nothing. */
export function headerTexts(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (!isArray(value)) return [String(value)]
  const texts: string[] = []
  for (const one of value) if (one !== undefined && one !== null) texts[texts.length] = String(one)
  return texts
}

/** The headers of an object that a script made, as names and values in turn. */
export function headerList(headers: unknown): string[] {
  const list: string[] = []
  if (headers === undefined || headers === null) return list
  if (typeof headers !== 'object') {
    throw new TypeError(`headers must be an object, and are ${String(headers)}`)
  }
  for (const name of Object.keys(headers)) {
    for (const text of headerTexts((headers as Record<string, unknown>)[name])) {
      list[list.length] = name
      list[list.length] = text
    }
  }
  return list
}

/** Headers as an object, from names and values in turn: the last of a name counts, but of cookies all. */
export function headersObject(list: readonly string[]): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = (list[at] as string).toLowerCase()
    const text = list[at + 1] as string
    const before = getOwnPropertyDescriptor(headers, name)?.value
    const isList = before !== undefined && (name === 'cookie' || name === 'set-cookie')
    const value = isList ? (isArray(before) ? [...before, text] : [before, text]) : text
    // Defined, not assigned: a header may be called __proto__.
    Object.defineProperty(headers, name, plainProperty(value))
  }
  return headers
}
