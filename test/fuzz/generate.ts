import { mutate } from './mutate.ts'
import type { Random } from './random.ts'

/** Bytes to be read as one connection's worth of messages. */
export interface Sample {
  readonly kind: 'request' | 'response'
  /** The method that a response answers. */
  readonly method: string
  readonly bytes: Buffer
}

const letters = 'abcdefghijklmnopqrstuvwxyz'
const tokens = `${letters}ABCXYZ0189-_.!#$%&'*+^\`|~`
const values = `${letters}ABC 0123456789\t,;="/\xe9\xff`
const methods = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'M-SEARCH',
  'QUERY',
]
const targets = [
  '/',
  '/a',
  '/a/b?c=d',
  '//x',
  '/%0d%0a',
  '/a;b=c',
  '/?',
  '*',
  'http://app.test/x',
  'http://app.test',
  'HTTP://app.test?q',
]
const lengthNames = ['Content-Length', 'content-length', 'CONTENT-LENGTH']
const codingNames = ['Transfer-Encoding', 'transfer-encoding', 'TRANSFER-ENCODING']
const hopFields = [
  'Connection: keep-alive',
  'Connection: close',
  'Connection: x-a, X-B',
  'connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Keep-Alive: timeout=5',
  // With `close` llhttp would take it for Connection, which RFC 9112 appendix C.2.2 forbids.
  'Proxy-Connection: keep-alive',
  'TE: trailers',
  'Expect: 100-continue',
  'Trailer: X-Sum',
] as const

/** A sample that is mostly valid, with a few mutations in most. */
export function generate(random: Random): Sample {
  const isRequest = random.chance(0.7)
  const method = random.chance(0.1) ? 'HEAD' : 'GET'
  const text = isRequest ? requests(random) : response(random, method)
  const bytes = Buffer.from(text, 'latin1')
  return {
    kind: isRequest ? 'request' : 'response',
    method,
    bytes: random.chance(0.25) ? bytes : mutate(random, bytes),
  }
}

function requests(random: Random): string {
  let text = random.chance(0.03) ? '\r\n' : ''
  for (let left = random.pick([1, 1, 1, 2, 2, 3, 4]); left > 0; left -= 1) text += request(random)
  return text
}

function request(random: Random): string {
  const method = random.pick(methods)
  const target = random.chance(0.7) ? random.pick(targets.slice(0, 4)) : random.pick(targets)
  const version = random.chance(0.93) ? '1.1' : '1.0'
  const fields = someFields(random)
  fields.splice(random.below(fields.length + 1), 0, `Host:${space(random)}app.test`)
  const body = framed(random, fields, version === '1.1')
  return `${method} ${target} HTTP/${version}\r\n${section(fields)}\r\n${body}`
}

function response(random: Random, method: string): string {
  const interim = random.chance(0.1)
    ? `HTTP/1.1 ${random.pick([100, 102, 103])} Early\r\nLink: a\r\n\r\n`
    : ''
  const status = random.pick([200, 200, 200, 201, 204, 304, 404, 500, 101, 199, 599])
  const version = random.chance(0.9) ? '1.1' : '1.0'
  const fields = someFields(random)
  const isUntilClose = random.chance(0.2)
  const body = isUntilClose
    ? random.text(values, random.below(40))
    : framed(random, fields, version === '1.1')
  const reason = random.pick([' OK', ' ', '', ' Not Found', ' \xe9'])
  const isBodyless = method === 'HEAD' || status === 204 || status === 304 || status < 200
  const tail = isBodyless && random.chance(0.8) ? '' : body
  return `${interim}HTTP/${version} ${status}${reason}\r\n${section(fields)}\r\n${tail}`
}

function someFields(random: Random): string[] {
  const fields: string[] = []
  for (let left = random.below(5); left > 0; left -= 1) {
    if (random.chance(0.2)) {
      fields.push(random.pick(hopFields))
      continue
    }
    const name = random.chance(0.5)
      ? random.pick(['X-A', 'x-b', 'Accept', 'Cookie'])
      : random.text(tokens, 1 + random.below(8))
    fields.push(`${name}:${space(random)}${random.text(values, random.below(12))}${space(random)}`)
  }
  return fields
}

/** Adds framing fields to `fields`, and returns the body that they announce. */
function framed(random: Random, fields: string[], mayChunk: boolean): string {
  const way = random.below(10)
  const at = random.below(fields.length + 1)
  if (way < 4) return ''
  if (way < 7 || !mayChunk) {
    const body = random.chance(0.3)
      ? 'GET /inner HTTP/1.1\r\nHost: app.test\r\n\r\n'
      : random.text(values, random.below(40))
    fields.splice(at, 0, `${random.pick(lengthNames)}:${space(random)}${body.length}${space(random)}`)
    return body
  }
  fields.splice(
    at,
    0,
    `${random.pick(codingNames)}:${space(random)}${random.pick(['chunked', 'chunked', 'Chunked'])}`,
  )
  return chunks(random)
}

function chunks(random: Random): string {
  let body = ''
  for (let left = random.below(4); left > 0; left -= 1) {
    const data = random.text(`${values}\r\n0`, 1 + random.below(20))
    body += `${size(random, data.length)}${extension(random)}\r\n${data}\r\n`
  }
  const trailers = random.chance(0.2)
    ? section(['X-Sum: 1', ...(random.chance(0.3) ? ['x-sum: 2'] : [])])
    : ''
  return `${body}${random.pick(['0', '0', '0', '00'])}${extension(random)}\r\n${trailers}\r\n`
}

function size(random: Random, length: number): string {
  const digits = length.toString(16)
  return random.pick([digits, digits, digits.toUpperCase(), `0${digits}`])
}

function extension(random: Random): string {
  if (random.chance(0.75)) return ''
  return random.pick([
    ';a',
    ';a=b',
    ';a="b c"',
    ';a=1;b="2"',
    ';',
    ';a="',
    ';a="b\\"c"',
    ';a=',
    '; a=b',
    ';a =b',
    ';"',
  ])
}

function section(fields: readonly string[]): string {
  return fields.map((field) => `${field}\r\n`).join('')
}

function space(random: Random): string {
  return random.pick([' ', ' ', ' ', '', '\t', '  '])
}
