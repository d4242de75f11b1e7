import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { ask, everywhere, post, start } from './testing.ts'

test('the wrong method is 405 with those that are allowed, and nothing happens', async (t) => {
  const { admin, metrics, calls } = await start(t)
  const cases = [
    [admin, 'GET', '/drain', 'POST'],
    [admin, 'HEAD', '/quitquitquit', 'POST'],
    [admin, 'GET', '/quitquitquit?x', 'POST'],
    [admin, 'POST', '/chains', 'GET, HEAD'],
    [admin, 'OPTIONS', '/ready', 'GET, HEAD'],
    [admin, 'PUT', '/logging', 'GET, HEAD, POST'],
    [metrics, 'POST', '/metrics', 'GET, HEAD'],
  ] as const
  for (const [address, method, path, allow] of cases) {
    const answer = await ask(address, path, { method })
    t.equal(answer.status, 405, `${method} ${path}`)
    t.equal(answer.headers.allow, allow)
  }
  t.same(calls, [])
})

test('an unknown path is 404 with the routes of that port', async (t) => {
  const { admin, metrics } = await start(t)
  for (const path of ['/nothing', '//ready', '/ready/', '/%72eady', '/READY', 'http://x/ready']) {
    t.equal((await ask(admin, path)).status, 404, path)
  }
  const answer = JSON.parse((await ask(admin, '/nothing')).body)
  t.ok(answer.routes.some((line: string) => line.startsWith('POST   /drain')))
  const other = await ask(metrics, '/drain', { ...post(), headers: { accept: 'text/plain' } })
  t.equal(other.status, 404)
  t.match(other.body, /GET {4}\/metrics/)
  t.notMatch(other.body, /drain/)
})

test('off loopback a change needs the right bearer token, and reads need none', async (t) => {
  const { admin, calls } = await start(t, { admin: everywhere, token: 'open sesame' })
  const cases = [
    undefined,
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Basic open sesame',
    'open sesame',
    'Bearer open sesame2',
  ]
  for (const authorization of cases) {
    const answer = await ask(admin, '/drain', post(authorization === undefined ? {} : { authorization }))
    t.equal(answer.status, 401, `${authorization}`)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
  }
  t.same(calls, [])
  t.equal((await ask(admin, '/drain', post({ authorization: 'Bearer open sesame' }))).status, 200)
  t.equal(
    (await ask(admin, '/logging?level=debug', post({ authorization: 'bearer open sesame' }))).status,
    200,
  )
  t.same(calls, ['drain'])
  t.equal((await ask(admin, '/chains')).status, 200)
})

test('off loopback without a configured token no change is taken, and the answer says why', async (t) => {
  for (const token of [null, '']) {
    const { admin, calls } = await start(t, { admin: everywhere, token })
    for (const authorization of ['Bearer ', 'Bearer x', '']) {
      const answer = await ask(admin, '/quitquitquit', post({ authorization }))
      t.equal(answer.status, 403)
      t.match(JSON.parse(answer.body).error, /no token is configured/)
    }
    t.same(calls, [])
  }
})

test('a page of another origin can change nothing', async (t) => {
  const { admin, calls } = await start(t)
  const own = `127.0.0.1:${admin?.port}`
  const cases: Record<string, string>[] = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1' },
    { origin: `https://${own}` },
    { origin: `http://${own}.evil.example` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: `http://evil.example:${admin?.port}`, host: `evil.example:${admin?.port}` },
  ]
  for (const headers of cases)
    t.equal((await ask(admin, '/drain', post(headers))).status, 403, JSON.stringify(headers))
  t.same(calls, [])
  const good = { origin: `http://${own}`, 'sec-fetch-site': 'same-origin' }
  t.equal((await ask(admin, '/drain', post(good))).status, 200)
})

test('a name that was given the address of this machine reaches nothing on loopback', async (t) => {
  const { admin, calls } = await start(t)
  for (const host of [
    'evil.example',
    'evil.example:15000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ]) {
    t.equal((await ask(admin, '/config_dump', { headers: { host } })).status, 403, `GET ${host}`)
    t.equal((await ask(admin, '/drain', post({ host }))).status, 403, `POST ${host}`)
  }
  t.same(calls, [])
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:80', '[::1]:80', '10.1.2.3']) {
    t.equal((await ask(admin, '/config_dump', { headers: { host } })).status, 200, host)
  }
})

