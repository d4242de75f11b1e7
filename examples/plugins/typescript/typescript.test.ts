import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { first, runSidecar } from '../../../test/support/process.ts'

test('a key has its quota over all workers, however its requests are spread', async (t) => {
  await using app = await Application.start('shop')
  const config = readFileSync(new URL('sidecar.yaml', import.meta.url), 'utf8')
  const plugin = fileURLToPath(new URL('quota.ts', import.meta.url))
  const env = { APP_PORT: String(app.port), ADMIN_PORT: '0', INBOUND_PORT: '0' }
  await using sidecar = await runSidecar(config, { args: ['-f', plugin], env })
  const port = first(sidecar.inbound)
  t.equal((await ask(port)).text, '{"error":"x-api-key is missing"}')
  // it must not begin at the end of a minute
  const left = 60_000 - (Date.now() % 60_000)
  if (left < 10_000) await new Promise((resolve) => setTimeout(resolve, left))
  const asked = Array.from({ length: 12 }, () => ask(port, '/', { headers: { 'x-api-key': 'ann' } }))
  const answers = await Promise.all(asked)
  const well = answers.filter(({ status }) => status === 200)
  t.equal(well.length, 5)
  t.ok(well.every(({ headers }) => headers['x-quota'] === '5'))
  t.equal(answers.filter(({ status }) => status === 429).length, 7)
  t.equal((await ask(port, '/', { headers: { 'x-api-key': 'bob' } })).status, 200)
  const { samples } = await sidecar.scrape()
  t.equal(samples.find(({ name }) => name === 'quota_refused')?.value, 7)
})
