import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections, statusOrError } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'

/** One application for each name, gone at the end of the stack. */
async function startAll(
  stack: AsyncDisposableStack,
  names: readonly string[],
): Promise<Map<string, Application>> {
  const started = names.map(async (name) => [name, stack.use(await Application.start(name))] as const)
  return new Map(await Promise.all(started))
}

const clusters = ['exact', 'short', 'long', 'regex', 'method', 'header', 'rest', 'v1', 'v2']

const outboundConfig = (applications: ReadonlyMap<string, Application>): string => `
outbound:
  listen: 127.0.0.1:0
  services:
    - name: shop
      hosts: [shop, "*.shop.test", "shop.local:8080"]
      clusters:
${clusters.map((name) => `        ${name}: { endpoints: ['${applications.get(name)?.address}'] }`).join('\n')}
      routes:
        - { path: { regex: ^/a }, cluster: regex }
        - { path: { regex: /late$ }, cluster: rest }
        - { path: { prefix: /a }, cluster: short }
        - { path: { prefix: /a/b/ }, cluster: long }
        - { path: /a/b/c, cluster: exact }
        - { path: { prefix: /m }, methods: [post, PUT], cluster: method }
        - { path: { prefix: /h }, headers: { X-Version: "^2$", x-team: core }, cluster: header }
        - { path: { prefix: /split }, split: { v1: 90, v2: 10 } }
        - { path: { prefix: /h }, cluster: rest }
`

const routed: readonly (readonly [
  path: string,
  cluster: string | number,
  parts?: Parameters<typeof ask>[2],
])[] = [
  ['/a/b/c', 'exact'],
  ['/a/b/c?query=/a', 'exact'],
  ['/a/b/cd', 'long'],
  ['/a/b/', 'long'],
  ['/a/b', 'long'],
  ['/a', 'short'],
  ['/a/x', 'short'],
  // segments: /a is no prefix of it, and so the regular expressions come to their turn, in order
  ['/ab', 'regex'],
  ['/ab/late', 'regex'],
  ['/be/late', 'rest'],
  ['/be/late?', 'rest'],
  ['/m', 'method', { method: 'POST', body: 'x' }],
  ['/m/x', 'method', { method: 'PUT' }],
  ['/m', 404],
  ['/h', 'header', { headers: { 'x-version': '2', 'x-team': 'score' } }],
  ['/h', 'rest', { headers: { 'x-version': '22', 'x-team': 'core' } }],
  ['/h', 'rest', { headers: { 'x-version': '2' } }],
  ['/nowhere', 404],
]

test('a route is found exact before longest prefix before regular expression, by method and by header', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startAll(stack, clusters)
  await using sidecar = await runSidecar(outboundConfig(applications))
  const port = first(sidecar.outbound)
  using agent = keptConnections()
  for (const [path, expected, parts = {}] of routed) {
    const { status, text } = await ask(port, path, {
      ...parts,
      agent,
      headers: { host: 'shop', ...parts.headers },
    })
    const got = typeof expected === 'number' ? status : text
    t.equal(got, expected, `${parts.method ?? 'GET'} ${path}`)
  }
  const hosts = {
    shop: 200,
    'shop:1234': 200,
    SHOP: 200,
    'a.shop.test': 200,
    'a.b.shop.test:80': 200,
    'shop.local:8080': 200,
    'shop.local': 404,
    'shop.test': 404,
    'shop.test.evil': 404,
    other: 404,
  }
  for (const [host, status] of Object.entries(hosts)) {
    t.equal(await statusOrError(port, '/a', { headers: { host }, agent }), status, host)
  }
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => ask(port, '/split', { headers: { host: 'shop' }, agent })),
  )
  t.equal(answers.filter(({ text }) => text === 'v2').length, 20, 'a tenth of them')
})

test('inbound routes are for their callers, methods and hosts, and say 403 or 404', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  await using sidecar = await runSidecar(`
inbound:
  - name: app
    listen: 127.0.0.1:0
    application: ${application.address}
    hosts: [app, app.shop]
    routes:
      - { path: { prefix: /admin }, callers: [ops-sa.ops], methods: [GET] }
      - { path: { prefix: /open } }
`)
  const status = (path: string, headers: Record<string, string>, method = 'GET') =>
    statusOrError(first(sidecar.inbound), path, { headers: { host: 'app', ...headers }, method })
  const ops = { serviceidentity: 'ops-sa.ops' }
  t.equal(await status('/admin', ops), 200)
  t.equal(await status('/admin', {}), 403, 'others may not')
  t.equal(await status('/admin', { serviceidentity: 'web-sa.web' }), 403)
  t.equal(await status('/admin', ops, 'POST'), 404)
  t.equal(await status('/open', {}), 200)
  t.equal(await status('/open', ops, 'DELETE'), 200)
  t.equal(await status('/elsewhere', ops), 404)
  t.equal(await status('/open', { host: 'app.shop:80' }), 200)
  t.equal(await status('/open', { host: 'other' }), 404)
  const failed = (await sidecar.scrape()).all('pillion_failures_total', {
    direction: 'inbound',
    blame: 'client',
  })
  const counts = Object.fromEntries(failed.map(({ labels, value }) => [labels.code, value]))
  t.match(counts, { ACCESS_DENIED: 2, NO_ROUTE: 3 })
})

test('services on one port are told apart by host, and one with a port of its own by that', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startAll(stack, ['one', 'two', 'own'])
  const at = (name: string) => applications.get(name)?.address
  await using sidecar = await runSidecar(`
originalDestination: header
outbound:
  listen: 127.0.0.1:0
  services:
    - { name: one, ports: [80], addresses: [10.96.0.0/16], endpoints: ['${at('one')}'] }
    - { name: two, ports: [80], addresses: [10.96.0.0/16], endpoints: ['${at('two')}'] }
    - { name: own, listen: '127.0.0.1:0', hosts: ['*'], endpoints: ['${at('own')}'] }
`)
  const [own = 0, shared = 0] = sidecar.outbound
  const to = (host: string, destination: string) =>
    ask(shared, '/', { headers: { host, 'x-pillion-original-destination': destination } })
  t.match(await to('one', '10.96.1.1:80'), { status: 200, text: 'one' })
  t.match(await to('two', '10.96.1.1:80'), { status: 200, text: 'two' })
  t.match(await to('three', '10.96.1.1:80'), { status: 404 })
  await t.rejects(to('one', '10.97.1.1:80'), { code: 'ECONNRESET' }, 'an address that no service has')
  await t.rejects(to('one', '10.96.1.1:81'), { code: 'ECONNRESET' }, 'a port that no service has')
  t.match(await ask(own, '/', { headers: { host: 'whatever' } }), { status: 200, text: 'own' })
})
