import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { routes } from './routes.ts'
import { ask, post, recording, start } from './testing.ts'

test('the index lists every route of the admin port', async (t) => {
  const { admin } = await start(t)
  const { status, headers, body } = await ask(admin, '/')
  t.equal(status, 200)
  t.match(headers['content-type'], 'text/plain')
  for (const { method, path, ports } of routes) {
    if (ports.includes('admin')) t.ok(body.includes(`${method.padEnd(6)} ${path} `), path)
  }
})

test('ready is 200, or 503 with the reason, on both ports', async (t) => {
  let isReady = true
  const { admin, metrics } = await start(
    t,
    {},
    { ready: () => ({ isReady, reason: isReady ? 'serving' : 'no config yet' }) },
  )
  for (const address of [admin, metrics]) {
    isReady = true
    const good = await ask(address, '/ready')
    t.equal(good.status, 200)
    t.same(JSON.parse(good.body), { ready: true, reason: 'serving' })
    isReady = false
    const bad = await ask(address, '/ready')
    t.equal(bad.status, 503)
    t.same(JSON.parse(bad.body), { ready: false, reason: 'no config yet' })
    t.equal((await ask(address, '/ready', { headers: { accept: 'text/plain' } })).body, 'no config yet\n')
    t.equal((await ask(address, '/live')).status, 200)
  }
})

test('the config dump is JSON without its secrets', async (t) => {
  const { admin } = await start(t)
  const { status, body, headers } = await ask(admin, '/config_dump')
  t.equal(status, 200)
  t.equal(headers['cache-control'], 'no-store')
  t.same(JSON.parse(body), {
    listeners: [{ port: 15001 }],
    tls: { privateKey: '[redacted]', token: '[redacted]' },
  })
})

test('chains, clusters and generations are JSON by default', async (t) => {
  const { admin } = await start(t)
  const { control } = recording()
  t.same(JSON.parse((await ask(admin, '/chains')).body), control.chains())
  t.same(JSON.parse((await ask(admin, '/clusters')).body), await control.clusters())
  t.same(JSON.parse((await ask(admin, '/generations')).body), await control.generations())
  const both = await ask(admin, '/clusters', { headers: { accept: 'application/json, text/plain, */*' } })
  t.equal(both.headers['content-type'], 'application/json')
})

test('chains and clusters are tables for who asks for text', async (t) => {
  const { admin } = await start(t)
  const accept = { headers: { accept: 'text/plain' } }
  const chains = await ask(admin, '/chains', accept)
  t.equal(
    chains.body,
    [
      'inbound-http',
      '  name                             priority  mode',
      '  modules/inbound-http-routing.js  170       enforce',
      '  x                                1         off',
      '',
      'inbound-tcp',
      '  (none)',
      '',
    ].join('\n'),
  )
  const clusters = await ask(admin, '/clusters', accept)
  t.match(clusters.headers['content-type'], 'text/plain')
  t.equal(
    clusters.body,
    [
      'cluster     endpoint     connectionsOpen',
      'a           10.0.0.1:80  12',
      'longer?[2J  [::1]:80     0',
      '',
    ].join('\n'),
  )
})

test('generations are tables for who asks for text, with the reasons of a refusal below it', async (t) => {
  const { admin } = await start(t)
  const { body, headers } = await ask(admin, '/generations', { headers: { accept: 'text/plain' } })
  t.match(headers['content-type'], 'text/plain')
  t.equal(
    body,
    [
      'current  3',
      '',
      'history',
      '  generation  time                      source  outcome',
      '  3           2026-01-02T03:04:05.678Z  a.yaml  ok',
      '  2           2026-01-02T03:04:05.000Z  a.yaml  refused',
      '    a.yaml:1:1: foo: there is no such key',
      '    a.yaml:9:1: bar: is?[2J wrong',
      '',
      'workers',
      '  worker  generations.id  generations.exchanges',
      '  1       3               5',
      '  1       1               1',
      '  2       3               0',
      '  3       -               -',
      '',
    ].join('\n'),
  )
})

