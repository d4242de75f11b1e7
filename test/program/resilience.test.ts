import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { deferred } from '../../proxy/supervisor/deferred.ts'
import { Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import type { Exposition } from '../support/exposition.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { answerWith, deadPort, ok, RawUpstream } from '../support/raw.ts'

const outbound = (services: string) => `
outbound:
  listen: 127.0.0.1:0
  services:
${services.trimEnd()}
`

const retries = (scraped: Exposition, cluster: string) =>
  ['success', 'failure', 'refused'].map((result) => scraped.sum('pillion_retries_total', { cluster, result }))

test('requests to a flaky application are sent again, to another endpoint, if that is safe', async (t) => {
  await using _left = assertNothingLeft(t)
  await using flaky = await Application.start('flaky', (_request, response) => {
    response.writeHead(503).end('flaky')
  })
  await using steady = await Application.start('steady')
  const retry = 'retry: { retries: 2, backoffBase: 1ms, backoffMax: 5ms }'
  const endpoints = `endpoints: ["${flaky.address}", "${steady.address}"]`
  await using sidecar = await runSidecar(
    outbound(`
    - { name: safe, ${endpoints}, ${retry} }
    - { name: daring, ${endpoints}, ${retry.replace('}', ', nonIdempotent: true }')} }
    - { name: hopeless, endpoints: ["${flaky.address}"], ${retry} }
`),
  )
  using agent = keptConnections()
  const port = first(sidecar.outbound)
  const status = async (host: string, method: string) =>
    (await ask(port, '/', { method, body: method === 'GET' ? '' : 'body', headers: { host }, agent })).status
  for (let index = 0; index < 10; index += 1) t.equal(await status('safe', 'GET'), 200)
  const begun = flaky.seen.length
  // a retry takes a turn of its own, so that it need not be each second one
  t.ok(begun >= 5, `${begun} of 10 began there`)
  t.equal(steady.seen.length, 10)

  const posted = [await status('safe', 'POST'), await status('safe', 'POST')]
  t.strictSame(posted.toSorted(), [200, 503], 'a POST that may have been done is not sent again')
  const beforeDaring = flaky.seen.length
  for (let index = 0; index < 4; index += 1) t.equal(await status('daring', 'POST'), 200)
  const dared = flaky.seen.length - beforeDaring
  t.ok(dared >= 2)
  t.ok([...flaky.seen, ...steady.seen].every(({ method, body }) => method === 'GET' || body === 'body'))

  const before = flaky.seen.length
  t.match(await ask(port, '/', { headers: { host: 'hopeless' }, agent }), { status: 503, text: 'flaky' })
  t.equal(flaky.seen.length, before + 3, 'once, and twice again')
  const scraped = await sidecar.scrape()
  t.strictSame(retries(scraped, 'safe'), [begun, 0, 0])
  t.strictSame(retries(scraped, 'daring'), [dared, 0, 0])
  t.strictSame(retries(scraped, 'hopeless'), [0, 2, 0])
})

test('an endpoint that nobody is at is passed over, without any retry', async (t) => {
  await using _left = assertNothingLeft(t)
  await using steady = await Application.start('steady')
  const dead = `127.0.0.1:${await deadPort()}`
  await using sidecar = await runSidecar(
    outbound(`
    - { name: half, endpoints: ["${dead}", "${steady.address}"] }
    - { name: none, endpoints: ["${dead}"] }
`),
  )
  using agent = keptConnections()
  const port = first(sidecar.outbound)
  for (let index = 0; index < 6; index += 1) {
    t.match(await ask(port, '/', { method: 'POST', body: 'x', headers: { host: 'half' }, agent }), {
      status: 200,
    })
  }
  t.match(await ask(port, '/', { headers: { host: 'none' }, agent }), { status: 502 })
  const scraped = await sidecar.scrape()
  const failures = { cluster: 'half', code: 'CONNECT_REFUSED' }
  t.equal(scraped.sum('pillion_upstream_connect_failures_total', failures), 1, 'it is left alone for a while')
  t.equal(scraped.sum('pillion_failures_total', { code: 'CONNECT_REFUSED', blame: 'upstream' }), 1)
})

test('a try that takes too long is given up, and the second endpoint answers', async (t) => {
  await using _left = assertNothingLeft(t)
  // never answers, and sees how it is left
  await using slow = await RawUpstream.listen(() => {})
  await using quick = await RawUpstream.listen(answerWith(ok('quick')))
  await using sidecar = await runSidecar(
    outbound(`
    - name: app
      endpoints: ["127.0.0.1:${slow.port}", "127.0.0.1:${quick.port}"]
      retry: { retries: 1, perTryTimeout: 150ms, backoffBase: 1ms }
    - name: alone
      endpoints: ["127.0.0.1:${slow.port}"]
      retry: { retries: 1, perTryTimeout: 100ms, backoffBase: 1ms }
`),
  )
  const port = first(sidecar.outbound)
  const startedAt = performance.now()
  for (let index = 0; index < 2; index += 1) {
    t.match(await ask(port, '/', { headers: { host: 'app' } }), { status: 200, text: 'quick' })
  }
  t.ok(performance.now() - startedAt < 5_000)
  // a retry takes a turn of its own, so that both requests may have begun there
  const begun = slow.connections.length
  t.ok(begun === 1 || begun === 2)
  for (const connection of slow.connections) await connection.untilEnded()
  t.match(await ask(port, '/', { headers: { host: 'alone' } }), { status: 504 })
  t.equal(slow.connections.length, begun + 2, 'two tries more')
  const scraped = await sidecar.scrape()
  t.strictSame(retries(scraped, 'app'), [begun, 0, 0])
  t.equal(scraped.sum('pillion_failures_total', { code: 'TRY_TIMEOUT' }), 1)
  t.equal(scraped.sum('pillion_requests_active'), 0)
})

test('a circuit opens, lets one request try when its time is over, and closes again', async (t) => {
  await using _left = assertNothingLeft(t)
  let isBroken = true
  const { promise: healed, resolve: heal } = deferred<void>()
  await using application = await Application.start('app', async (_request, response) => {
    if (!isBroken) await healed
    response.writeHead(isBroken ? 500 : 200).end('app')
  })
  await using sidecar = await runSidecar(
    outbound(`
    - name: app
      endpoints: ["${application.address}"]
      circuitBreaker: { errorAmount: 3, open: 800ms, halfOpenRequests: 1, status: 429, body: later }
`),
  )
  const port = first(sidecar.outbound)
  using agent = keptConnections(8)
  const get = () => ask(port, '/', { headers: { host: 'app' }, agent })
  const state = async () => (await sidecar.scrape()).sum('pillion_circuit_state', { cluster: 'app' })
  for (let index = 0; index < 3; index += 1) t.match(await get(), { status: 500 })
  t.match(await get(), { status: 429, text: 'later' })
  t.equal(await state(), 2)
  t.equal(application.seen.length, 3)

  // the first trial fails, and opens it again
  await sleep(900)
  t.match(await get(), { status: 500 })
  t.match(await get(), { status: 429 })
  t.equal(application.seen.length, 4)

  isBroken = false
  await sleep(900)
  const trial = get()
  await eventually(() => application.seen.length === 5, 'the trial is at the application')
  t.equal(await state(), 1)
  t.match(await get(), { status: 429 }, 'only one at a time may try')
  heal()
  t.match(await trial, { status: 200 })
  t.equal(await state(), 0)
  const answers = await Promise.all(Array.from({ length: 8 }, get))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal((await sidecar.scrape()).sum('pillion_circuit_opened_total', { cluster: 'app' }), 2)
})

test('rate limits of a service and of a route answer with their own status and headers', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  await using sidecar = await runSidecar(`
inbound:
  - name: app
    listen: 127.0.0.1:0
    application: ${application.address}
    rateLimit: { requests: 10, per: 60s }
    routes:
      - { path: { prefix: /few }, rateLimit: { requests: 1, per: 60s, burst: 3, status: 503, headers: { Retry-After: "60", X-Why: few } } }
      - { path: { prefix: / } }
${outbound(`
    - { name: app, endpoints: ["${application.address}"], rateLimit: { requests: 2, per: 60s } }
`)}`)
  using agent = keptConnections()
  const inbound = (path: string) => ask(first(sidecar.inbound), path, { agent })
  for (let index = 0; index < 3; index += 1) t.match(await inbound('/few'), { status: 200 })
  t.match(await inbound('/few/x'), {
    status: 503,
    text: '',
    headers: { 'retry-after': '60', 'x-why': 'few' },
  })
  for (let index = 0; index < 6; index += 1) t.match(await inbound('/many'), { status: 200 })
  const over = await inbound('/many')
  t.match(over, { status: 429, text: '' })
  t.match(over.headers['retry-after'], /^[1-6]$/, 'ten in a minute are one in six seconds')
  t.notOk(over.headers['x-why'], 'each limit has headers of its own')
  const calls = Array.from({ length: 4 }, () =>
    ask(first(sidecar.outbound), '/', { headers: { host: 'app' } }),
  )
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  t.strictSame(statuses.toSorted(), [200, 200, 429, 429])
  const scraped = await sidecar.scrape()
  const throttled = (direction: string, scope: string) =>
    scraped.sum('pillion_throttled_total', { direction, service: 'app', scope })
  t.strictSame(
    [throttled('inbound', 'route'), throttled('inbound', 'service'), throttled('outbound', 'service')],
    [1, 1, 2],
  )
})
