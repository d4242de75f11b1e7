import { test } from 'tap'
import type { TextKind } from './shape.ts'
import {
  address,
  cidr,
  duration,
  headerName,
  headerValue,
  hostPattern,
  listenAddress,
  regex,
  requestPath,
  size,
} from './texts.ts'

/** What a text is read as, or undefined when it is refused. */
function read<T>(kind: TextKind<T>, text: string): T | undefined {
  const parsed = kind.parse(text)
  return 'value' in parsed ? parsed.value : undefined
}

test('durations have a unit, and end where the timers do', (t) => {
  for (const [text, ms] of Object.entries({
    '0': 0,
    '200ms': 200,
    '1.5s': 1_500,
    '2m': 120_000,
    '1h': 3_600_000,
    '24h': 86_400_000,
  })) {
    t.equal(read(duration, text), ms, text)
    if (ms > 0) t.equal(read(duration, duration.write(ms)), ms)
  }
  for (const text of ['', '5', '-1s', '1 s', 's', '1S', '1d', '1e3s', '25000h', '٣s']) {
    t.equal(read(duration, text), undefined, text)
  }
  t.same(duration.number?.parse(0), { value: 0 })
  t.match(duration.number?.parse(5), { problem: /has no unit/ })
  t.end()
})

test('sizes are bytes, or have a binary unit', (t) => {
  for (const [text, bytes] of Object.entries({
    '0': 0,
    '10': 10,
    '10B': 10,
    '8KiB': 8_192,
    '1MiB': 1_048_576,
    '2GiB': 2 ** 31,
  })) {
    t.equal(read(size, text), bytes, text)
    t.equal(read(size, size.write(bytes)), bytes)
  }
  for (const text of ['', '-1', '1kb', '1.5KiB', '1 KiB', '999999999999GiB'])
    t.equal(read(size, text), undefined, text)
  t.end()
})

test('addresses are host and port, with IPv6 in brackets', (t) => {
  t.same(read(address, '127.0.0.1:80'), { host: '127.0.0.1', port: 80 })
  t.same(read(address, '[::1]:80'), { host: '::1', port: 80 })
  t.same(read(address, 'db.svc.cluster.local:5432'), { host: 'db.svc.cluster.local', port: 5_432 })
  t.same(read(listenAddress, 'localhost:0'), { host: 'localhost', port: 0 })
  const wrong = [
    '',
    ':80',
    '80',
    'a',
    'a:',
    'a:0',
    'a:65536',
    'a:-1',
    'a:+1',
    '1.2.3:80',
    '300.1.1.1:1',
    '::1:80',
    '[::1]',
    '[x]:1',
    '[fe80::1%eth0]:1',
    'a b:1',
    '-a:1',
    'a/b:1',
    'http://a:1',
    'a:1:2',
  ]
  for (const text of wrong) t.equal(read(address, text), undefined, text)
  t.end()
})

test('ranges are an address, or one with the length of its prefix', (t) => {
  for (const text of ['10.0.0.0/8', '10.1.2.3', '::/0', '2001:db8::1', '::1/128'])
    t.equal(read(cidr, text), text)
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/',
    'a',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ]) {
    t.equal(read(cidr, text), undefined, text)
  }
  t.end()
})

test('hosts become lower case, with port or without, with one wildcard at most', (t) => {
  for (const text of ['*', '*.Shop', 'Cart', 'cart:8080', '10.0.0.1', '[::1]', '[::1]:80']) {
    t.equal(read(hostPattern, text), text.toLowerCase())
  }
  for (const text of ['', 'a b', 'a*', '*.*.a', '*a', 'a/b', 'cart:', 'http://cart', '[x]', 'a,b']) {
    t.equal(read(hostPattern, text), undefined, text)
  }
  t.end()
})

test('headers and paths cannot smuggle line ends', (t) => {
  t.equal(read(headerName, 'X-Team'), 'x-team')
  for (const text of ['', 'a b', 'a:', 'a\r\n', 'é'])
    t.equal(read(headerName, text), undefined, JSON.stringify(text))
  t.equal(read(headerValue, 'a b\tc'), 'a b\tc')
  for (const text of ['a\r\nb: c', 'a\n', '\0', ' a', '…'])
    t.equal(read(headerValue, text), undefined, JSON.stringify(text))
  for (const text of ['a', '/a b', '/a\n', '/é', ''])
    t.equal(read(requestPath, text), undefined, JSON.stringify(text))
  t.end()
})

test('regular expressions are compiled for a test, up to a length', (t) => {
  t.equal(read(regex, '^/v[0-9]+$'), '^/v[0-9]+$')
  for (const text of ['(', '[', '\\', 'a{2,1}', 'x'.repeat(2_000)])
    t.equal(read(regex, text), undefined, text.slice(0, 9))
  t.end()
})
