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
const post = (...fields: string[]) => head('POST / HTTP/1.1', host, ...fields)
const sized = (body: string, ...fields: string[]) => ({
  head: lines('POST / HTTP/1.1', host, ...fields, `Content-Length: ${body.length}`),
  body,
})

/** What belongs to one connection goes no further (RFC 9110 section 7.6.1). */
const connectionOptions: readonly SmugglingCase[] = [
  passed(
    'fields of the connection are stripped',
    get(
      'Connection: keep-alive',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'X: 1',
    ),
    [forwardedGet('/', 'X: 1')],
  ),
  passed(
    'fields that Connection names are stripped, whatever their case',
    get('X-Mine: 1', 'connection: x-MINE , x-other', 'X-Other: 2', 'X-Kept: 3', 'x-mine: 4'),
    [forwardedGet('/', 'X-Kept: 3')],
    { isCutEverywhere: true },
  ),
  passed(
    'several Connection fields count together',
    get('Connection: a', 'A: 1', 'Connection: b', 'B: 2', 'C: 3'),
    [forwardedGet('/', 'C: 3')],
  ),
  passed('a Connection that names itself', get('Connection: connection', 'X: 1'), [
    forwardedGet('/', 'X: 1'),
  ]),
  passed('an empty Connection', get('Connection:', 'X: 1'), [forwardedGet('/', 'X: 1')]),
  passed('a Connection with empty elements', get('Connection: , x,,', 'X: 1', 'Y: 2'), [
    forwardedGet('/', 'Y: 2'),
  ]),
  passed('a Connection that names what is not there', get('Connection: x-not-there', 'X: 1'), [
    forwardedGet('/', 'X: 1'),
  ]),
  either('a Connection that names Host', get('Connection: host', 'X: 1'), [
    refusal(400),
    passage(forwardedGet('/', 'X: 1')),
  ]),
  either(
    'a Connection that names the length',
    `${post('Connection: content-length', 'Content-Length: 3')}abc`,
    [refusal(400), passage(sized('abc'))],
  ),
  either(
    'a Connection that names the transfer coding',
    `${post('Connection: transfer-encoding', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
    [
      refusal(400),
      passage({ head: lines('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked'), body: 'abc' }),
    ],
  ),
  passed(
    'a Connection that names credentials',
    get('Connection: authorization', 'Authorization: Basic eDp5'),
    [forwardedGet()],
  ),
  passed(
    'a Connection that names where the client came from',
    get('Connection: close, X-Forwarded-For', 'X-Forwarded-For: 1.2.3.4', 'X: 1'),
    [forwardedGet('/', 'X: 1')],
  ),
  passed('close and keep-alive together close', get('Connection: close, keep-alive'), [forwardedGet()]),
  passed(
    'what follows a request that asks to close is never read',
    `${get('Connection: close')}${head('GET /admin HTTP/1.1', host)}`,
    [forwardedGet()],
  ),
  either('a Connection with a quoted name', get('Connection: "x"', 'X: 1'), [
    refusal(400),
    passage(forwardedGet('/', 'X: 1')),
  ]),
  either('a thousand names in Connection', get(`Connection: ${'a,'.repeat(1_000)}x`, 'X: 1'), [
    refusal([400, 431]),
    passage(forwardedGet()),
  ]),
]

/** Protocols to switch to, and expectations (RFC 9110 sections 7.8 and 10.1.1). */
const switches: readonly SmugglingCase[] = [
  passed(
    'an upgrade to h2c is never passed on',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'),
    [forwardedGet()],
    { isCutEverywhere: true },
  ),
  passed('an upgrade to H2C in capitals', get('Connection: Upgrade', 'Upgrade: H2C'), [forwardedGet()]),
  either('an upgrade to h2c beside another protocol', get('Connection: Upgrade', 'Upgrade: websocket, h2c'), [
    refusal(400),
    passage(forwardedGet()),
  ]),
  passed('an upgrade that Connection does not name', get('Upgrade: websocket', 'X: 1'), [
    forwardedGet('/', 'X: 1'),
  ]),
  either(
    'an upgrade with a body',
    `${post('Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 3')}abc`,
    [refusal(400), passage(sized('abc'))],
  ),
  either(
    'an upgrade in HTTP/1.0',
    head('GET / HTTP/1.0', host, 'Connection: Upgrade', 'Upgrade: websocket'),
    [refusal(400), passage(forwardedGet())],
  ),
  refused(417, 'an expectation nobody knows', `${post('Expect: cookies', 'Content-Length: 3')}abc`),
  refused(417, 'two expectations', `${post('Expect: 100-continue, cookies', 'Content-Length: 3')}abc`),
  refused([411, 417], 'an expectation without a body', post('Expect: 100-continue')),
  passed(
    'an expectation with a body that does not wait',
    `${post('Expect: 100-Continue', 'Content-Length: 3')}abc`,
    [sized('abc', 'Expect: 100-continue')],
  ),
]

const next = head('GET /next HTTP/1.1', host)

/** Two requests on one connection, of which the second is the attack. */
const pipelines: readonly SmugglingCase[] = [
  passed('two requests in one piece', `${get()}${next}`, [forwardedGet(), forwardedGet('/next')], {
    isCutEverywhere: true,
  }),
  passedThenRefused(
    400,
    'a good request, then both framing fields',
    `${get()}${post('Content-Length: 3', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    [forwardedGet()],
    { isCutEverywhere: true },
  ),
  passedThenRefused(400, 'a good request, then no Host', `${get()}${head('GET /admin HTTP/1.1')}`, [
    forwardedGet(),
  ]),
  passedThenRefused(
    501,
    'a good request, then a method nobody knows',
    `${get()}${head('BREW / HTTP/1.1', host)}${next}`,
    [forwardedGet()],
  ),
  passedThenRefused(505, 'a good request, then HTTP/2.0', `${get()}${head('GET / HTTP/2.0', host)}${next}`, [
    forwardedGet(),
  ]),
  passedThenRefused(
    400,
    'a good request with a body, then a folded field',
    `${post('Content-Length: 3')}abc${head('GET / HTTP/1.1', host, 'X: a', ' b')}`,
    [sized('abc')],
  ),
  refused(400, 'an attack, then a good request', `${get('X : 1')}${next}`),
  refused(
    417,
    'an unknown expectation, whose body is not the next request',
    `${post('Expect: x', `Content-Length: ${next.length}`)}${next}`,
  ),
  refused(
    413,
    'too large a body, which is not the next request',
    `${post(`Content-Length: ${next.length}`)}${next}`,
    {
      limits: { maxBodyBytes: 10 },
    },
  ),
]

/** Cases about fields of the connection, upgrades, expectations and pipelines. */
export const hopByHopCases: readonly SmugglingCase[] = [...connectionOptions, ...switches, ...pipelines]
