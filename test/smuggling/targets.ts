import {
  either,
  forwardedGet,
  head,
  host,
  lines,
  passage,
  passed,
  refusal,
  refused,
  type SmugglingCase,
} from './case.ts'

const line = (requestLine: string) => head(requestLine, host)

/** The request line itself (RFC 9112 section 3). */
const requestLines: readonly SmugglingCase[] = [
  refused(400, 'two spaces before the target', line('GET  / HTTP/1.1')),
  refused(400, 'two spaces behind the target', line('GET /  HTTP/1.1')),
  refused(400, 'a tab before the target', line('GET\t/ HTTP/1.1')),
  refused(400, 'a tab behind the target', line('GET /\tHTTP/1.1')),
  refused(400, 'a vertical tab behind the target', line('GET /\x0bHTTP/1.1')),
  refused(400, 'a space inside the target', line('GET /a b HTTP/1.1')),
  refused(400, 'a space behind the version', line('GET / HTTP/1.1 ')),
  refused(400, 'no target', line('GET HTTP/1.1')),
  refused(400, 'an empty target', line('GET  HTTP/1.1')),
  refused(400, 'no method', line('/ HTTP/1.1')),
  refused(400, 'no version (HTTP/0.9)', 'GET /\r\n\r\n'),
  refused(400, 'no version, with fields', line('GET /')),
  refused([400, 505], 'version 0.9', line('GET / HTTP/0.9')),
  refused(505, 'version 2.0', line('GET / HTTP/2.0')),
  refused(505, 'version 3.0', line('GET / HTTP/3.0')),
  refused(505, 'version 1.2', line('GET / HTTP/1.2')),
  ...[
    'http/1.1',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/1.1.1',
    'HTTP/11',
    'HTTP/1.10',
    'HTTP/01.1',
    'HTTP /1.1',
    'HTTPS/1.1',
  ].map((version) => refused([400, 505], `version ${version}`, line(`GET / ${version}`))),
  refused([400, 505], 'a version with a minus sign', line('GET / HTTP/-1.1')),
  refused([400, 505], 'another protocol', line('GET / ICE/1.0')),
  refused(501, 'a method in lower case', line('get / HTTP/1.1')),
  refused(501, 'a method in mixed case', line('Get / HTTP/1.1')),
  refused(501, 'a method nobody knows', line('BREW / HTTP/1.1')),
  refused([400, 501], 'a method with lawful punctuation', line('GE!T / HTTP/1.1')),
  refused([400, 501], 'a method longer than any', line(`${'X'.repeat(100)} / HTTP/1.1`)),
  refused(400, 'a method with a colon', line('GE:T / HTTP/1.1')),
  refused(400, 'a method with an at sign', line('G@T / HTTP/1.1')),
  refused(400, 'a method with a high byte', line('G\xcbT / HTTP/1.1')),
  refused(400, 'a method with a NUL', line('GET\0 / HTTP/1.1')),
  refused([400, 501, 505], 'the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused(400, 'the first bytes of a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'),
  refused(400, 'an answer in place of a request', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  passed('a method with a dash that is known', line('M-SEARCH /a HTTP/1.1'), [
    { head: lines('M-SEARCH /a HTTP/1.1', host) },
  ]),
]

/** The four forms of a target (RFC 9112 section 3.2). */
const targets: readonly SmugglingCase[] = [
  passed('absolute form becomes origin form', line('GET http://app.test/x?y=1 HTTP/1.1'), [
    forwardedGet('/x?y=1'),
  ]),
  either(
    'the authority of an absolute form replaces a Host that differs, or the two are refused',
    head('GET http://app.test/x HTTP/1.1', 'Host: evil.test'),
    [refusal(400), passage(forwardedGet('/x'))],
    { isCutEverywhere: true },
  ),
  passed('absolute form without a path', line('GET http://app.test HTTP/1.1'), [forwardedGet('/')]),
  passed('absolute form without a path but with a query', line('GET http://app.test?a HTTP/1.1'), [
    forwardedGet('/?a'),
  ]),
  passed('absolute form with a scheme in capitals', line('GET HTTP://app.test/ HTTP/1.1'), [
    forwardedGet('/'),
  ]),
  passed(
    'absolute form of OPTIONS without a path is the asterisk',
    line('OPTIONS http://app.test HTTP/1.1'),
    [{ head: lines('OPTIONS * HTTP/1.1', host) }],
  ),
  refused(400, 'absolute form without a Host', head('GET http://app.test/ HTTP/1.1')),
  refused(400, 'absolute form with two Hosts', head('GET http://app.test/ HTTP/1.1', host, host)),
  refused(400, 'absolute form with user information', line('GET http://user:pw@app.test/ HTTP/1.1')),
  refused(400, 'absolute form without an authority', line('GET http:///x HTTP/1.1')),
  refused(400, 'absolute form with a port alone', line('GET http://:80/x HTTP/1.1')),
  refused(400, 'absolute form with one slash', line('GET http:/app.test/ HTTP/1.1')),
  refused(
    400,
    'absolute form with a backslash in its authority',
    line('GET http://app.test\\@evil/ HTTP/1.1'),
  ),
  refused([400, 421], 'absolute form of another scheme', line('GET ftp://app.test/ HTTP/1.1')),
  refused([400, 421], 'absolute form of https on a plain connection', line('GET https://app.test/ HTTP/1.1')),
  refused(400, 'absolute form for CONNECT', line('CONNECT http://app.test:80/ HTTP/1.1')),
  refused(400, 'authority form for another method than CONNECT', line('GET app.test:80 HTTP/1.1')),
  refused(400, 'origin form for CONNECT', line('CONNECT /x HTTP/1.1')),
  refused(400, 'asterisk form for CONNECT', line('CONNECT * HTTP/1.1')),
  refused(400, 'CONNECT without a port', line('CONNECT app.test HTTP/1.1')),
  refused(400, 'CONNECT with a port that is no number', line('CONNECT app.test:http HTTP/1.1')),
  refused(400, 'CONNECT with user information', line('CONNECT user@app.test:80 HTTP/1.1')),
  refused(400, 'CONNECT with a path', line('CONNECT app.test:80/x HTTP/1.1')),
  refused(400, 'the asterisk for another method than OPTIONS', line('GET * HTTP/1.1')),
  refused(400, 'the asterisk with more behind it', line('OPTIONS *x HTTP/1.1')),
  passed('the asterisk for OPTIONS', line('OPTIONS * HTTP/1.1'), [
    { head: lines('OPTIONS * HTTP/1.1', host) },
  ]),
  refused(400, 'a target without a slash before it', line('GET x HTTP/1.1')),
  refused(400, 'a target that is a query alone', line('GET ?x HTTP/1.1')),
  refused(400, 'a high byte in the target', line('GET /\xe9 HTTP/1.1')),
  refused(400, 'UTF-8 in the target', line('GET /\xc3\xa9 HTTP/1.1')),
  refused(400, 'a control character in the target', line('GET /a\x01 HTTP/1.1')),
  refused(400, 'a delete character in the target', line('GET /a\x7f HTTP/1.1')),
  refused(400, 'a CR in the target', line('GET /a\rb HTTP/1.1')),
  refused(400, 'a LF in the target', line('GET /a\nb HTTP/1.1')),
  either('a fragment in the target', line('GET /a#b HTTP/1.1'), [
    refusal(400),
    passage(forwardedGet('/a#b')),
  ]),
  passed(
    'an encoded line break in the target stays encoded',
    line('GET /%0d%0aX:%201%0D%0A%0d%0aGET%20/admin HTTP/1.1'),
    [forwardedGet('/%0d%0aX:%201%0D%0A%0d%0aGET%20/admin')],
  ),
  passed(
    'dots, doubled slashes and encoded slashes are kept as they are',
    line('GET //a/../b/./%2e%2e/%2F HTTP/1.1'),
    [forwardedGet('//a/../b/./%2e%2e/%2F')],
  ),
  passed('an encoded NUL in the target stays encoded', line('GET /a%00b HTTP/1.1'), [forwardedGet('/a%00b')]),
]

/** Cases about request lines and targets. */
export const targetCases: readonly SmugglingCase[] = [...requestLines, ...targets]
