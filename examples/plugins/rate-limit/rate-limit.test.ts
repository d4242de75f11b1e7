import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'

test('each key has a limit of its own, and what is refused is counted', async (t) => {
  await using app = await Application.start('shop')
  const env = { APP_PORT: String(app.port) }
  await using sidecar = await runExample(new URL('.', import.meta.url), {
    env,
    replace: { 'perSecond: 5': 'perSecond: 0.01' },
  })
  const port = first(sidecar.inbound)
  const statuses = async (key: string, count: number) => {
    const all: number[] = []
    for (let index = 0; index < count; index += 1) {
      all.push((await ask(port, '/', { headers: { 'x-api-key': key } })).status)
    }
    return all
  }
  t.equal((await ask(port)).status, 401)
  t.same(await statuses('ann', 7), [200, 200, 200, 200, 200, 429, 429])
  t.same(await statuses('bob', 2), [200, 200])
  const refused = await ask(port, '/', { headers: { 'x-api-key': 'ann' } })
  t.equal(refused.headers['retry-after'], '1')
  const { samples } = await sidecar.scrape()
  const counted = samples.filter(({ name }) => name.includes('rate_limit_refused'))
  t.same(counted.map(({ labels, value }) => [labels.reason, value]).sort(), [
    ['key', 1],
    ['rate', 3],
  ])
})
