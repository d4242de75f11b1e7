import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { first } from '../../../test/support/process.ts'
import { runExample } from '../run-example.ts'

const folder = new URL('.', import.meta.url)

test('headers are set and removed both ways, and the rest stays as it is', async (t) => {
  await using app = await Application.start('shop', (_request, response) => {
    response.setHeader('server', 'shop/1.0')
    response.setHeader('x-price', '7')
    response.end('got it')
  })
  await using sidecar = await runExample(folder, { APP_PORT: app.port.toString() })
  const headers = { 'x-debug': 'yes', 'x-edge': 'a lie', 'x-order': '12' }
  const answer = await ask(first(sidecar.inbound), '/orders?all', {
    method: 'POST',
    headers,
    body: 'an order',
  })
  t.equal(answer.text, 'got it')
  t.equal(answer.headers.server, undefined)
  t.equal(answer.headers['x-content-type-options'], 'nosniff')
  t.equal(answer.headers['x-price'], '7')
  const [seen] = app.seen
  t.match(seen, { method: 'POST', path: '/orders?all', body: 'an order' })
  t.match(seen?.headers, { 'x-edge': 'shop', 'x-order': '12' })
  t.equal(seen?.headers['x-debug'], undefined)
})
