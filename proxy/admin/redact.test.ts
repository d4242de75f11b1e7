import { test } from 'tap'
import { redact } from './redact.ts'

test('what stands under a key that sounds like a secret is replaced, at any depth', async (t) => {
  const dump = {
    PrivateKey: '-----BEGIN…',
    tls: [{ private_key: { pem: 'x' }, certificate: 'public' }],
    adminToken: 'abc',
    upstream: { 'x-api-key': 'k', password: 1234, Authorization: ['Bearer x'], port: 80 },
  }
  t.same(redact(dump), {
    PrivateKey: '[redacted]',
    tls: [{ private_key: '[redacted]', certificate: 'public' }],
    adminToken: '[redacted]',
    upstream: { 'x-api-key': '[redacted]', password: '[redacted]', Authorization: '[redacted]', port: 80 },
  })
})

test('one sees whether a secret is set', async (t) => {
  t.same(redact({ token: null, hasToken: true, secret: undefined }), { token: null, hasToken: true })
})

test('headers in lists are found by their names', async (t) => {
  const headers = [
    ['Authorization', 'Bearer x'],
    ['X-Plain', 'y'],
  ]
  const rules = [
    { name: 'authorization', regex: '^Bearer x$' },
    { name: 'host', value: 'h' },
    { name: 'token-service', endpoints: [80] },
    { Name: 'Proxy-Authorization', Value: 'Basic x' },
  ]
  t.same(redact({ headers, rules }), {
    headers: [
      ['Authorization', '[redacted]'],
      ['X-Plain', 'y'],
    ],
    rules: [
      { name: 'authorization', regex: '[redacted]' },
      { name: 'host', value: 'h' },
      { name: 'token-service', endpoints: [80] },
      { Name: 'Proxy-Authorization', Value: '[redacted]' },
    ],
  })
})

test('private keys and passwords in URLs are found wherever they are', async (t) => {
  t.same(
    redact(['-----BEGIN EC PRIVATE KEY-----\nabc', 'redis://user:pw@host:1/', 'a@b', 'http://h:80/x@y']),
    ['[redacted]', 'redis://user:[redacted]@host:1/', 'a@b', 'http://h:80/x@y'],
  )
})

test('the original is not changed, and circles and odd values end', async (t) => {
  const circle: Record<string, unknown> = { token: 'x', big: 1n }
  circle.self = circle
  const text = JSON.stringify(redact(circle))
  t.equal(circle.token, 'x')
  t.match(text, '[too deep]')
  t.notMatch(text, '"x"')
  t.equal(redact(undefined), null)
})

test('a key called __proto__ is data like any other', async (t) => {
  t.equal(
    JSON.stringify(redact(JSON.parse('{"__proto__":{"token":"x"}}'))),
    '{"__proto__":{"token":"[redacted]"}}',
  )
})
