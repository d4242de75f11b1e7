import { test } from 'tap'
import { headOf } from './head-buffer.ts'
import { parseRequestHead, type RequestHead } from './request-head.ts'

const limits = { maxHeadBytes: 8_192, maxTargetBytes: 2_048, maxHeaders: 64 }

function parse(...fields: string[]): RequestHead {
  const lines = ['POST / HTTP/1.1', 'Host: app.test', ...fields, '', '']
  return parseRequestHead(headOf(lines.join('\r\n')), limits)
}

test('a tab behind Transfer-Encoding is refused, and one behind the field before it is not', async (t) => {
  t.equal(parse('X: y\t', 'Transfer-Encoding: chunked').isChunked, true)
  t.equal(parse('X:y\t', 'Transfer-Encoding:chunked').isChunked, true)
  t.throws(() => parse('Transfer-Encoding: chunked\t'), { code: 'BAD_REQUEST' })
})
