import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'

test('browsers of the allowed origins are answered, and others see what was there before', async (t) => {
  await using app = await Application.start('shop', (_request, response) => {
    response.writeHead(200, { 'x-total': '3' }).end('goods')
  })
  const env = { APP_PORT: String(app.port) }
  await using sidecar = await runExample(new URL('.', import.meta.url), { env })
  const port = first(sidecar.inbound)
  const from = (origin: string, method = 'GET') => ask(port, '/', { method, headers: { origin } })

  const preflight = await from('https://shop.example', 'OPTIONS')
  t.equal(preflight.status, 200)
  t.equal(preflight.text, '')
  t.match(preflight.headers, {
    'access-control-allow-origin': 'https://shop.example',
    'access-control-allow-methods': 'GET,POST',
    'access-control-allow-headers': 'content-type,x-request-id',
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'x-total',
    'access-control-max-age': '86400',
  })
  t.equal(app.seen.length, 0, 'the application is not asked')

  for (const origin of ['https://shop.example', 'https://staging.eu.example', 'http://localhost:3000']) {
    const answer = await from(origin)
    t.equal(answer.text, 'goods')
    t.equal(answer.headers['access-control-allow-origin'], origin)
    t.equal(answer.headers['access-control-expose-headers'], 'x-total')
    t.equal(answer.headers['x-total'], '3')
  }

  const stranger = await from('https://evil.example')
  t.equal(stranger.text, 'goods')
  t.notOk('access-control-allow-origin' in stranger.headers)
  const strangers = await from('https://evil.example', 'OPTIONS')
  t.equal(strangers.text, 'goods', 'a preflight of a stranger goes to the application')
})
