import { HeaderList } from '../../../chains/headers.ts'
import { charTable, isAll, tokenChars, valueChars } from '../../../chains/syntax.ts'
import { HostRefusal } from '../../quickjs/contract.ts'
import type { MessageHead } from '../events.ts'
import { type HeadField, headFields, setField } from './head-edits.ts'
import { respell } from './header-spellings.ts'
import { bytesForHead, headerName, headerValue, shown, textOfHead } from './header-texts.ts'

/** Properties beside HTTP's that one head can have, and characters of all of them. */
const maxExtras = 100
const maxExtraLength = 65_536

/** What a path can be made of: visible ASCII without `#`. */
const pathChars = charTable('', [
  [0x21, 0x22],
  [0x24, 0x7e],
])

/** A head that a script made, from JSON: fields, headers as names and values in turn, everything else. */
export function readMadeHead(json: string): MessageHead {
  const made: unknown = JSON.parse(json)
  const fields = recordAt(made, 'fields')
  const extra = recordAt(made, 'extra')
  const head: MessageHead = {
    kind: 'status' in fields || !('method' in fields || 'path' in fields) ? 'response' : 'request',
    id: 0,
    protocol: 'HTTP/1.1',
    method: '',
    path: '',
    status: 0,
    statusText: '',
    scheme: '',
    authority: '',
    headers: new HeaderList(checkedHeaders(recordAt(made, 'headers', true))),
    extra: null,
  }
  for (const field of headFields) {
    if (Object.hasOwn(fields, field)) setField(head, field, checkedField(field, fields[field]))
  }
  for (const [name, text] of Object.entries(extra)) {
    head.extra ??= new Map()
    addExtra(head.extra, name, typeof text === 'string' ? text : null)
  }
  respell(head)
  return head
}

/** A head of its own with the same content. */
export function copyOf(head: MessageHead): MessageHead {
  const { kind, protocol, method, path, status, statusText, scheme, authority } = head
  const extra = head.extra && new Map(head.extra)
  const headers = head.headers.clone()
  return { kind, id: 0, protocol, method, path, status, statusText, scheme, authority, headers, extra }
}

/** A head as JSON for the guest to keep; the other way of {@link readMadeHead}. */
export function describeHead(head: MessageHead): string {
  const fields = Object.fromEntries(
    headFields.filter((field) => hasField(head, field)).map((field) => [field, shownField(head, field)]),
  )
  const extra = Object.fromEntries(head.extra ?? [])
  return JSON.stringify({ fields, headers: head.headers.fields.map(textOfHead), extra })
}

/** A field as scripts see it. */
export function shownField(head: MessageHead, field: HeadField): string | number | undefined {
  if (!hasField(head, field)) return undefined
  return field === 'status' ? head.status : textOfHead(head[field])
}

/** Whether a script sees a field at all. */
export function hasField(head: MessageHead, field: HeadField): boolean {
  if (field === 'scheme' || field === 'authority') return head[field] !== ''
  const isOfAnswers = field === 'status' || field === 'statusText'
  return field === 'protocol' || isOfAnswers === (head.kind === 'response') || Boolean(head[field])
}

/** The value for a field; refuses what cannot be sent. Undefined empties it. */
export function checkedField(field: HeadField, value: unknown): string | number {
  if (field === 'status') {
    const isStatus = typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599
    if (value === undefined || isStatus) return value ?? 0
    throw new HostRefusal(`${String(value)} is no status; it would be a number from 100 to 599`)
  }
  if (value === undefined) return ''
  if (typeof value !== 'string') throw new HostRefusal(`${field} must be a text`)
  const bytes = bytesForHead(value)
  const chars = { method: tokenChars, path: pathChars }[field as 'method'] ?? valueChars
  if (!isAll(bytes, chars))
    throw new HostRefusal(
      `${shown(value)} cannot be sent as ${field}: it has a character that may not be there`,
    )
  return bytes
}

/** Headers as names and values in turn; refuses what cannot be sent. */
export function checkedHeaders(list: unknown): string[] {
  if (!Array.isArray(list) || list.length % 2 !== 0) throw new HostRefusal('headers must be names and values')
  return list.map((text: unknown, index) => {
    if (typeof text !== 'string') throw new HostRefusal('headers must be texts')
    return index % 2 === 0 ? headerName(text) : headerValue(String(list[index - 1]), text)
  })
}

/** Sets a property that HTTP has no place for; null removes it. Refuses what is too much. */
export function addExtra(extra: Map<string, string>, name: string, json: string | null): void {
  if (json === null) {
    extra.delete(name)
    return
  }
  let length = name.length + json.length
  for (const [other, text] of extra) if (other !== name) length += other.length + text.length
  if (extra.size >= maxExtras && !extra.has(name))
    throw new HostRefusal(`a head has at most ${maxExtras} properties`)
  if (length > maxExtraLength)
    throw new HostRefusal(`the properties of a head are at most ${maxExtraLength} characters`)
  extra.set(name, json)
}

function recordAt(value: unknown, key: string, isList?: false): Readonly<Record<string, unknown>>
function recordAt(value: unknown, key: string, isList: true): unknown
function recordAt(value: unknown, key: string): unknown {
  const found =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  if (typeof found !== 'object' || found === null) throw new HostRefusal('this is no head')
  return found
}
