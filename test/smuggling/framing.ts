import {
  chunkedPost,
  either,
  forwardedGet,
  forwardedPost,
  head,
  host,
  lines,
  passage,
  passed,
  passedThenRefused,
  refusal,
  refused,
  type SmugglingCase,
} from './case.ts'

const smuggled = head('GET /admin HTTP/1.1', host)
const post = (...fields: string[]) => head('POST /up HTTP/1.1', host, ...fields)
const sized = (path: string, body: string) => ({
  head: lines(`POST ${path} HTTP/1.1`, host, `Content-Length: ${body.length}`),
  body,
})
const emptyPost = passage({ head: lines('POST /up HTTP/1.1', host, 'Content-Length: 0') })
const underscored = lines('POST /up HTTP/1.1', host, 'Transfer_Encoding: chunked')
const bodylessPost = passage({ head: lines('POST /up HTTP/1.1', host) })

/** One field with an unlawful or unknown transfer coding, before a body that is chunked all the same. */
const coding = (field: string, version = '1.1') =>
  `${head(`POST /up HTTP/${version}`, host, field)}0\r\n\r\n${smuggled}`

/** Both lengths at once, and codings that are not plainly `chunked` (RFC 9112 section 6). */
const transferEncodings: readonly SmugglingCase[] = [
  refused(
    400,
    'CL.TE: both framing fields, the length first',
    `${post('Content-Length: 6', 'Transfer-Encoding: chunked')}0\r\n\r\nG`,
    { isCutEverywhere: true },
  ),
  refused(
    400,
    'TE.CL: both framing fields, the coding first',
    `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}5c\r\n${smuggled}0\r\n\r\n`,
    { isCutEverywhere: true },
  ),
  refused(
    400,
    'both framing fields though they agree',
    `${post('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`,
  ),
  refused(
    [400, 501],
    'a length beside an unknown coding',
    `${post('Content-Length: 3', 'Transfer-Encoding: x')}abc`,
  ),
  refused(
    [400, 501],
    'TE.TE: a second field with another coding',
    `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: cow')}0\r\n\r\n`,
  ),
  refused(
    [400, 501],
    'TE.TE: chunked behind another coding in a field of its own',
    `${post('Transfer-Encoding: identity', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  refused(
    400,
    'chunked twice in two fields',
    `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  refused(400, 'chunked twice in one field', coding('Transfer-Encoding: chunked, chunked')),
  refused([400, 501], 'chunked that is not the last coding', coding('Transfer-Encoding: chunked, identity')),
  refused(501, 'a known coding under chunked', coding('Transfer-Encoding: gzip, chunked')),
  refused([400, 501], 'a coding without chunked', coding('Transfer-Encoding: gzip')),
  refused([400, 501], 'the identity coding', coding('Transfer-Encoding: identity')),
  refused([400, 501], 'a coding that begins with x', coding('Transfer-Encoding: xchunked')),
  refused([400, 501], 'a coding that ends with x', coding('Transfer-Encoding: chunkedx')),
  refused([400, 501], 'a quoted coding', coding('Transfer-Encoding: "chunked"')),
  refused([400, 501], 'a coding in single quotes', coding("Transfer-Encoding: 'chunked'")),
  refused([400, 501], 'a coding with a parameter', coding('Transfer-Encoding: chunked;q=1')),
  refused([400, 501], 'an empty coding', coding('Transfer-Encoding:')),
  refused([400, 501], 'a list that begins with a comma', coding('Transfer-Encoding: ,chunked')),
  refused([400, 501], 'a list that ends with a comma', coding('Transfer-Encoding: chunked,')),
  refused([400, 501], 'two codings with only a space between', coding('Transfer-Encoding: x chunked')),
  refused(400, 'a space between the name and the colon', coding('Transfer-Encoding : chunked')),
  refused(400, 'a tab between the name and the colon', coding('Transfer-Encoding\t: chunked')),
  refused(400, 'a space before the name', coding(' Transfer-Encoding: chunked')),
  refused(400, 'a vertical tab before the coding', coding('Transfer-Encoding: \x0bchunked')),
  refused(400, 'a form feed behind the coding', coding('Transfer-Encoding: chunked\x0c')),
  refused(400, 'a NUL behind the coding', coding('Transfer-Encoding: chunked\0')),
  refused(400, 'a bare CR before the coding', coding('Transfer-Encoding: \rchunked')),
  refused(400, 'a bare LF before the name', coding('X: y\nTransfer-Encoding: chunked')),
  refused(400, 'a coding on a folded line', coding('Transfer-Encoding:\r\n chunked')),
  refused(400, 'a coding behind a folded line', coding('X: y\r\n Transfer-Encoding: chunked')),
  refused([400, 501], 'a coding with a high byte', coding('Transfer-Encoding: \xa0chunked')),
  refused([400, 501], 'a coding with a Kelvin sign', coding('Transfer-Encoding: chun\xe2\x84\xaaed')),
  either('a name with an underscore frames nothing', coding('Transfer_Encoding: chunked'), [
    refusal(400),
    { answers: [200, 400], upstream: [{ head: underscored }] },
    { answers: [200, 400], upstream: [{ head: `${underscored}Content-Length: 0\r\n` }] },
  ]),
  // Lawful white space, on which the parsers of this world do not agree.
  either('a tab behind the coding', `${post('Transfer-Encoding: chunked\t')}0\r\n\r\n`, [
    refusal(400),
    passage({ head: lines('POST /up HTTP/1.1', host, 'Transfer-Encoding: chunked') }),
  ]),
  refused(400, 'chunked in HTTP/1.0', coding('Transfer-Encoding: chunked', '1.0')),
  refused(
    400,
    'chunked in HTTP/1.0 with a length',
    `${head('POST /up HTTP/1.0', host, 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
]

const lawfulCodings: readonly SmugglingCase[] = (
  [
    ['in mixed case', 'transfer-encoding: CHUNKED'],
    ['with a tab before it', 'Transfer-Encoding:\tchunked'],
    ['with nothing before it', 'Transfer-Encoding:chunked'],
    ['with a space behind it', 'Transfer-Encoding: chunked '],
  ] as const
).map(([what, field]) =>
  passed(`a coding ${what} is the lawful one`, `${post(field)}3\r\nabc\r\n0\r\n\r\n`, [forwardedPost('abc')]),
)

/** Lengths that two readers could read in two ways (RFC 9112 section 6.3). */
const contentLengths: readonly SmugglingCase[] = [
  refused(400, 'two lengths that differ', `${post('Content-Length: 3', 'Content-Length: 4')}abcd`, {
    isCutEverywhere: true,
  }),
  refused(400, 'two lengths that agree', `${post('Content-Length: 3', 'Content-Length: 3')}abc`),
  refused(400, 'a list of lengths that agree', `${post('Content-Length: 3, 3')}abc`),
  refused(400, 'a list of lengths that differ', `${post('Content-Length: 3, 4')}abcd`),
  ...(
    [
      ['a plus sign', '+3'],
      ['a minus sign', '-3'],
      ['a minus sign and zero', '-0'],
      ['hexadecimal', '0x3'],
      ['an exponent', '3e0'],
      ['a fraction', '3.0'],
      ['a space inside', '1 0'],
      ['a tab inside', '1\t0'],
      ['letters behind it', '3abc'],
      ['a comma behind it', '3,'],
      ['quotes', '"3"'],
      ['nothing', ''],
      ['a high digit', '\xb3'],
      ['a NUL', '3\0'],
      ['a vertical tab', '\x0b3'],
      ['an underscore', '1_0'],
      ['more than 64 bits', '18446744073709551619'],
      ['more than a double holds', '9007199254740993'],
      ['more than can be', '9'.repeat(300)],
    ] as const
  ).map(([what, value]) =>
    refused([400, 413], `a length with ${what}`, `${post(`Content-Length: ${value}`)}abc`),
  ),
  either('a length with leading zeros', `${post('Content-Length: 003')}abc`, [
    refusal(400),
    passage(sized('/up', 'abc')),
  ]),
  refused(400, 'a length on a folded line', `${post('Content-Length:\r\n 3')}abc`),
  refused(400, 'a space before the colon of a length', `${post('Content-Length : 3')}abc`),
  refused(400, 'a length whose name has a high byte', `${post('Content\xadLength: 3')}abc`),
  passed('a length with white space around it', `${post('Content-Length: \t3 ')}abc`, [sized('/up', 'abc')], {
    isCutEverywhere: true,
  }),
  either('a length of zero', post('content-length: 0'), [emptyPost, bodylessPost]),
  either('a request without any framing has no body', post(), [emptyPost, bodylessPost]),
  refused(411, 'an HTTP/1.0 request that needs a length and has none', head('POST /up HTTP/1.0', host)),
  passed(
    'a body that is longer than its length is the next request',
    `${post('Content-Length: 3')}abc${head('GET /next HTTP/1.1', host)}`,
    [sized('/up', 'abc'), forwardedGet('/next')],
  ),
  passedThenRefused(
    [400, 501],
    'a body that is longer than its length, and no request',
    `${post('Content-Length: 3')}abcdef\r\n\r\n`,
    [sized('/up', 'abc')],
  ),
  passed(
    'a GET may have a body, which is not the next request',
    `${head('GET /a HTTP/1.1', host, `Content-Length: ${smuggled.length}`)}${smuggled}`,
    [{ head: lines('GET /a HTTP/1.1', host, `Content-Length: ${smuggled.length}`), body: smuggled }],
  ),
  passed(
    'a chunked GET has a body, which is not the next request',
    `${head('GET /a HTTP/1.1', host, 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n\r\n`,
    [{ head: lines('GET /a HTTP/1.1', host, 'Transfer-Encoding: chunked'), body: 'x' }],
  ),
  passed(
    'the length moves to the end of the head and keeps nothing of its spelling',
    `${head('PUT /up HTTP/1.1', 'CONTENT-LENGTH:3', host, 'X-Last: 1')}abc`,
    [{ head: lines('PUT /up HTTP/1.1', host, 'X-Last: 1', 'Content-Length: 3'), body: 'abc' }],
  ),
  passed('a chunked body is framed anew', chunkedPost('2\r\nab\r\n1\r\nc\r\n0\r\n\r\n'), [
    forwardedPost('abc'),
  ]),
]

/** Cases about what frames a body. */
export const framingCases: readonly SmugglingCase[] = [
  ...transferEncodings,
  ...lawfulCodings,
  ...contentLengths,
]
