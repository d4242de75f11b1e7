import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask, keptConnections } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'
import { deadPort, RawUpstream } from '../../../test/support/raw.ts'

const folder = new URL('.', import.meta.url)

/** The auth service as a process of its own, on a free port. */
async function startAuthService(): Promise<{ port: number } & AsyncDisposable> {
  const script = fileURLToPath(new URL('auth-service.ts', folder))
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    port: Number(/"port":(\d+)/.exec(line)?.[1]),
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

const verifierAt = (port: number) => ({ '127.0.0.1:8099': `127.0.0.1:${port}` })

test('what the shop asks comes with a token, and the stock answers nobody without one', async (t) => {
  await using auth = await startAuthService()
  await using app = await Application.start(
    'stock',
    (request, response) => void response.end(`got ${request.body}`),
  )
  const replace = verifierAt(auth.port)
  await using stock = await runExample(folder, {
    config: 'stock.yaml',
    env: { STOCK_ADMIN_PORT: '0', STOCK_INBOUND_PORT: '0', STOCK_PORT: String(app.port) },
    replace,
  })
  const inbound = first(stock.inbound)
  await using shop = await runExample(folder, {
    config: 'shop.yaml',
    env: { SHOP_ADMIN_PORT: '0', SHOP_OUTBOUND_PORT: '0', STOCK_INBOUND_PORT: String(inbound) },
    replace,
  })
  using agent = keptConnections()
  const options = { method: 'POST', headers: { host: 'stock' }, body: 'an order', agent }
  for (let count = 0; count < 5; count += 1) {
    const answer = await ask(first(shop.outbound), '/orders', options)
    t.equal(answer.status, 200)
    t.equal(answer.text, 'got an order')
  }
  t.equal(app.seen[0]?.headers['x-access-token'], 'let-me-in')

  const refused = await ask(inbound, '/orders', { method: 'POST', body: 'x' })
  t.equal(refused.status, 401)
  t.equal(refused.text, 'not with this token\n')
  t.equal((await ask(inbound, '/orders', { headers: { 'x-access-token': 'stolen' } })).status, 401)
  t.equal((await ask(inbound, '/health')).status, 200, 'an open path needs no token')
  t.equal(app.seen.length, 6)
})

test('when the auth service is down, or closes without an answer, nobody is let in and nobody hangs', async (t) => {
  await using app = await Application.start('stock')
  await using silent = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.end()
  })
  for (const port of [await deadPort(), silent.port]) {
    await using stock = await runExample(folder, {
      config: 'stock.yaml',
      env: { STOCK_ADMIN_PORT: '0', STOCK_INBOUND_PORT: '0', STOCK_PORT: String(app.port) },
      replace: verifierAt(port),
    })
    const headers = { 'x-access-token': 'let-me-in' }
    t.equal((await ask(first(stock.inbound), '/orders', { headers })).status, 401)
  }
  t.equal(app.seen.length, 0)
})