test('metrics are on the admin port under one path, on the metrics port under two', async (t) => {
  const { admin, metrics } = await start(t)
  for (const [address, path] of [
    [admin, '/stats/prometheus'],
    [metrics, '/stats/prometheus'],
    [metrics, '/metrics'],
  ] as const) {
    const { status, headers, body } = await ask(address, path)
    t.equal(status, 200)
    t.equal(headers['content-type'], 'text/plain; version=0.0.4')
    t.equal(body, 'up 1\n')
  }
})

test('the log level is read by GET and set by POST', async (t) => {
  const { admin } = await start(t)
  t.same(JSON.parse((await ask(admin, '/logging')).body), { level: 'info' })
  const set = await ask(admin, '/logging?level=debug', post())
  t.equal(set.status, 200)
  t.same(JSON.parse(set.body), { level: 'debug' })
  t.equal((await ask(admin, '/logging?level=loud', post())).status, 400)
  t.equal((await ask(admin, '/logging', post())).status, 400)
  t.same(
    JSON.parse((await ask(admin, '/logging?level=info')).body),
    { level: 'debug' },
    'GET changes nothing',
  )
})

test('drain and quit answer first and then do it, once', async (t) => {
  const { admin, calls } = await start(t)
  t.equal((await ask(admin, '/drain', post())).status, 200)
  t.same(calls, ['drain'])
  t.equal((await ask(admin, '/quitquitquit', { ...post(), body: 'x' })).status, 200)
  for (let tries = 0; tries < 100 && calls.length < 2; tries += 1) await sleep(5)
  t.same(calls, ['drain', 'quit'])
})

test('HEAD is answered wherever GET is, with the same head and no body', async (t) => {
  const { admin, metrics } = await start(t)
  for (const { method, path, ports } of routes) {
    if (method !== 'GET') continue
    const address = ports.includes('admin') ? admin : metrics
    const get = await ask(address, path)
    const head = await ask(address, path, { method: 'HEAD' })
    t.equal(head.status, 200)
    t.equal(head.body, '')
    t.equal(head.headers['content-length'], get.headers['content-length'], path)
  }
})

test('a port in use is one clear error that names the flag, and nothing stays open', async (t) => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const taken = other.address() as AddressInfo
  const address = { host: '127.0.0.1', port: taken.port }
  await t.rejects(start(t, { admin: address }), {
    message: `cannot listen on 127.0.0.1:${taken.port} for --admin: the address is in use`,
  })
  const free = await start(t)
  await free.close()
  await t.rejects(start(t, { admin: free.admin, metrics: address }), {
    message: `cannot listen on 127.0.0.1:${taken.port} for --metrics: the address is in use`,
  })
  const again = await start(t, { admin: free.admin })
  t.same(again.admin, free.admin)
})

test('an address that this machine does not have is a clear error too', async (t) => {
  await t.rejects(start(t, { admin: { host: '192.0.2.1', port: 0 } }), {
    message: /^cannot listen on 192\.0\.2\.1:0 for --admin: this machine has no such address$/,
  })
})

test('each port can be left out', async (t) => {
  const neither = await start(t, { admin: null, metrics: null })
  t.equal(neither.admin, null)
  t.equal(neither.metrics, null)
  const one = await start(t, { admin: null })
  t.equal(one.admin, null)
  t.equal((await ask(one.metrics, '/live')).status, 200)
})

test('closing ends idle connections and does not wait for silent clients', async (t) => {
  const { admin, close } = await start(t)
  const sockets = [0, 1].map(() => connect(admin?.port ?? 0, '127.0.0.1'))
  sockets[1]?.write('GET /ready HTT')
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  await close()
  await Promise.all(sockets.map((socket) => (socket.closed ? null : textOf(socket).catch(() => ''))))
  await t.rejects(ask(admin, '/ready'), { code: 'ECONNREFUSED' })
})
