import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { first } from '../../../test/support/process.ts'
import { runExample } from '../run-example.ts'

const folder = new URL('.', import.meta.url)

test('what lacks the header is answered by the plugin, and the application never sees it', async (t) => {
  await using app = await Application.start('shop')
  await using sidecar = await runExample(folder, { APP_PORT: app.port.toString() })
  const port = first(sidecar.inbound)
  for (const headers of [{}, { 'x-tenant': '' }, { 'x-tenants': 'red' }]) {
    const refused = await ask(port, '/', { headers })
    t.equal(refused.status, 403)
    t.equal(refused.text, 'a header that this service demands is missing\n')
    t.equal(refused.headers['x-denied-by'], 'header-policy')
  }
  t.equal(app.seen.length, 0)
  t.equal((await ask(port, '/', { headers: { 'X-Tenant': 'red' } })).text, 'shop')
  t.equal(app.seen.length, 1)
})
