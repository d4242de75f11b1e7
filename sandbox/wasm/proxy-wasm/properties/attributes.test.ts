import { test } from 'tap'
import { HeaderList } from '../../../../chains/headers.ts'
import {
  manualClock,
  testCluster,
  testContext,
  testModel,
  testOutcome,
  testPort,
  testRequest,
  testResponse,
  testRoute,
  testService,
} from '../../../../chains/policy/testing.ts'
import { FieldMap } from '../streams/field-map.ts'
import { requestLine, responseLine } from '../streams/line-fields.ts'
import { type AttributeSource, attribute, attributes } from './attributes.ts'
import { nodeProperty } from './node.ts'

const vars = {
  port: testPort('http-80'),
  service: testService('shop'),
  route: testRoute('r1'),
  cluster: testCluster('shop|8080'),
  target: '10.0.0.2:8080',
}

function source(): AttributeSource {
  const fields = ['Host', 'shop.example', 'User-Agent', 'curl', 'Referer', 'there', 'X-Request-Id', 'q-1']
  const request = testRequest({
    path: '/a/b?c=d',
    headers: new HeaderList([...fields, 'X-A', '1', 'x-a', '2']),
  })
  const response = testResponse(503, ['grpc-status', '14'])
  return {
    cx: testContext(vars),
    clock: manualClock(),
    maps: {
      request: new FieldMap(request.headers, requestLine(request)),
      response: new FieldMap(response.headers, responseLine(response)),
    },
    request,
    response,
    outcome: testOutcome({ status: 503, receivedBytes: 7, sentBytes: 9 }),
    details: 'no healthy upstream',
  }
}

const number = (value: number | bigint): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes.toString('latin1')
}

const expected: Readonly<Record<string, string>> = {
  'request.path': '/a/b?c=d',
  'request.url_path': '/a/b',
  'request.query': 'c=d',
  'request.host': 'shop.example',
  'request.scheme': 'http',
  'request.method': 'GET',
  'request.referer': 'there',
  'request.useragent': 'curl',
  'request.id': 'q-1',
  'request.protocol': 'HTTP/1.1',
  'request.time': number(BigInt(Date.UTC(2026, 0, 2, 3, 4, 5, 678)) * 1_000_000n),
  'request.duration': number(12_500_000),
  'request.size': number(7),
  'response.code': number(503),
  'response.code_details': 'no_healthy_upstream',
  'response.flags': number(0),
  'response.grpc_status': number(14),
  'response.size': number(9),
  'response.total_size': number(9 + 'grpc-status: 14\r\n'.length),
  'source.address': '192.0.2.7:40000',
  'source.port': number(40_000),
  'destination.address': '10.0.0.1:80',
  'destination.port': number(80),
  'connection.id': number(1),
  'connection.mtls': '\0',
  'upstream.address': '10.0.0.2:8080',
  'upstream.port': number(8_080),
  'xds.cluster_name': 'shop|8080',
  'xds.route_name': 'r1',
  'xds.virtual_host_name': 'shop',
  'xds.filter_chain_name': 'http-80',
  'xds.listener_direction': number(1),
  cluster_name: 'shop|8080',
  route_name: 'r1',
  listener_direction: number(1),
  'pillion.protocol': 'http',
  'pillion.target': '10.0.0.2:8080',
  'pillion.route': 'r1',
  'pillion.service': 'shop',
  'pillion.cluster': 'shop|8080',
  'pillion.port': 'http-80',
  'pillion.direction': 'inbound',
  'pillion.is_http2': '\0',
  'pillion.is_ingress': '\0',
  'pillion.is_egress': '\0',
  'pillion.exchange_id': 'w0-1',
}

const read = (path: string, from = source()): string | null => {
  const value = attribute(path.split('.'), from)
  return value && Buffer.from(value).toString('latin1')
}

test('every attribute has the value and the encoding that guests expect', (t) => {
  for (const [path, value] of Object.entries(expected)) t.equal(read(path), value, path)
  const others = Object.keys(attributes).filter((path) => !Object.hasOwn(expected, path))
  t.strictSame(others, ['request.total_size'])
  t.end()
})

test('headers are read by name, repeats joined; and all of them as a map', (t) => {
  t.equal(read('request.headers.x-a'), '1,2')
  t.equal(read('request.headers.none'), null)
  t.equal(read('response.headers.grpc-status'), '14')
  t.equal(read('request.headers')?.slice(0, 4), '\t\0\0\0', 'nine of them')
  t.end()
})

test('a connection knows nothing of requests, and nobody knows what there is not', (t) => {
  const connection = { ...source(), maps: null, request: null, response: null }
  for (const path of [
    'request.path',
    'request.size',
    'request.headers.host',
    'response.code',
    'response.size',
  ]) {
    t.equal(read(path, connection), null, path)
  }
  t.equal(read('source.port', connection), number(40_000))
  for (const path of ['', 'constructor', 'request', 'metadata.filter_metadata.a', 'connection.tls_version']) {
    t.equal(read(path), null, path)
  }
  t.end()
})

test('the node is what the config says of the workload', (t) => {
  const node = (...path: string[]) => nodeProperty(testModel(), path)?.toString()
  t.equal(node('node', 'id'), 'curl-1.shop')
  t.equal(node('xds', 'node', 'metadata', 'NAMESPACE'), 'shop')
  t.equal(node('node', 'metadata', 'constructor'), undefined)
  t.equal(node('node', 'metadata', 'LABELS', 'app'), undefined)
  t.end()
})
