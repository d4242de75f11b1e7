/** One HTTP/1.1 message as it stood on the wire. Text is latin1. */
export interface WireMessage {
  readonly startLine: string
  /** Names and values as sent, without the white space around values. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Start line and fields with their line ends, without the empty line. */
  readonly head: string
  readonly isChunked: boolean
  /** With chunk framing taken off. */
  readonly body: Buffer
  /** The trailer lines with their line ends, or empty. */
  readonly trailers: string
  /** Where the next message begins. */
  readonly end: number
}

/** How a message without framing fields ends. */
export type Ending = (startLine: string) => 'no-body' | 'until-close'

/** A request without framing has no body. */
export const endOfRequest: Ending = () => 'no-body'

/** An answer without framing runs until the connection closes. */
export const endOfAnswer: Ending = () => 'until-close'

/** The value of a field, by its lower-case name. */
export function fieldOf(message: WireMessage, name: string): string | undefined {
  return message.fields.find(([each]) => each.toLowerCase() === name)?.[1]
}

/** The status of an answer, or NaN. */
export function statusOf(message: WireMessage): number {
  return Number(message.startLine.split(' ', 2)[1])
}

/**
 * Takes one whole message out of `bytes`, or null when it is not whole yet.
 *
 * Reads only what a strict writer writes: it is for looking at what the proxy
 * sent. Anything else throws.
 */
export function takeMessage(bytes: Buffer, from: number, ending: Ending, isOver = false): WireMessage | null {
  const headEnd = bytes.indexOf('\r\n\r\n', from, 'latin1')
  if (headEnd < 0) return null
  const head = bytes.toString('latin1', from, headEnd + 2)
  const [startLine = '', ...lines] = head.slice(0, -2).split('\r\n')
  const fields = lines.map((line) => {
    const colon = line.indexOf(':')
    if (colon < 1) throw new Error(`the proxy wrote a line without a name: ${JSON.stringify(line)}`)
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  const named = (name: string) => fields.find(([each]) => each.toLowerCase() === name)?.[1]
  const bodyStart = headEnd + 4
  const status = Number(startLine.split(' ', 2)[1])
  const isBodyless = status < 200 || status === 204 || status === 304
  const start = { startLine, fields, head }
  const empty = { isChunked: false, body: Buffer.alloc(0), trailers: '' }
  if (isBodyless) return { ...start, ...empty, end: bodyStart }
  if (named('transfer-encoding') === 'chunked') {
    const rest = takeChunks(bytes, bodyStart)
    return rest && { ...start, isChunked: true, ...rest }
  }
  const length = named('content-length')
  if (length !== undefined) {
    const end = bodyStart + Number(length)
    return end > bytes.length ? null : { ...start, ...empty, body: bytes.subarray(bodyStart, end), end }
  }
  if (ending(startLine) === 'no-body') return { ...start, ...empty, end: bodyStart }
  return isOver ? { ...start, ...empty, body: bytes.subarray(bodyStart), end: bytes.length } : null
}

/** The head and the body so far of a message that is not whole, or null when not even its head is. */
export function takeUnfinished(bytes: Buffer, from: number): { head: string; body: Buffer } | null {
  const headEnd = bytes.indexOf('\r\n\r\n', from, 'latin1')
  if (headEnd < 0) return null
  const head = bytes.toString('latin1', from, headEnd + 2)
  if (!/^transfer-encoding: chunked\r$/im.test(head)) return { head, body: bytes.subarray(headEnd + 4) }
  const body: Buffer[] = []
  let at = headEnd + 4
  for (;;) {
    const chunk = takeChunk(bytes, at)
    if (!chunk) return { head, body: Buffer.concat(body) }
    body.push(chunk.data)
    at = chunk.end
  }
}

function takeChunks(bytes: Buffer, from: number): { body: Buffer; trailers: string; end: number } | null {
  const body: Buffer[] = []
  let at = from
  for (;;) {
    const chunk = takeChunk(bytes, at)
    if (!chunk) return null
    if (chunk.data.length > 0) {
      body.push(chunk.data)
      at = chunk.end
      continue
    }
    const trailersStart = chunk.end
    if (bytes.toString('latin1', trailersStart, trailersStart + 2) === '\r\n') {
      return { body: Buffer.concat(body), trailers: '', end: trailersStart + 2 }
    }
    const trailersEnd = bytes.indexOf('\r\n\r\n', trailersStart, 'latin1')
    if (trailersEnd < 0) return null
    const trailers = bytes.toString('latin1', trailersStart, trailersEnd + 2)
    return { body: Buffer.concat(body), trailers, end: trailersEnd + 4 }
  }
}

function takeChunk(bytes: Buffer, from: number): { data: Buffer; end: number } | null {
  const lineEnd = bytes.indexOf('\r\n', from, 'latin1')
  if (lineEnd < 0) return null
  const line = bytes.toString('latin1', from, lineEnd)
  if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`the proxy wrote a chunk line ${JSON.stringify(line)}`)
  const size = Number.parseInt(line, 16)
  const start = lineEnd + 2
  if (size === 0) return { data: Buffer.alloc(0), end: start }
  if (bytes.length < start + size + 2) return null
  if (bytes.toString('latin1', start + size, start + size + 2) !== '\r\n') {
    throw new Error('the proxy wrote a chunk without a line end behind it')
  }
  return { data: bytes.subarray(start, start + size), end: start + size + 2 }
}

/** Takes whole answers out of `bytes` until there is none; `methods` are those of the requests, in order. */
export function takeAnswers(bytes: Buffer, methods: readonly string[] = [], isOver = true): WireMessage[] {
  const answers: WireMessage[] = []
  let at = 0
  let finals = 0
  while (at < bytes.length) {
    const isHead = methods[finals] === 'HEAD'
    const answer = isHead ? takeHead(bytes, at) : takeMessage(bytes, at, endOfAnswer, isOver)
    if (!answer) break
    answers.push(answer)
    at = answer.end
    if (statusOf(answer) >= 200) finals += 1
  }
  return answers
}

function takeHead(bytes: Buffer, from: number): WireMessage | null {
  const headEnd = bytes.indexOf('\r\n\r\n', from, 'latin1')
  if (headEnd < 0) return null
  const whole = takeMessage(
    Buffer.concat([
      Buffer.from('HTTP/1.1 204 x\r\n', 'latin1'),
      bytes.subarray(bytes.indexOf('\r\n', from, 'latin1') + 2, headEnd + 4),
    ]),
    0,
    endOfAnswer,
  )
  if (!whole) return null
  const startLine = bytes.toString('latin1', from, bytes.indexOf('\r\n', from, 'latin1'))
  return { ...whole, startLine, end: headEnd + 4 }
}