test('off loopback names lead to what can be read, but to changes only the configured one', async (t) => {
  const { admin } = await start(t, { admin: { host: '0.0.0.0', port: 0 }, token: 'x' })
  const authorization = 'Bearer x'
  t.equal((await ask(admin, '/chains', { headers: { host: 'pod.example' } })).status, 200)
  t.equal((await ask(admin, '/drain', post({ host: 'pod.example', authorization }))).status, 403)
  t.equal((await ask(admin, '/drain', post({ host: '0.0.0.0', authorization }))).status, 200)
})

test('the metrics port may be reached by any name', async (t) => {
  const { metrics } = await start(t)
  t.equal((await ask(metrics, '/metrics', { headers: { host: 'sidecar.namespace.svc' } })).status, 200)
})

test('a body that is too long is refused, whether or not its length is said before', async (t) => {
  const { admin, calls } = await start(t)
  const body = 'x'.repeat(5_000)
  t.equal((await ask(admin, '/drain', { method: 'POST', body })).status, 413)
  const chunked = await ask(admin, '/drain', {
    method: 'POST',
    body,
    headers: { 'transfer-encoding': 'chunked' },
  })
  t.equal(chunked.status, 413)
  t.equal(chunked.headers.connection, 'close')
  t.same(calls, [])
})

test('a client that leaves in the middle of its body changes nothing', async (t) => {
  const { admin, calls } = await start(t)
  const socket = connect(admin?.port ?? 0, '127.0.0.1')
  socket.end('POST /drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc')
  await textOf(socket)
  t.same(calls, [])
})

test('scrapes at the same time share one result', async (t) => {
  let scrapes = 0
  let finish: () => void = () => {}
  const started = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { admin, metrics } = await start(
    t,
    {},
    {
      metrics: async () => {
        scrapes += 1
        await started
        return { contentType: 'text/plain', text: `scrape ${scrapes}` }
      },
    },
  )
  const asked = [admin, metrics, metrics].map((address) => ask(address, '/stats/prometheus'))
  while (scrapes === 0) await sleep(5)
  await sleep(50)
  finish()
  for (const answer of await Promise.all(asked)) t.equal(answer.body, 'scrape 1')
  t.equal((await ask(metrics, '/metrics')).body, 'scrape 2')
})

test('answers that their clients do not take have a bound', async (t) => {
  let finish: () => void = () => {}
  const released = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { admin } = await start(
    t,
    {},
    {
      clusters: async () => {
        await released
        return []
      },
    },
  )
  const asked = Array.from({ length: 20 }, () => ask(admin, '/clusters'))
  const refused = await Promise.race(asked)
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await ask(admin, '/ready')).status, 200, 'other paths are not in the way')
  finish()
  const all = await Promise.all(asked)
  t.equal(all.filter(({ status }) => status === 200).length, 16)
  t.equal((await ask(admin, '/clusters')).status, 200)
})

test('a fault inside is 500 with its message and without a stack, and the next request is answered', async (t) => {
  const { admin, metrics, lines } = await start(
    t,
    {},
    {
      clusters: async () => {
        throw new Error('worker 2 does not answer')
      },
      chains: () => {
        throw new TypeError('broken')
      },
      metrics: () => Promise.reject(new Error('no numbers')),
    },
  )
  for (const [address, path, reason] of [
    [admin, '/clusters', 'worker 2 does not answer'],
    [admin, '/chains', 'broken'],
    [metrics, '/metrics', 'no numbers'],
  ] as const) {
    const { status, body } = await ask(address, path)
    t.equal(status, 500)
    t.same(JSON.parse(body), { error: reason })
  }
  t.equal(lines.length, 3)
  t.equal((await ask(admin, '/ready')).status, 200)
})

test('what is no HTTP, or has no host, is refused without harm', async (t) => {
  const { admin } = await start(t)
  const cases = [
    ['\x16\x03\x01 tls', /^HTTP\/1\.1 400 /],
    ['GET /ready HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET /ready HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 403 /],
    [`GET /ready HTTP/1.1\r\nHost: localhost\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [
      'GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n',
      /^HTTP\/1\.1 200 /,
    ],
  ] as const
  for (const [bytes, expected] of cases) {
    const socket = connect(admin?.port ?? 0, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(bytes)
    t.match(await textOf(socket), expected)
  }
})
