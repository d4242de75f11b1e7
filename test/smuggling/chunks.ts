import {
  chunkedPost,
  cutOff,
  type Extras,
  forwardedGet,
  forwardedPost,
  head,
  host,
  passed,
  refusal,
  type SmugglingCase,
} from './case.ts'

const smuggled = head('GET /admin HTTP/1.1', host)

/** A body whose first chunk is good and whose second is as given. */
const cut = (what: string, chunks: string, extras: Extras = {}, seen = 'abc') =>
  cutOff(400, what, chunkedPost(`3\r\nabc\r\n${chunks}`), forwardedPost(seen), extras)

/** A chunk size line that no reader may guess at; then what a lenient one would take for its chunk. */
const badSize = (what: string, line: string) =>
  cut(`a chunk size with ${what}`, `${line}\r\nabc\r\n0\r\n\r\n`)

/** Chunk sizes and line ends (RFC 9112 section 7.1). */
const sizes: readonly SmugglingCase[] = [
  badSize('nothing', ''),
  badSize('0x before it', '0x3'),
  badSize('a plus sign', '+3'),
  badSize('a minus sign', '-3'),
  badSize('a space before it', ' 3'),
  badSize('a space behind it', '3 '),
  badSize('a tab behind it', '3\t'),
  badSize('a space inside', '0 3'),
  badSize('a letter that is no digit', '3g'),
  badSize('an underscore', '0_3'),
  badSize('a fraction', '3.0'),
  badSize('a NUL', '3\0'),
  badSize('a high byte', '\xb3'),
  badSize('64 bits', 'fffffffffffffffd'),
  badSize('65 bits that wrap around', '10000000000000003'),
  badSize('53 bits that a double rounds', '20000000000001'),
  badSize('a thousand digits', `${'0'.repeat(1_000)}3`),
  badSize('quotes', '"3"'),
  cut('a chunk size that ends with LF alone', '3\nabc\r\n0\r\n\r\n', { isCutEverywhere: true }),
  cut('a chunk size that ends with CR alone', '3\rabc\r\n0\r\n\r\n'),
  cut('a chunk size that ends with CR CR LF', '3\r\r\nabc\r\n0\r\n\r\n'),
  cut('a chunk without a line end behind it', '3\r\nabc0\r\n\r\n', {}, 'abcabc'),
  cut('a chunk with LF alone behind it', '3\r\nabc\n0\r\n\r\n', { isCutEverywhere: true }, 'abcabc'),
  cut('a chunk with CR alone behind it', '3\r\nabc\r0\r\n\r\n', {}, 'abcabc'),
  cut('a chunk that is longer than it says', '3\r\nabcdef\r\n0\r\n\r\n', {}, 'abcabc'),
  cut('a chunk that is shorter than it says', '5\r\nabc\r\n0\r\n\r\n', { endsAtOnce: true }, 'abcabc\r\n'),
  cut('an empty line where a size should be', '\r\n0\r\n\r\n'),
  cut('LF alone after the last chunk', `0\n\n${smuggled}`),
  cut('LF alone in place of the empty line', `0\r\n\n${smuggled}`),
  cut('CR alone in place of the empty line', `0\r\n\r${smuggled}`),
  passed(
    'sizes may be hexadecimal in both cases, with leading zeros',
    chunkedPost(`0A\r\n0123456789\r\n000a\r\nabcdefghij\r\n00\r\n\r\n`),
    [forwardedPost('0123456789abcdefghij')],
    { isCutEverywhere: true },
  ),
  passed(
    'bytes after the last chunk are the next request',
    `${chunkedPost('1\r\nx\r\n0\r\n\r\n')}${head('GET /next HTTP/1.1', host)}`,
    [forwardedPost('x'), forwardedGet('/next')],
  ),
  passed(
    'a chunk may hold what looks like the end of the body and a request',
    chunkedPost(`${(smuggled.length + 5).toString(16)}\r\n0\r\n\r\n${smuggled}\r\n0\r\n\r\n`),
    [forwardedPost(`0\r\n\r\n${smuggled}`)],
  ),
]

