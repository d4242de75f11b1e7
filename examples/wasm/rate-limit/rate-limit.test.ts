import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { first } from '../../../test/support/process.ts'
import { runExample } from '../run-example.ts'

const folder = new URL('.', import.meta.url)

test('a key has its quota over all workers, however its requests are spread', async (t) => {
  await using app = await Application.start('shop')
  await using sidecar = await runExample(folder, { APP_PORT: app.port.toString() })
  const port = first(sidecar.inbound)
  const withKey = (key: string) => ask(port, '/', { headers: { 'x-api-key': key } })
  const nobody = await ask(port)
  t.equal(nobody.status, 401)
  t.equal(nobody.text, 'x-api-key is missing\n')
  // it must not begin at the end of a minute
  const left = 60_000 - (Date.now() % 60_000)
  if (left < 5_000) await new Promise((resolve) => setTimeout(resolve, left))
  const answers = await Promise.all(Array.from({ length: 12 }, () => withKey('ann')))
  t.equal(answers.filter(({ status }) => status === 200).length, 5)
  const refused = answers.filter(({ status }) => status === 429)
  t.equal(refused.length, 7)
  t.equal(refused[0]?.headers['retry-after'], '60')
  t.equal((await withKey('bob')).status, 200)
  const { samples } = await sidecar.scrape()
  t.equal(samples.find(({ name }) => name.endsWith('rate_limit_refused'))?.value, 7)
})
