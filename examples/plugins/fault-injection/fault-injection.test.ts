import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'

const folder = new URL('.', import.meta.url)

test('a delayed request arrives late and whole, and a share is answered with the fault', async (t) => {
  await using app = await Application.start('shop', (request, response) => void response.end(request.body))
  const env = { APP_PORT: String(app.port) }
  await using sidecar = await runExample(folder, { env, replace: { 'time: 0.5s': 'time: 0.2s' } })
  const port = first(sidecar.inbound)
  const body = 'goods '.repeat(5_000)
  const answers = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const begun = performance.now()
      const answer = await ask(port, '/order', { method: 'POST', body })
      return { ...answer, ms: performance.now() - begun }
    }),
  )
  t.ok(
    answers.every(({ ms }) => ms >= 195),
    'each waits its delay',
  )
  const broken = answers.filter(({ status }) => status === 418)
  const well = answers.filter(({ status }) => status === 200)
  t.equal(broken.length + well.length, 60)
  t.ok(broken.length > 5 && broken.length < 55, `${broken.length} of 60 are broken`)
  t.ok(
    well.every(({ text }) => text === body),
    'the body comes through unchanged',
  )
  t.equal(app.seen.length, well.length, 'a broken request does not reach the application')
})

test('with a share of 0 nothing happens', async (t) => {
  await using app = await Application.start('shop')
  const env = { APP_PORT: String(app.port) }
  const replace = { 'share: 1,': 'share: 0,', 'share: 0.5': 'share: 0' }
  await using sidecar = await runExample(folder, { env, replace })
  for (let count = 0; count < 20; count += 1) {
    t.equal((await ask(first(sidecar.inbound))).status, 200)
  }
})
