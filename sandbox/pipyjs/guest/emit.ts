import { Data } from './data.ts'
import { Message, MessageEnd, messageStart, StreamEnd } from './events.ts'
import { headFields, type MadeHead, numberOf } from './head-views.ts'
import { headerList } from './header-lists.ts'
import { host } from './host.ts'
import { MessageStart } from './message-start.ts'
import { isStart } from './starts.ts'

const { stringify } = JSON
const fieldNames: readonly string[] = headFields
const maxDepth = 20

/** Sends on what a callback gave: nothing, an event, a message, or arrays of these. Says whether it was any of those. */
export function emit(value: unknown, depth = 0): boolean {
  if (value === undefined || value === null) return true
  if (value instanceof Data) value.emit()
  else if (value instanceof MessageStart) emitStart(value)
  else if (value instanceof MessageEnd) emitEnd(value.tail, value.payload)
  else if (value instanceof StreamEnd) emitStreamEnd(value.error)
  else if (value instanceof Message) emitMessage(value)
  else if (Array.isArray(value) && depth < maxDepth) {
    for (const one of value) if (!emit(one, depth + 1)) return false
  } else return false
  return true
}

function emitMessage(message: Message): void {
  const start = message[messageStart]
  if (start !== undefined && start.head === message.head) emitStart(start)
  else emitHead(message.head)
  const { body } = message
  if (body instanceof Data) {
    if (body.size > 0) body.emit()
  } else if (body !== undefined && body !== null) new Data(body).emit()
  emitEnd(message.tail, message.payload)
}

function emitStart(start: MessageStart): void {
  const number = numberOf(start.head)
  if (number !== 0 && isStart(start, number)) host.emitHead(number, false)
  else emitHead(start.head)
}

/** A head that is not the message's own is copied: what is made of it must not change with it. */
function emitHead(head: unknown): void {
  const number = numberOf(head)
  if (number !== 0) host.emitHead(number, true)
  else host.emitMadeHead(stringify(madeHead(head)))
}

function madeHead(head: unknown): MadeHead {
  const made: MadeHead = { fields: {}, headers: [], extra: {} }
  if (head === undefined || head === null) return made
  if (typeof head !== 'object') throw new TypeError(`a head must be an object, and is ${String(head)}`)
  const values = head as Record<string, unknown>
  for (const name of Object.keys(values)) {
    const value = values[name]
    if (name === 'headers' || value === undefined || value === null) continue
    if (name === 'status') made.fields[name] = Number(value)
    else if (fieldNames.includes(name)) made.fields[name] = String(value)
    else {
      const json = stringify(value)
      if (json !== undefined) made.extra[name] = json
    }
  }
  return { ...made, headers: headerList(values.headers) }
}

function emitEnd(tail: unknown, payload: unknown): void {
  const headers = (tail as { headers?: unknown } | null | undefined)?.headers
  const trailers = headers === undefined || headers === null ? null : stringify(headerList(headers))
  const json = payload === undefined || payload === null ? null : (stringify(payload) ?? null)
  host.emitEnd(trailers, json)
}

function emitStreamEnd(error: unknown): void {
  if (error === undefined || error === null) host.emitStreamEnd(null, '')
  else if (typeof error === 'string') host.emitStreamEnd(error, '')
  else
    host.emitStreamEnd('RuntimeError', error instanceof Error ? error.message : (textOf(error) ?? 'an error'))
}

function textOf(value: unknown): string | undefined {
  try {
    return typeof value === 'object' ? stringify(value) : String(value)
  } catch {
    return undefined
  }
}
