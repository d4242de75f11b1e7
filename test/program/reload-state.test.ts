import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections, statusOrError } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { rawClient } from '../support/raw.ts'

test('limits and open circuits are not forgotten by a new config that leaves them as they were', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app', (_request, response) => {
    response.writeHead(500).end('broken')
  })
  const config = (via: string, perMinute = 5) => `
forwarding: { via: ${via} }
inbound:
  - name: limited
    listen: 127.0.0.1:0
    application: ${application.address}
    rateLimit: { requests: ${perMinute}, per: 60s }
outbound:
  listen: 127.0.0.1:0
  services:
    - name: guarded
      endpoints: ["${application.address}"]
      circuitBreaker: { errorAmount: 3, open: 60s, body: open }
`
  await using sidecar = await runSidecar(config('one'))
  const limited = () => statusOrError(first(sidecar.inbound))
  const guarded = () => ask(first(sidecar.outbound), '/', { headers: { host: 'guarded' } })
  for (let count = 0; count < 5; count += 1) t.equal(await limited(), 500)
  for (let count = 0; count < 3; count += 1) t.equal((await guarded()).status, 500)
  for (const [index, via] of ['one', 'two', 'three'].entries()) {
    if (index > 0) {
      await sidecar.rewrite(config(via))
      await sidecar.program.logged(new RegExp(`^generation ${index + 1} serves$`))
    }
    t.equal(await limited(), 429, `the limit is used up in generation ${via}`)
    t.match(await guarded(), { status: 503, text: 'open' }, `the circuit is open in generation ${via}`)
  }
  await sidecar.rewrite(config('four', 7))
  await sidecar.program.logged(/^generation 4 serves$/)
  t.equal(await limited(), 500, 'another limit begins anew')
  t.equal((await sidecar.scrape()).sum('pillion_circuit_opened_total'), 1)
})

test('a new config opens and closes ports; connections of the old port live on', async (t) => {
  await using _left = assertNothingLeft(t)
  await using one = await Application.start('one')
  await using two = await Application.start('two')
  const rule = (name: string, port: number, address: string) =>
    `\n  - { name: ${name}, listen: '127.0.0.1:${port}', application: '${address}' }`
  await using sidecar = await runSidecar(`inbound:${rule('one', 0, one.address)}`)
  const port = first(sidecar.inbound)
  using agent = keptConnections()
  t.match(await ask(port, '/', { agent }), { text: 'one' })

  await sidecar.rewrite(`inbound:${rule('one', 0, one.address)}${rule('two', 0, two.address)}`)
  const { port: added } = await sidecar.program.logged(/^inbound listens on /, 1)
  t.match(await ask(Number(added)), { text: 'two' })
  t.match(await ask(port), { text: 'one' })

  // the first rule keeps its port while the second one goes
  await sidecar.rewrite(`workers: 1\ninbound:${rule('one', 0, two.address)}`)
  await sidecar.program.logged(/^generation 3 serves$/)
  t.match(await ask(port, '/', { agent }), { text: 'two' }, 'a connection goes on under the new config')
  t.equal(await statusOrError(Number(added)), 'ECONNREFUSED')

  await sidecar.rewrite(
    `outbound: { listen: '127.0.0.1:0', services: [{ name: x, endpoints: ['${one.address}'] }] }`,
  )
  await sidecar.program.logged(/^generation 4 serves$/)
  t.equal(await statusOrError(port), 'ECONNREFUSED')
  t.equal(one.connections + two.connections > 0, true)
})

test('a config that is refused names every fault in the log and in the listing, and changes nothing', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  const rule = `{ name: app, listen: '127.0.0.1:0', application: '${application.address}' }`
  await using sidecar = await runSidecar(`inbound: [${rule}]`)
  const port = first(sidecar.inbound)
  await using kept = await rawClient(port)
  kept.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await kept.untilText('\r\n\r\napp')

  await sidecar.rewrite(`inbound: [${rule}]\nworker: 2\ntimeouts: { idle: soon }\n`)
  const refused = await sidecar.program.logged(/^config refused, the old one still serves: /)
  t.match(refused, { level: 'error', serving: 1 })
  t.match(refused.reasons, [
    /sidecar\.yaml:2:1: worker: .*workers/,
    /sidecar\.yaml:3:19: timeouts\.idle: .*soon/,
  ])
  const { history } = (await sidecar.show('/generations')) as { history: object[] }
  t.match(history[0], { outcome: 'refused', reasons: [/worker/, /soon/] })
  t.match(history[1], { outcome: 'ok', generation: 1 })

  // a port that somebody else has is no fault of the text, and is refused all the same
  await using other = await Application.start('other')
  await sidecar.rewrite(
    `inbound: [${rule}, ${rule.replace(':0', `:${other.port}`).replace('name: app', 'name: b')}]`,
  )
  await sidecar.program.logged(/^config refused, the old one still serves: .*already in use/)
  t.equal(await statusOrError(port), 200)
  kept.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await kept.until(() => kept.text.split('\r\n\r\napp').length === 3, 'an answer on the old connection')
  const scraped = await sidecar.scrape()
  t.equal(scraped.sum('pillion_config_pushes_total', { outcome: 'refused' }), 2)
  t.equal(scraped.sum('pillion_config_generation'), 1)
  t.match(await ask(sidecar.admin, '/ready'), { status: 200 })
})
