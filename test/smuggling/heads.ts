import {
  either,
  forwardedGet,
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

const get = (...fields: string[]) => head('GET / HTTP/1.1', host, ...fields)
const limits = { maxHeadBytes: 2_048, maxTargetBytes: 512, maxHeaders: 20 }

/** Line ends, folds, names and values (RFC 9112 sections 2.2 and 5). */
const fields: readonly SmugglingCase[] = [
  refused(400, 'every line ends with LF alone', 'GET / HTTP/1.1\nHost: app.test\n\n'),
  refused(400, 'the request line ends with LF alone', 'GET / HTTP/1.1\nHost: app.test\r\n\r\n', {
    isCutEverywhere: true,
  }),
  refused(400, 'a field ends with LF alone', 'GET / HTTP/1.1\r\nHost: app.test\nX: y\r\n\r\n'),
  refused(400, 'the head ends with LF alone', 'GET / HTTP/1.1\r\nHost: app.test\r\n\n'),
  refused(400, 'the head ends with LF LF', 'GET / HTTP/1.1\r\nHost: app.test\n\n'),
  refused(400, 'the request line ends with CR alone', 'GET / HTTP/1.1\rHost: app.test\r\n\r\n'),
  refused(400, 'the request line ends with CR CR LF', 'GET / HTTP/1.1\r\r\nHost: app.test\r\n\r\n'),
  refused(400, 'a field ends with CR alone', 'GET / HTTP/1.1\r\nHost: app.test\rX: y\r\n\r\n'),
  refused(400, 'a field ends with CR CR LF', 'GET / HTTP/1.1\r\nHost: app.test\r\r\n\r\n'),
  refused(400, 'the head ends with CR alone', `GET / HTTP/1.1\r\nHost: app.test\r\n\rX: y\r\n\r\n`),
  refused(400, 'a CR in a value', get('X: a\rb')),
  refused(400, 'a CR before the value', get('X:\ra')),
  refused(400, 'a NUL in a value', get('X: a\0b')),
  refused(400, 'a NUL in a name', get('X\0Y: a')),
  refused(400, 'a NUL in the target', head('GET /a\0b HTTP/1.1', host)),
  refused(400, 'a control character in a value', get('X: a\x01b')),
  refused(400, 'an escape in a value', get('X: a\x1b[0m')),
  refused(400, 'a delete character in a value', get('X: a\x7fb')),
  refused(400, 'a folded value', get('X: a', ' b'), { isCutEverywhere: true }),
  refused(400, 'a value folded with a tab', get('X: a', '\tb')),
  refused(400, 'a fold of white space alone', get('X: a', ' ')),
  refused(400, 'white space before the first field', head('GET / HTTP/1.1', ' X: y', host)),
  refused(400, 'a space before the colon', get('X : a')),
  refused(400, 'a space before the colon of Host', head('GET / HTTP/1.1', 'Host : app.test')),
  refused(400, 'an empty name', get(': a')),
  refused(400, 'a line without a colon', get('X')),
  refused(400, 'a second request line among the fields', get('GET /admin HTTP/1.1')),
  ...[...'()<>@,;\\"/[]?={} '].map((char) =>
    refused(400, `a name with ${JSON.stringify(char)}`, get(`X${char}Y: a`)),
  ),
  refused(400, 'a name with a high byte', get('X\xe9: a')),
  refused(400, 'a name in UTF-8', get('X\xc3\xa9: a')),
  passed('a value may hold tabs and high bytes', get('X: a\tb \xe9\xff'), [
    forwardedGet('/', 'X: a\tb \xe9\xff'),
  ]),
  passed('an empty value is kept', get('X:', 'Y: '), [forwardedGet('/', 'X: ', 'Y: ')]),
  passed(
    'names keep their case, order and repeats',
    get('x-a: 1', 'X-B: 2', 'X-A: 3', "x!#$%&'*+.^_`|~: 4"),
    [forwardedGet('/', 'x-a: 1', 'X-B: 2', 'X-A: 3', "x!#$%&'*+.^_`|~: 4")],
  ),
  passed('a value keeps what looks like a line break once it is encoded', get('X: %0d%0aY: 1'), [
    forwardedGet('/', 'X: %0d%0aY: 1'),
  ]),
  passed('names that objects already have are names like others', get('__proto__: 1', 'constructor: 2'), [
    forwardedGet('/', '__proto__: 1', 'constructor: 2'),
  ]),
]

/** Exactly one good Host (RFC 9112 section 3.2). */
const hosts: readonly SmugglingCase[] = [
  refused(400, 'no Host', head('GET / HTTP/1.1')),
  refused(400, 'two Hosts that differ', get('Host: evil.test')),
  refused(400, 'two Hosts that agree', get(host)),
  refused(400, 'two Hosts in different case', get('hOST: evil.test')),
  either('an empty Host', head('GET / HTTP/1.1', 'Host:'), [
    refusal(400),
    passage({ head: lines('GET / HTTP/1.1', 'Host: ') }),
  ]),
  either('no Host in HTTP/1.0', head('GET / HTTP/1.0'), [
    refusal(400),
    passage({ head: lines('GET / HTTP/1.1', 'Host: ') }),
  ]),
  refused(400, 'two Hosts in HTTP/1.0', head('GET / HTTP/1.0', host, 'Host: evil.test')),
  ...(
    [
      ['a space', 'app test'],
      ['a tab', 'app\ttest'],
      ['a slash', 'app.test/evil'],
      ['a backslash', 'app.test\\evil'],
      ['user information', 'user@app.test'],
      ['a query', 'app.test?x'],
      ['a fragment', 'app.test#x'],
      ['a quote', 'app".test'],
      ['an angle bracket', 'app<.test'],
      ['a high byte', 'app\xe9.test'],
      ['a port that is no number', 'app.test:http'],
      ['two ports', 'app.test:80:81'],
      ['an open bracket', '[::1'],
      ['a scheme', 'http://app.test'],
      ['a name behind brackets', '[::1]evil'],
      ['a port alone', ':80'],
    ] as const
  ).map(([what, value]) => refused(400, `a Host with ${what}`, head('GET / HTTP/1.1', `Host: ${value}`))),
  ...['app.test:8080', '[::1]:80', '127.0.0.1', 'a_b.test'].map((value) =>
    passed(`${value} is a good Host`, head('GET / HTTP/1.1', `Host: ${value}`), [
      { head: lines('GET / HTTP/1.1', `Host: ${value}`) },
    ]),
  ),
]

/** More than the limits allow, and what comes before the first byte. */
const sizes: readonly SmugglingCase[] = [
  refused(431, 'a head that is too large', get(`X: ${'a'.repeat(3_000)}`), { limits }),
  refused(
    431,
    'a head that is too large and never ends',
    `GET / HTTP/1.1\r\n${host}\r\nX: ${'a'.repeat(60_000)}`,
    {
      limits,
    },
  ),
  refused(431, 'a name that is too large', get(`${'X'.repeat(3_000)}: a`), { limits }),
  refused(431, 'a head of many small fields', get(...Array<string>(30).fill('X: a')), { limits }),
  refused(414, 'a target that is too long', head(`GET /${'a'.repeat(1_000)} HTTP/1.1`, host), { limits }),
  refused([414, 431], 'a target that is too long and never ends', `GET /${'a'.repeat(60_000)}`, { limits }),
  refused([400, 414, 431, 501], 'a method that never ends', 'G'.repeat(60_000), { limits }),
  refused(
    413,
    'a length over the limit',
    `${head('POST / HTTP/1.1', host, 'Content-Length: 11')}01234567890`,
    {
      limits: { maxBodyBytes: 10 },
    },
  ),
  passed(
    'a body of exactly the limit',
    `${head('POST / HTTP/1.1', host, 'Content-Length: 10')}0123456789`,
    [{ head: lines('POST / HTTP/1.1', host, 'Content-Length: 10'), body: '0123456789' }],
    { limits: { maxBodyBytes: 10 } },
  ),
  {
    name: 'chunks over the limit',
    bytes: `${head('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked')}6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n`,
    expected: [
      {
        answers: [413],
        upstream: [],
        unfinished: { head: lines('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked'), body: 'abcdef' },
      },
    ],
    limits: { maxBodyBytes: 10 },
  },
  passed('an empty line before a request', `\r\n${get()}`, [forwardedGet()], { isCutEverywhere: true }),
  passedThenRefused(400, 'a line end other than CRLF between two requests', `${get()}\n${get()}`, [
    forwardedGet(),
  ]),
  either('a thousand empty lines before a request', `${'\r\n'.repeat(1_000)}${get()}`, [
    refusal([400, 431]),
    passage(forwardedGet()),
  ]),
  either('LF alone before a request', `\n${get()}`, [refusal(400)]),
  refused(400, 'CR alone before a request', `\r${get()}`),
  refused(400, 'a space before a request', ` ${get()}`),
  refused(400, 'a NUL before a request', `\0${get()}`),
  refused(400, 'a byte order mark before a request', `\xef\xbb\xbf${get()}`),
]

/** Cases about heads: line ends, names, values, Host, sizes. */
export const headCases: readonly SmugglingCase[] = [...fields, ...hosts, ...sizes]
