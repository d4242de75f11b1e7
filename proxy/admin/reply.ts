import { readable } from './table.ts'

/** What a route answers. */
export interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** Done when the answer has been sent, or its client is gone. */
  readonly afterwards?: () => void
}

const plain = 'text/plain; charset=utf-8'

/** Plain text. */
export const textReply = (status: number, body: string): Reply => ({ status, contentType: plain, body })

/** Data as JSON, or as readable text for those who asked for text. */
export function dataReply(status: number, data: unknown, wantsText: boolean): Reply {
  if (wantsText) return textReply(status, readable(data))
  return { status, contentType: 'application/json', body: `${JSON.stringify(data, null, 2)}\n` }
}

/** A refusal or a fault, with its reason as `error` and what else helps. */
export function errorReply(
  status: number,
  reason: string,
  wantsText: boolean,
  more: Readonly<Record<string, readonly string[]>> = {},
): Reply {
  if (!wantsText) return dataReply(status, { error: reason, ...more }, false)
  const lists = Object.entries(more).map(
    ([name, items]) => `\n${name}:\n${items.map((item) => `  ${item}\n`).join('')}`,
  )
  return textReply(status, `${reason}\n${lists.join('')}`)
}

/** Whether an Accept header names plain text rather than JSON. */
export function wantsText(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const types = accept.split(',', 16).map((part) => part.split(';', 1)[0]?.trim().toLowerCase())
  const text = types.indexOf('text/plain')
  const json = types.indexOf('application/json')
  return text >= 0 && (json < 0 || text < json)
}
