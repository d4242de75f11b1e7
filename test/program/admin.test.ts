import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { deadPort } from '../support/raw.ts'
import { exampleOptions, workedExample } from './worked-example.ts'

const asText = { headers: { accept: 'text/plain' } }

const configOf = (address: string, more = ''): string => `
workers: 2
${more}
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '${address}', requestTimeout: 7s }
outbound:
  listen: 127.0.0.1:0
  services:
    - name: stock
      endpoints: ['${address}', { address: '127.0.0.1:9', weight: 0 }]
      rateLimit: { requests: 1000, headers: { authorization: "Basic c2VjcmV0" } }
      plugins: { token-injector: { AccessToken: hush-hush, url: "http://user:hush-hush@host/" } }
`

test('the admin port shows what runs: chains, clusters, generations and the config without its secrets', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  await using sidecar = await runSidecar(configOf(application.address))
  using agent = keptConnections()
  for (let index = 0; index < 3; index += 1) await ask(first(sidecar.inbound), '/', { agent })

  t.match(await ask(sidecar.admin, '/ready'), { status: 200, text: /"ready": ?true/ })
  t.match(await ask(sidecar.admin, '/ready', asText), { status: 200, text: 'serving\n' })
  t.match(await ask(sidecar.admin, '/live', asText), { status: 200, text: 'LIVE\n' })

  const chains = (await sidecar.show('/chains')) as Record<string, object[]>
  t.strictSame(Object.keys(chains).toSorted(), [
    'inbound-http',
    'inbound-tcp',
    'outbound-http',
    'outbound-tcp',
  ])
  t.match(chains['inbound-http']?.[1], {
    name: 'modules/inbound-http-routing.js',
    priority: 170,
    mode: 'enforce',
  })
  t.match(
    (await ask(sidecar.admin, '/chains', asText)).text,
    /^ +modules\/inbound-http-routing\.js +170 +- +enforce$/m,
  )

  const clusters = (await sidecar.show('/clusters')) as object[]
  t.match(clusters, [
    {
      direction: 'inbound',
      cluster: 'app',
      endpoint: application.address,
      connectionsOpen: 1,
      connectionsIdle: 1,
    },
    { direction: 'outbound', cluster: 'stock', endpoint: application.address, connectionsOpen: 0 },
    { direction: 'outbound', cluster: 'stock', endpoint: '127.0.0.1:9', weight: 0 },
  ])
  t.match((await ask(sidecar.admin, '/clusters', asText)).text, application.address)

  t.match(await sidecar.show('/generations'), {
    current: 1,
    history: [{ generation: 1, cause: 'start', outcome: 'ok' }],
    workers: [
      { worker: 1, generations: [{ id: 1 }] },
      { worker: 2, generations: [{ id: 1 }] },
    ],
  })

  const dump = await ask(sidecar.admin, '/config_dump')
  t.match(JSON.parse(dump.text), { generation: 1, process: { workers: 2, logLevel: 'info' } })
  t.match(dump.text, '7000', 'what is no secret is shown')
  t.notMatch(dump.text, /hush-hush|c2VjcmV0/)
  t.notMatch((await ask(sidecar.admin, '/config_dump', asText)).text, /hush-hush|c2VjcmV0/)
})

test("of FSM's config, the private key is not shown, nor what plugins are told of tokens", async (t) => {
  await using _left = assertNothingLeft(t)
  const config = await workedExample({ '127.0.0.1:9000': `127.0.0.1:${await deadPort()}` })
  await using sidecar = await runSidecar(config, exampleOptions('header'))
  const { text } = await ask(sidecar.admin, '/config_dump')
  t.match(text, 'stock.shop.svc.cluster.local')
  t.match(text, 'BEGIN CERTIFICATE')
  t.notMatch(text, 'RSA PRIVATE KEY')
  t.notMatch(text, /"AccessToken": ?"abc"/)
})