/** Chunk extensions: read, checked, and dropped (RFC 9112 section 7.1.1). */
const extensions: readonly SmugglingCase[] = [
  ...(
    [
      ['a name alone', ';ext'],
      ['a name and a value', ';ext=val'],
      ['a quoted value', ';ext="a b;c"'],
      ['several', ';a=1;b="2";c'],
    ] as const
  ).map(([what, extension]) =>
    passed(
      `a chunk extension of ${what} is dropped`,
      chunkedPost(`3${extension}\r\nabc\r\n0${extension}\r\n\r\n`),
      [forwardedPost('abc')],
    ),
  ),
  cut('a chunk extension with LF inside', '3;ext\nabc\r\n0\r\n\r\n'),
  cut('a chunk extension with LF in quotes', '3;ext="\n"\r\nabc\r\n0\r\n\r\n'),
  cut('a chunk extension with CRLF in quotes', '3;ext="\r\nabc\r\n0\r\n\r\n"\r\n'),
  cut('a chunk extension with CR inside', '3;ext\rx\r\nabc\r\n0\r\n\r\n'),
  cut('a chunk extension with a NUL', '3;ext\0\r\nabc\r\n0\r\n\r\n'),
  cut('a chunk extension on the last chunk with LF inside', `0;\n\r\n\r\n${smuggled}`),
  cutOff(
    [400, 413, 431],
    'a chunk extension without end',
    chunkedPost(`3;${'x'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`),
    forwardedPost(''),
  ),
  cutOff(
    [400, 413, 431],
    'many chunks of one byte with long extensions',
    chunkedPost(`${`1;${'x'.repeat(500)}\r\na\r\n`.repeat(400)}0\r\n\r\n`),
    forwardedPost('a'.repeat(400)),
  ),
]

/** Trailers (RFC 9112 section 7.1.2). */
const trailers: readonly SmugglingCase[] = [
  passed('trailers are passed on', chunkedPost('3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n'), [
    forwardedPost('abc', 'X-Sum: 1\r\nx-sum: 2\r\n'),
  ]),
  ...(
    [
      ['a transfer coding', 'Transfer-Encoding: chunked'],
      ['a length', 'Content-Length: 5'],
      ['a host', 'Host: evil.test'],
      ['credentials', 'Authorization: Basic eDp5'],
      ['connection options', 'Connection: close'],
    ] as const
  ).map(([what, line]) => ({
    name: `${what} in the trailers never reaches the upstream`,
    bytes: chunkedPost(`3\r\nabc\r\n0\r\n${line}\r\nX-Sum: 1\r\n\r\n`),
    expected: [
      { ...refusal(400), unfinished: forwardedPost('abc') },
      { answers: [200], upstream: [forwardedPost('abc', 'X-Sum: 1\r\n')] },
      { answers: [200], upstream: [forwardedPost('abc', '')] },
    ],
  })),
  cut('a folded trailer', '0\r\nX-Sum: 1\r\n 2\r\n\r\n'),
  cut('a trailer with a space before its colon', '0\r\nX-Sum : 1\r\n\r\n'),
  cut('a trailer without a colon', '0\r\nX-Sum\r\n\r\n'),
  cut('a trailer without a name', '0\r\n: 1\r\n\r\n'),
  cut('a trailer that ends with LF alone', '0\r\nX-Sum: 1\nX: 2\r\n\r\n'),
  cut('a trailer with a CR inside', '0\r\nX-Sum: 1\rX: 2\r\n\r\n'),
  cut('a trailer with a NUL', '0\r\nX-Sum: 1\0\r\n\r\n'),
  cutOff(
    [400, 413, 431],
    'trailers that are too large',
    chunkedPost(`3\r\nabc\r\n0\r\nX-Sum: ${'x'.repeat(10_000)}\r\n\r\n`),
    forwardedPost('abc'),
  ),
  cutOff(
    [400, 413, 431],
    'trailers that are too many',
    chunkedPost(`3\r\nabc\r\n0\r\n${'X: 1\r\n'.repeat(100)}\r\n`),
    forwardedPost('abc'),
  ),
  cut('a body that ends before its trailers do', '0\r\nX-Sum: 1\r\n', { endsAtOnce: true }),
  cut('a body that ends before its last chunk', '', { endsAtOnce: true }),
]

/** Cases about chunked bodies. */
export const chunkCases: readonly SmugglingCase[] = [...sizes, ...extensions, ...trailers]
