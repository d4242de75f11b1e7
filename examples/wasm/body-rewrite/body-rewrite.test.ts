import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { first } from '../../../test/support/process.ts'
import { runExample } from '../run-example.ts'

const folder = new URL('.', import.meta.url)

test('a text is replaced wherever the body was cut, and what was done is counted', async (t) => {
  await using app = await Application.start('shop', async ({ path }, response) => {
    if (path === '/packed') response.setHeader('content-encoding', 'br')
    response.write('made by AC')
    await sleep(20)
    response.end('ME and ACME')
  })
  await using sidecar = await runExample(folder, { APP_PORT: app.port.toString() })
  const port = first(sidecar.inbound)
  const answer = await ask(port, '/', { headers: { 'accept-encoding': 'gzip' } })
  t.equal(answer.text, 'made by our partner and our partner')
  t.equal(app.seen[0]?.headers['accept-encoding'], undefined)
  const packed = await ask(port, '/packed')
  t.equal(packed.text, 'made by ACME and ACME', 'what is compressed is left alone')
  const { samples } = await sidecar.scrape()
  const measured = (ending: string) => samples.find(({ name }) => name.endsWith(ending))?.value
  t.equal(measured('body_rewrite_replaced'), 2)
  t.equal(measured('body_rewrite_bytes_count'), 1)
})
