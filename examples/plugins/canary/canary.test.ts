import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'

test('the new version is for those who ask for it, and the old one for all others', async (t) => {
  await using app = await Application.start('shop')
  const env = { APP_PORT: String(app.port) }
  await using sidecar = await runExample(new URL('.', import.meta.url), { env })
  const port = first(sidecar.inbound)
  const greeting = async (headers: Record<string, string>) =>
    (await ask(port, '/', { headers })).headers['x-greeting']
  for (let count = 0; count < 5; count += 1) {
    t.equal(await greeting({}), 'hello')
    t.equal(await greeting({ 'x-preview': 'yes' }), 'good day')
    t.equal(await greeting({ 'x-preview': 'no' }), 'hello')
  }
})
