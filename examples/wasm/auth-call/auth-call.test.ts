import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask, keptConnections } from '../../../test/support/ask.ts'
import { first } from '../../../test/support/process.ts'
import { deadPort } from '../../../test/support/raw.ts'
import { runExample } from '../run-example.ts'

const folder = new URL('.', import.meta.url)

test('a request waits for the verdict of the auth service, and only a good one lets it through', async (t) => {
  await using auth = await Application.start('auth', ({ path, headers }, response) => {
    const isKnown = path === '/verify' && headers.authorization === 'Bearer let-me-in'
    response.writeHead(isKnown ? 200 : 401, { 'x-user': 'ann' }).end()
  })
  await using app = await Application.start('shop', ({ body }, response) => void response.end(`got ${body}`))
  await using sidecar = await runExample(folder, {
    APP_PORT: app.port.toString(),
    AUTH_PORT: auth.port.toString(),
  })
  const port = first(sidecar.inbound)
  using agent = keptConnections()
  const headers = { authorization: 'Bearer let-me-in', 'x-user': 'root' }
  for (let count = 0; count < 3; count += 1) {
    const answer = await ask(port, '/orders', { method: 'POST', headers, body: 'an order', agent })
    t.equal(answer.status, 200)
    t.equal(answer.text, 'got an order')
  }
  t.equal(app.seen[0]?.headers['x-user'], 'ann', 'it is the auth service that says who it is')
  const refused = await ask(port, '/orders', { headers: { authorization: 'Bearer stolen' } })
  t.equal(refused.status, 403)
  t.equal(refused.text, 'not for you\n')
  t.equal((await ask(port, '/orders')).status, 403)
  t.equal(app.seen.length, 3)
  t.equal(auth.seen.length, 4, 'who brings no token is not asked about')
})

test('without a verdict nobody is let in, and nobody hangs', async (t) => {
  await using app = await Application.start('shop')
  const AUTH_PORT = String(await deadPort())
  await using sidecar = await runExample(folder, { APP_PORT: app.port.toString(), AUTH_PORT })
  const headers = { authorization: 'Bearer let-me-in' }
  t.equal((await ask(first(sidecar.inbound), '/', { headers })).status, 403)
  t.equal(app.seen.length, 0)
})
