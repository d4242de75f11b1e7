import { Data } from './data.ts'
import { MessageStart } from './message-start.ts'

/** A message ends. */
export class MessageEnd {
  declare tail: unknown
  declare payload: unknown

  constructor(tail?: unknown, payload?: unknown) {
    this.tail = tail
    this.payload = payload
  }
}

/** A stream ends, well or with an error. */
export class StreamEnd {
  declare error: unknown

  constructor(error?: unknown) {
    this.error = error
  }
}

/** Under this a message that the host gave has its beginning. */
export const messageStart = Symbol('start')

/** A message with its whole body. It is no event, but stands for three of them. */
export class Message {
  declare head: unknown
  declare body: Data | null
  declare tail: unknown
  declare payload: unknown
  declare [messageStart]?: MessageStart

  constructor(...parts: unknown[]) {
    // One argument is the body, unless it is an object that can be a head.
    const isBodyAlone = parts.length === 1 && (typeof parts[0] === 'string' || parts[0] instanceof Data)
    const [head, body, tail] = isBodyAlone ? [undefined, parts[0]] : parts
    this.head = head ?? {}
    this.tail = tail
    this.body = null
    this.payload = undefined
    if (typeof body === 'string') this.body = new Data(body)
    else if (body instanceof Data) this.body = body
    else if (body !== undefined && body !== null) this.payload = body
  }
}

/** The message that the host gave. */
export function givenMessage(start: MessageStart, body: Data, end: MessageEnd | null): Message {
  const message = new Message(start.head, body, end?.tail)
  message.payload = end?.payload
  message[messageStart] = start
  return message
}

/** Whether a value can be sent through a pipeline as it is. */
export function isEvent(value: unknown): boolean {
  return (
    value instanceof MessageStart ||
    value instanceof Data ||
    value instanceof MessageEnd ||
    value instanceof StreamEnd ||
    value instanceof Message
  )
}
