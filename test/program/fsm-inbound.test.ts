import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections, statusOrError } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { first, type ProcessOptions, runSidecar, type SidecarProcess } from '../support/process.ts'
import { exampleOptions, type WorkedExample, workedExample } from './worked-example.ts'

/** Where the application of the example is asked for from outside. */
const cart = { 'x-pillion-original-destination': '10.244.1.9:8080', host: 'cart' }
const ops = { serviceidentity: 'ops-sa.ops' }
const core = { 'x-team': 'core' }

const admitUs = (config: WorkedExample): void => {
  config.AllowedEndpoints['127.0.0.1'] = 'test'
}

interface Case {
  readonly name: string
  readonly path: string
  readonly method?: string
  readonly headers: Record<string, string>
  /** The rule that takes it, by its path; null for none. */
  readonly rule: 'prefix /admin' | 'regex .*' | null
}

const cases: readonly Case[] = [
  { name: 'no identity', path: '/x', headers: cart, rule: 'regex .*' },
  { name: 'no identity, a path of operators', path: '/admin', headers: cart, rule: 'regex .*' },
  {
    name: 'an operator of the team',
    path: '/admin',
    headers: { ...cart, ...ops, ...core },
    rule: 'prefix /admin',
  },
  {
    name: 'a prefix knows no segments, and sees the query',
    path: '/administrator?x=1',
    headers: { ...cart, ...ops, ...core },
    rule: 'prefix /admin',
  },
  { name: 'an operator without a team', path: '/admin', headers: { ...cart, ...ops }, rule: null },
  {
    name: 'an operator of a team of like name',
    path: '/admin',
    headers: { ...cart, ...ops, 'x-team': 'core2' },
    rule: null,
  },
  { name: 'an operator on a path of nobody', path: '/x', headers: { ...cart, ...ops, ...core }, rule: null },
  {
    name: 'an operator with a method that the rule does not name',
    path: '/admin',
    method: 'PUT',
    headers: { ...cart, ...ops },
    rule: 'regex .*',
  },
  {
    name: 'an identity that no rule names',
    path: '/x',
    headers: { ...cart, serviceidentity: 'a.b' },
    rule: 'regex .*',
  },
  {
    name: 'a host with its port',
    path: '/x',
    headers: { ...cart, host: 'cart.shop:8080' },
    rule: 'regex .*',
  },
  { name: 'an unknown host', path: '/x', headers: { ...cart, host: 'other' }, rule: null },
  {
    name: 'a known host without the port that it is known with',
    path: '/x',
    headers: { ...cart, host: 'cart.shop.svc.cluster.local' },
    rule: null,
  },
]

/** Sends every case, and compares answers and access log with what the example's text says. */
async function assertDecisions(t: Test, sidecar: SidecarProcess, application: Application): Promise<void> {
  using agent = keptConnections()
  const port = first(sidecar.inbound)
  for (const { name, path, method = 'GET', headers, rule } of cases) {
    const seenBefore = application.seen.length
    const { status, text } = await ask(port, path, { method, headers, agent })
    if (rule === null) {
      t.strictSame({ status, text }, { status: 403, text: 'Access denied' }, name)
      t.equal(application.seen.length, seenBefore, `${name}: the application hears nothing`)
    } else {
      t.strictSame({ status, text }, { status: 200, text: 'cart' }, name)
      const seen = application.seen.at(-1)
      t.match(seen, { path, method }, name)
      t.notOk(seen?.headers['x-pillion-original-destination'], 'the destination is not passed on')
    }
  }
  await eventually(() => sidecar.program.output.length >= cases.length, 'all are in the access log')
  const logged = sidecar.program.output.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const [index, { name, rule }] of cases.entries()) {
    const { service = null, route, cluster, target } = logged[index] ?? {}
    const expected = rule
      ? { service: 'cart.shop', route: rule, cluster: 'shop/cart|9000|local', target: application.address }
      : { service: null, route: null, cluster: null, target: null }
    t.strictSame({ service, route, cluster, target }, expected, name)
  }
}

const forms: readonly (readonly [
  form: string,
  options: ProcessOptions,
  pack: (text: string) => string | Uint8Array,
])[] = [
  ['config.json', exampleOptions('header'), (text) => text],
  ['config.json.gz', { ...exampleOptions('header'), fileName: 'config.json.gz' }, (text) => gzipSync(text)],
]

