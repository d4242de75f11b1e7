import { type AnswerCase, answer, garbage, truncated, whole } from './answer-case.ts'

const two = `${answer('200 OK', 'Content-Length: 2')}ok`
const chunked = answer('200 OK', 'Transfer-Encoding: chunked')
const evil = `${answer('200 OK', 'Content-Length: 4')}evil`
const sized = (length: string) => `${answer('200 OK', `Content-Length: ${length}`)}ok`
const coded = (coding: string) => `${answer('200 OK', `Transfer-Encoding:${coding}`)}2\r\nok\r\n0\r\n\r\n`

/** Status lines and heads that are not valid. */
const heads: readonly AnswerCase[] = [
  garbage('no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'),
  garbage('a page without a head (HTTP/0.9)', '<html>\r\n\r\n</html>', { afterwards: 'ends' }),
  garbage('nothing', '', { afterwards: 'ends' }),
  garbage('a reset in place of an answer', '', { afterwards: 'resets' }),
  garbage('half a status line', 'HTTP/1.1 2', { afterwards: 'ends' }),
  garbage('half a head', 'HTTP/1.1 200 OK\r\nContent-Le', { afterwards: 'ends' }),
  garbage('half a head, then a reset', 'HTTP/1.1 200 OK\r\nContent-Le', { afterwards: 'resets' }),
  ...[
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 abc OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 000 OK',
    'HTTP/1.1 600 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1',
    'HTTP/2.0 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1 200 OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200OK',
  ].map((line) =>
    garbage(`the status line ${JSON.stringify(line)}`, `${line}\r\nContent-Length: 2\r\n\r\nok`),
  ),
  garbage('LF alone behind the status line', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'),
  garbage('LF alone everywhere', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', { afterwards: 'ends' }),
  garbage('LF alone behind a field', answer('200 OK', 'X: a\nY: b', 'Content-Length: 0')),
  garbage('a CR in a value', answer('200 OK', 'X: a\rSet-Cookie: evil', 'Content-Length: 0')),
  garbage('a NUL in a value', answer('200 OK', 'X: a\0b', 'Content-Length: 0')),
  garbage('a folded value', answer('200 OK', 'X: a', ' b', 'Content-Length: 0')),
  garbage('a space before the colon', answer('200 OK', 'Content-Length : 2')),
  garbage('an empty name', answer('200 OK', ': a', 'Content-Length: 0')),
  garbage('a line without a colon', answer('200 OK', 'X', 'Content-Length: 0')),
  garbage('a head that is too large', answer('200 OK', `X: ${'a'.repeat(20_000)}`, 'Content-Length: 0')),
  garbage('a head that never ends', `HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(20_000)}`),
  garbage('a status line that never ends', `HTTP/1.1 200 ${'a'.repeat(60_000)}`),
  garbage('too many fields', answer('200 OK', ...Array<string>(100).fill('X: a'), 'Content-Length: 0')),
  whole('no reason phrase and no space before it', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 'ok'),
  whole('names keep their case', `${answer('200 OK', 'x-LOUD: 1', 'Content-Length: 2')}ok`, 'ok'),
]

/** Framing that two readers could read in two ways. */
const framing: readonly AnswerCase[] = [
  garbage('two lengths that differ', `${answer('200 OK', 'Content-Length: 2', 'Content-Length: 3')}ok!`),
  garbage('two lengths that agree', `${answer('200 OK', 'Content-Length: 2', 'Content-Length: 2')}ok`),
  garbage(
    'both a length and a coding',
    `${answer('200 OK', 'Content-Length: 2', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  ...['+2', '-2', '0x2', '2, 2', '2 2', '', '99999999999999999999', '2abc'].map((length) =>
    garbage(`the length ${JSON.stringify(length)}`, sized(length)),
  ),
  ...[
    ' gzip, chunked',
    ' chunked, identity',
    ' xchunked',
    ' \x0bchunked',
    ' chunked, chunked',
    ' identity',
    '',
  ].map((coding) => garbage(`the coding ${JSON.stringify(coding)}`, coded(coding))),
  garbage(
    'two codings in two fields',
    `${answer('200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  garbage('chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  whole(
    'a coding in capitals',
    `${answer('200 OK', 'TRANSFER-ENCODING: CHUNKED')}2\r\nok\r\n0\r\n\r\n`,
    'ok',
  ),
  whole(
    'chunks with extensions and trailers',
    `${chunked}1;a=b\r\no\r\n1\r\nk\r\n0\r\nX-Sum: 1\r\n\r\n`,
    'ok',
  ),
  ...(['0x2', '+2', '2 ', '-1', 'g', '', 'ffffffffffffffffff'] as const).map((size) =>
    truncated(
      `the chunk size ${JSON.stringify(size)}`,
      `${chunked}1\r\no\r\n${size}\r\nk\r\n0\r\n\r\n`,
      'o',
      {
        afterwards: 'keeps',
      },
    ),
  ),
  truncated('a chunk size that ends with LF alone', `${chunked}1\r\no\r\n1\nk\r\n0\r\n\r\n`, 'o', {
    afterwards: 'keeps',
  }),
  truncated('a chunk that is longer than it says', `${chunked}1\r\nook\r\n0\r\n\r\n`, 'o', {
    afterwards: 'keeps',
  }),
  truncated('a trailer that is not valid', `${chunked}1\r\no\r\n0\r\nX : 1\r\n\r\n`, 'o', {
    afterwards: 'keeps',
  }),
]

/** Interim answers, and answers without a body. */
const interim: readonly AnswerCase[] = [
  whole('one interim answer', `${answer('103 Early Hints', 'Link: </a>')}${two}`, 'ok'),
  {
    ...garbage('interim answers without end', answer('102 Processing').repeat(2_000)),
    expected: [{ status: 502 }, { status: 200, body: 'ok' }],
  },
  garbage('an interim answer with a length', `${answer('100 Continue', 'Content-Length: 5')}hello`),
  garbage(
    '101 when nobody asked',
    answer('101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'),
  ),
  garbage('101 without a protocol', answer('101 Switching Protocols')),
  whole('204', answer('204 No Content'), '', {}, 204),
  whole('204 with bytes behind it', `${answer('204 No Content')}${evil}`, '', { reuse: false }, 204),
  {
    ...whole(
      '204 with a length',
      `${answer('204 No Content', 'Content-Length: 4')}evil`,
      '',
      { reuse: false },
      204,
    ),
    expected: [{ status: 204, body: '' }, { status: 502 }],
  },
  {
    ...whole(
      '204 that says chunked',
      `${answer('204 No Content', 'Transfer-Encoding: chunked')}4\r\nevil\r\n0\r\n\r\n`,
      '',
      { reuse: false },
      204,
    ),
    expected: [{ status: 204, body: '' }, { status: 502 }],
  },
  whole('304 with a length and no body', answer('304 Not Modified', 'Content-Length: 4'), '', {}, 304),
  whole(
    '304 with bytes behind it',
    `${answer('304 Not Modified', 'Content-Length: 4')}${evil}`,
    '',
    { reuse: false },
    304,
  ),
  whole('HEAD with a length and no body', answer('200 OK', 'Content-Length: 4'), '', { method: 'HEAD' }),
  whole('HEAD with chunked and no body', answer('200 OK', 'Transfer-Encoding: chunked'), '', {
    method: 'HEAD',
  }),
  whole('HEAD with a body all the same', `${answer('200 OK', 'Content-Length: 4')}evil`, '', {
    method: 'HEAD',
    reuse: false,
  }),
  whole('HEAD with a body that comes late', answer('200 OK', 'Content-Length: 4'), '', {
    method: 'HEAD',
    late: 'evil',
    reuse: false,
  }),
]

/** More or less than was announced. */
const lengths: readonly AnswerCase[] = [
  whole('bytes behind a whole answer', `${two}evil`, 'ok', { reuse: false }),
  whole('a second answer that nobody asked for', `${two}${evil}`, 'ok', { reuse: false }),
  whole('a second answer that comes late', two, 'ok', { late: evil, reuse: false }),
  whole('a second answer behind chunks', `${chunked}2\r\nok\r\n0\r\n\r\n${evil}`, 'ok', { reuse: false }),
  whole('a late line end behind a whole answer', two, 'ok', { late: '\r\n', reuse: false }),
  truncated('less than the length', `${answer('200 OK', 'Content-Length: 5')}ok`, 'ok'),
  truncated('less than the length, then a reset', `${answer('200 OK', 'Content-Length: 5')}ok`, 'ok', {
    afterwards: 'resets',
  }),
  truncated('chunks without an end', `${chunked}2\r\nok\r\n`, 'ok'),
  truncated('chunks without the last empty line', `${chunked}2\r\nok\r\n0\r\n`, 'ok'),
  truncated('half a chunk', `${chunked}5\r\nok`, 'ok'),
  truncated('chunks without an end, then a reset', `${chunked}2\r\nok\r\n`, 'ok', { afterwards: 'resets' }),
  whole('a body until the connection ends', `${answer('200 OK')}ok`, 'ok', {
    afterwards: 'ends',
    reuse: false,
  }),
  whole('an empty body until the connection ends', answer('200 OK'), '', {
    afterwards: 'ends',
    reuse: false,
  }),
  truncated('a body until the connection ends, by a reset', `${answer('200 OK')}ok`, 'ok', {
    afterwards: 'resets',
  }),
  whole(
    'an answer that says close',
    `${answer('200 OK', 'Connection: close', 'Content-Length: 2')}ok`,
    'ok',
    {
      reuse: false,
    },
  ),
  whole('an answer in HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'ok', { reuse: false }),
  whole(
    'an answer in HTTP/1.0 that keeps the connection',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    'ok',
    { reuse: 'either' },
  ),
  whole('a whole answer, then the end of the connection', two, 'ok', { afterwards: 'ends', reuse: false }),
]

/** Every hostile answer. */
export const answerCases: readonly AnswerCase[] = [...heads, ...framing, ...interim, ...lengths]
