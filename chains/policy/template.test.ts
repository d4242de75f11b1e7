import { test } from 'tap'
import { ProxyError } from '../failures.ts'
import { HeaderList } from '../headers.ts'
import { isoTimeWriter } from './iso-time.ts'
import { defaultLogFields, type LogEntry, logFields } from './log-fields.ts'
import { compileTemplate } from './template.ts'
import {
  testCluster,
  testContext,
  testModel,
  testOutcome,
  testPort,
  testResponse,
  testRoute,
  testService,
} from './testing.ts'

const cx = testContext({
  port: testPort('web'),
  service: testService('cart'),
  route: testRoute('checkout'),
  cluster: testCluster('shop/cart|80'),
  target: '127.0.0.1:9000',
})

/** What `template` gives for a usual request with these headers, changed by `parts`. */
function rendered(template: string, headers: string[] = [], parts: Partial<LogEntry> = {}): string {
  const names: string[] = []
  const compiled = compileTemplate(template, names)
  if ('error' in compiled) return `error: ${compiled.error}`
  const list = new HeaderList(headers)
  const value = compiled.read({
    direction: 'inbound',
    identity: testModel().identity,
    cx,
    outcome: testOutcome({ durationMs: 12.34567 }),
    request: {
      method: 'GET',
      path: '/a?token=1',
      version: '1.1',
      headers: names.map((name) => list.get(name)),
    },
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    isoTime: isoTimeWriter(),
    ...parts,
  })
  return compiled.json(value)
}

test('a single field keeps its type, and every field has a description', async (t) => {
  const values = Object.keys(logFields).map((name) => [name, JSON.parse(rendered(`%{${name}}`))])
  t.strictSame(Object.fromEntries(values), {
    time: '2026-01-02T03:04:05.678Z',
    id: 'w0-1',
    direction: 'inbound',
    method: 'GET',
    path: '/a?token=1',
    path_without_query: '/a',
    protocol: 'HTTP/1.1',
    status: 200,
    error: null,
    error_detail: null,
    blame: null,
    port: 'web',
    service: 'cart',
    route: 'checkout',
    cluster: 'shop/cart|80',
    target: '127.0.0.1:9000',
    remote_address: '192.0.2.7',
    remote_port: 40_000,
    local_address: '127.0.0.1',
    local_port: 15_003,
    destination: '10.0.0.1:80',
    connection: 1,
    received_bytes: 0,
    sent_bytes: 0,
    duration_ms: 12.346,
    namespace: 'shop',
    pod: 'curl-1',
    service_account: 'curl',
  })
  for (const { description } of Object.values(logFields)) t.match(description, /^.+\.$/)
})

test('the default fields are templates that compile', async (t) => {
  for (const template of Object.values(defaultLogFields))
    t.notMatch(compileTemplate(template), { error: String })
})

test('text around fields makes a string, in which nothing is a dash', async (t) => {
  t.equal(rendered('%{method} %{path} -> %{status} %{error}'), '"GET /a?token=1 -> 200 -"')
  t.equal(rendered('100%% of %{host}% }', ['Host', 'a"b']), '"100% of a\\"b% }"')
  t.equal(rendered('%%{path}'), '"%{path}"')
  t.equal(rendered(''), '""')
  t.equal(rendered('constant'), '"constant"')
})

test('headers are found by any case, and those that hold secrets are not shown', async (t) => {
  const headers = [
    'User-Agent',
    'curl',
    'Authorization',
    'Bearer x',
    'Cookie',
    'a=b',
    'Proxy-Authorization',
    'y',
  ]
  t.equal(rendered('%{request_header:User-Agent}', headers), '"curl"')
  t.equal(rendered('%{request_header:missing}', headers), 'null')
  t.equal(rendered('%{request_header:Authorization}', headers), '"[redacted]"')
  t.equal(rendered('c=%{request_header:cookie}', headers), '"c=[redacted]"')
  t.equal(rendered('%{request_header:PROXY-authorization}', headers), '"[redacted]"')
  t.equal(rendered('%{request_header:authorization}'), 'null')
  const outcome = testOutcome({ response: testResponse(200, ['Server', 'x', 'Set-Cookie', 'secret']) })
  t.equal(rendered('%{response_header:server}', [], { outcome }), '"x"')
  t.equal(rendered('%{response_header:set-cookie}', [], { outcome }), '"[redacted]"')
  t.equal(rendered('%{response_header:server}'), 'null')
})

test('a header that is named twice is kept once', async (t) => {
  const names: string[] = []
  compileTemplate('%{request_header:a} %{host}', names)
  compileTemplate('%{request_header:A} %{request_header:host} %{request_header:b}', names)
  t.strictSame(names, ['a', 'host', 'b'])
})

test('failures show their code, their words and their blame, refusals their code', async (t) => {
  const outcome = testOutcome({ status: 502, error: new ProxyError('UPSTREAM_RESET', 'said "no"') })
  t.equal(
    rendered('%{error} %{blame} %{error_detail}', [], { outcome }),
    '"UPSTREAM_RESET upstream said \\"no\\""',
  )
  const refused = testContext()
  refused.refusal = 'THROTTLED'
  t.equal(rendered('%{error}', [], { cx: refused }), '"THROTTLED"')
})

test('long values are cut, whatever they hold', async (t) => {
  const value = JSON.parse(rendered('%{request_header:x}', ['x', 'é'.repeat(5_000)]))
  t.equal(value.length, 1_024)
  t.ok(value.endsWith('é…'))
  t.equal(JSON.parse(rendered('<%{host}>', ['host', 'x'.repeat(5_000)])).length, 1_026)
})

test('numbers that JSON cannot say are null, and IPv6 destinations stand in brackets', async (t) => {
  t.equal(rendered('%{duration_ms}', [], { outcome: testOutcome({ durationMs: Number.NaN }) }), 'null')
  const six = testContext()
  t.equal(rendered('%{destination}', [], { cx: six }), '"10.0.0.1:80"')
  Object.assign(six.peer, { destinationAddress: '2001:db8::1' })
  t.equal(rendered('%{destination}', [], { cx: six }), '"[2001:db8::1]:80"')
  Object.assign(six.peer, { destinationAddress: '' })
  t.equal(rendered('%{destination}', [], { cx: six }), 'null')
})

test('what is about requests is null on a TCP chain', async (t) => {
  const request = null
  t.equal(
    rendered('%{method}|%{path}|%{path_without_query}|%{status}|%{host}', [], { request }),
    '"-|-|-|-|-"',
  )
  t.equal(rendered('%{protocol}', [], { request }), '"TCP"')
})

test('a template that is wrong is told so in one line', async (t) => {
  t.match(
    rendered('%{stauts}'),
    /^error: there is no field "stauts"; there are time, id, .*request_header:NAME/,
  )
  t.match(rendered('%{__proto__}'), /^error: there is no field/)
  t.match(rendered('%{toString}'), /^error: there is no field/)
  t.match(rendered('%{}'), /^error: there is no field ""/)
  t.match(rendered('a %{path'), /^error: "%\{" at 3 has no "\}"/)
  t.match(rendered('%{request_header:}'), /^error: "" cannot be the name of a header/)
  t.match(rendered('%{request_header:a b}'), /^error: "a b" cannot be the name of a header/)
  t.match(rendered('%{trailer:x}'), /^error: there is no field "trailer:"/)
})