for (const [form, options, pack] of forms) {
  test(`the worked example as ${form} decides about requests as its text says`, async (t) => {
    await using _left = assertNothingLeft(t)
    await using application = await Application.start('cart')
    const config = await workedExample({ '127.0.0.1:9000': application.address }, admitUs)
    await using sidecar = await runSidecar(pack(config), options)
    await assertDecisions(t, sidecar, application)
    const port = first(sidecar.inbound)
    const elsewhere = { ...cart, 'x-pillion-original-destination': '10.244.1.9:9999' }
    t.equal(
      await statusOrError(port, '/', { headers: elsewhere }),
      'ECONNRESET',
      'an unknown port is a reset',
    )
    const tcp = { ...cart, 'x-pillion-original-destination': '10.244.1.9:7001' }
    t.equal(await statusOrError(port, '/', { headers: tcp }), 'ECONNRESET', 'TCP has no headers')
    t.equal(await statusOrError(port, '/', { headers: { host: 'cart' } }), 400, 'somebody must say where to')
    t.equal(await sidecar.stop(), 0)
  })
}

test('a source that the example does not list is reset, and nothing of it reaches the application', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('cart')
  const config = await workedExample({ '127.0.0.1:9000': application.address })
  await using sidecar = await runSidecar(config, exampleOptions('header'))
  for (const path of ['/x', '/admin']) {
    t.equal(await statusOrError(first(sidecar.inbound), path, { headers: cart }), 'ECONNRESET')
  }
  t.equal(application.connections, 0)
  const scraped = await sidecar.scrape()
  const rejected = { direction: 'inbound', reason: 'source-not-allowed' }
  t.equal(scraped.sum('pillion_connections_rejected_total', rejected), 2)
})

test('requests over the limits of the example are answered as it says: 503 with retry-after, and 429', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('cart')
  const config = await workedExample({ '127.0.0.1:9000': application.address }, admitUs)
  await using sidecar = await runSidecar(config, exampleOptions('header'))
  const port = first(sidecar.inbound)
  using agent = keptConnections(8)
  const startedAt = performance.now()
  const flood = (path: string, count: number, headers: Record<string, string>) =>
    Promise.all(Array.from({ length: count }, () => ask(port, path, { headers, agent })))
  const admin = await flood('/admin', 30, { ...cart, ...ops, ...core })
  const others = await flood('/x', 600, cart)
  const seconds = (performance.now() - startedAt) / 1_000

  const isWell = ({ status }: { status: number }) => status === 200
  const wellAdmin = admin.filter(isWell).length
  t.ok(wellAdmin >= 5 && wellAdmin <= 5 + 5 * seconds + 1, `${wellAdmin} of 30 are let through`)
  for (const { status, headers, text } of admin.filter((answer) => !isWell(answer))) {
    t.strictSame({ status, retry: headers['retry-after'], text }, { status: 503, retry: '1', text: '' })
  }
  // those of /admin have taken from the service's 200 too
  const well = others.filter(isWell).length + admin.length
  t.ok(well >= 200 && well <= 200 + 100 * seconds + 1, `${well} of 630 are let through`)
  t.ok(others.some(({ status }) => status === 429))
  t.ok(others.every(({ status }) => status === 200 || status === 429))

  const scraped = await sidecar.scrape()
  const count = (name: string) => scraped.sum('http_local_rate_limiter', { http_local_rate_limit: name })
  t.equal(count('throttle_route'), 30 - wellAdmin)
  t.equal(count('throttle_service'), 630 - well)
  t.equal(application.seen.length, 630 - count('throttle_route') - count('throttle_service'))
})

test('connections over the limit of a port are reset, and counted as FSM counts them', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('cart')
  const config = await workedExample({ '127.0.0.1:9000': application.address }, admitUs)
  await using sidecar = await runSidecar(config, exampleOptions('header'))
  const startedAt = performance.now()
  const ends = await Promise.all(
    Array.from({ length: 120 }, () => statusOrError(first(sidecar.inbound), '/x', { headers: cart })),
  )
  const seconds = (performance.now() - startedAt) / 1_000
  const well = ends.filter((end) => end === 200).length
  t.ok(well >= 50 && well <= 50 + 50 * seconds + 1, `${well} of 120 are let in`)
  t.ok(ends.every((end) => end === 200 || end === 'ECONNRESET'))
  const scraped = await sidecar.scrape()
  t.equal(scraped.sum('sidecar_local_rate_limit_inbound', { label: 'shop/cart_9000_http' }), 120 - well)
})