test('the level of the log is shown and changed while it runs, in all threads', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  const config = configOf(application.address)
  await using sidecar = await runSidecar(config)
  const level = async () => (await sidecar.show('/logging')) as object
  const set = (text: string) => ask(sidecar.admin, `/logging?level=${text}`, { method: 'POST' })
  t.strictSame(await level(), { level: 'info' })
  t.match(await set('error'), { status: 200 })
  t.strictSame(await level(), { level: 'error' })
  const before = sidecar.program.errors.length
  await sidecar.rewrite(config.replace('7s', '8s'))
  for (let tries = 0; tries < 200; tries += 1) {
    const { current } = (await sidecar.show('/generations')) as { current: number }
    if (current === 2) break
  }
  t.equal(sidecar.program.errors.length, before, 'what is no error is not logged')
  t.match(await set('loud'), { status: 400, text: /there is no such log level/ })
  t.match(await ask(sidecar.admin, '/logging', { method: 'POST' }), { status: 400, text: /level=debug/ })
  t.match(await set('debug'), { status: 200 })
  t.strictSame(await level(), { level: 'debug' })
})

test('wrong paths, methods and hosts are refused, and change nothing', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  await using sidecar = await runSidecar(configOf(application.address), {
    args: ['--metrics', '127.0.0.1:0'],
  })
  const { admin } = sidecar
  t.match(await ask(admin, '/nowhere'), { status: 404, text: /config_dump/ })
  t.match(await ask(admin, '/config_dump', { method: 'DELETE' }), {
    status: 405,
    headers: { allow: 'GET, HEAD' },
  })
  t.match(await ask(admin, '/quitquitquit'), { status: 405, headers: { allow: 'POST' } })
  const rebound = { host: 'evil.test' }
  for (const path of ['/config_dump', '/clusters']) {
    t.match(await ask(admin, path, { headers: rebound }), { status: 403 }, 'a page that took our address')
  }
  const page = { origin: 'http://evil.test' }
  t.match(await ask(admin, '/quitquitquit', { method: 'POST', headers: page }), { status: 403 })
  t.match(await ask(admin, '/drain', { method: 'POST', headers: rebound }), { status: 403 })
  const metrics = Number((await sidecar.program.logged(/^metrics listens on /)).port)
  t.match(await ask(metrics, '/ready'), { status: 200 })
  t.match(await ask(metrics, '/config_dump'), { status: 404 }, 'the metrics port shows metrics alone')
  t.match(await ask(metrics, '/quitquitquit', { method: 'POST' }), { status: 404 })
  t.match(await ask(first(sidecar.inbound)), { status: 200 })
})

test('off loopback, changes need the token of the config, which is nowhere shown', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  await using sidecar = await runSidecar(configOf(application.address), { args: ['--admin', '0.0.0.0:0'] })
  const post = (port: number, token?: string) =>
    ask(port, '/logging?level=warn', {
      method: 'POST',
      headers: token ? { authorization: `Bearer ${token}` } : {},
    })
  t.match(await post(sidecar.admin), { status: 403, text: /no token is configured/ })
  const warned = sidecar.program.log().filter(({ level }) => level === 'warn')
  t.match(warned, [{ message: /admin: is not on loopback and has no tokenFile/ }])

  const secret = await sidecar.folder.write('token', 'open-sesame\n')
  const withToken = configOf(application.address, `admin: { address: '0.0.0.0:0', tokenFile: ${secret} }`)
  await using guarded = await runSidecar(withToken, { args: ['--admin', '0.0.0.0:0'] })
  t.match(await post(guarded.admin), { status: 401, headers: { 'www-authenticate': 'Bearer' } })
  t.match(await post(guarded.admin, 'open-sesam'), { status: 401 })
  t.match(await post(guarded.admin, 'open-sesame'), { status: 200 })
  t.match(await ask(guarded.admin, '/ready'), { status: 200 }, 'reading needs none')
  t.notMatch((await ask(guarded.admin, '/config_dump')).text, 'open-sesame')
  t.notMatch(guarded.program.errors.join('\n'), 'open-sesame')
})
