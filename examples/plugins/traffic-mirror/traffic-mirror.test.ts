import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { eventually } from '../../../test/support/nothing-left.ts'
import { first } from '../../../test/support/process.ts'
import { deadPort } from '../../../test/support/raw.ts'

const folder = new URL('.', import.meta.url)

test('both services get the same request, and only the first one answers', async (t) => {
  await using stock = await Application.start('stock')
  await using next = await Application.start('next', async (_request, response) => {
    await sleep(300)
    response.writeHead(500).end('nobody reads this')
  })
  const env = { STOCK_PORT: String(stock.port), STOCK_NEXT_PORT: String(next.port) }
  await using sidecar = await runExample(folder, { env })
  const body = 'goods '.repeat(2_000)
  const options = { method: 'PUT', headers: { host: 'stock' }, body }
  const begun = performance.now()
  const answer = await ask(first(sidecar.outbound), '/items?all', options)
  t.ok(performance.now() - begun < 290, 'the slow copy is not waited for')
  t.equal(answer.text, 'stock')
  await eventually(() => next.seen.length === 1, 'the copy arrives')
  for (const seen of [stock.seen[0], next.seen[0]]) {
    t.match(seen, { method: 'PUT', path: '/items?all', body })
  }
  t.equal(stock.seen[0]?.headers.host, 'stock')
  t.equal(next.seen[0]?.headers.host, 'stock-next')
})

test('a second service that is down is nobody else’s trouble', async (t) => {
  await using stock = await Application.start('stock')
  const env = { STOCK_PORT: String(stock.port), STOCK_NEXT_PORT: String(await deadPort()) }
  await using sidecar = await runExample(folder, { env })
  for (let count = 0; count < 10; count += 1) {
    const answer = await ask(first(sidecar.outbound), '/', { headers: { host: 'stock' } })
    t.equal(answer.text, 'stock')
  }
})
