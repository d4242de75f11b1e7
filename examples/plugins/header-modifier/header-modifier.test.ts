import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'

test('the first rule that matches edits the request and its response', async (t) => {
  await using app = await Application.start('shop', (_request, response) => {
    response.writeHead(200, { server: 'shop/1.0' }).end('ok')
  })
  const env = { APP_PORT: String(app.port) }
  await using sidecar = await runExample(new URL('.', import.meta.url), { env })
  const port = first(sidecar.inbound)

  const publicly = await ask(port, '/goods', { headers: { 'accept-language': 'de', 'x-debug': '1' } })
  t.match(app.seen[0]?.headers, { 'x-zone': 'public', 'accept-language': 'de, en' })
  t.notOk('x-debug' in (app.seen[0]?.headers ?? {}))
  t.match(publicly.headers, { 'x-served-by': 'shop', server: 'shop/1.0' })

  const staff = await ask(port, '/admin/orders', { headers: { 'x-debug': '1' } })
  t.match(app.seen[1]?.headers, { 'x-zone': 'staff', 'x-debug': '1' })
  t.notOk('server' in staff.headers)
  t.notOk('x-served-by' in staff.headers)

  await ask(port, '/administrator')
  t.equal(app.seen[2]?.headers['x-zone'], 'public', 'a path matches by whole segments')
})
