import type { HeaderList } from '../../../chains/headers.ts'
import type { MessageHead } from '../events.ts'
import { respell } from './header-spellings.ts'

/** Fields of a head by the places that the guest knows them by. */
export const headFields = [
  'protocol',
  'method',
  'path',
  'status',
  'statusText',
  'scheme',
  'authority',
] as const
/** One of {@link headFields}. */
export type HeadField = (typeof headFields)[number]

/** A change to a head that takes effect when the call has ended well. */
export type HeadEdit =
  | {
      readonly kind: 'header'
      readonly head: MessageHead
      readonly name: string
      readonly values: readonly string[]
    }
  | { readonly kind: 'headers'; readonly head: MessageHead; readonly list: readonly string[] }
  | {
      readonly kind: 'field'
      readonly head: MessageHead
      readonly field: HeadField
      readonly value: string | number
    }
  | {
      readonly kind: 'extra'
      readonly head: MessageHead
      readonly name: string
      readonly json: string | null
    }

/** Makes a change. Everything in it has been checked. */
export function applyEdit(edit: HeadEdit): void {
  const { head } = edit
  switch (edit.kind) {
    case 'header':
      setHeader(head.headers, edit.name, edit.values)
      break
    case 'headers':
      replaceHeaders(head.headers, edit.list)
      break
    case 'field':
      setField(head, edit.field, edit.value)
      break
    case 'extra':
      head.extra ??= new Map()
      if (edit.json === null) head.extra.delete(edit.name)
      else head.extra.set(edit.name, edit.json)
  }
  if (head.extra) respell(head)
}

/** Gives a header these values, none of which removes it. */
export function setHeader(headers: HeaderList, name: string, values: readonly string[]): void {
  if (values.length === 1) {
    const value = values[0] as string
    // Both have been checked when they were given.
    if (headers.has(name)) headers.set(name, value)
    else headers.appendValid(name, value)
    return
  }
  headers.delete(name)
  for (const value of values) headers.append(name, value)
}

/** Makes these the headers, given as names and values in turn. */
export function replaceHeaders(headers: HeaderList, list: readonly string[]): void {
  headers.deleteAll(
    new Set(headers.fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())),
  )
  for (let at = 0; at < list.length; at += 2) headers.append(list[at] as string, list[at + 1] as string)
}

/** Sets a field, whose value is of the right type. */
export function setField(head: MessageHead, field: HeadField, value: string | number): void {
  if (field === 'status') head.status = Number(value)
  else head[field] = String(value)
}
