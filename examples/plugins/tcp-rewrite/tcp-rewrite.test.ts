import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'
import { rawClient } from '../../../test/support/raw.ts'

test('card numbers are hidden wherever they are cut, and a forbidden command ends the connection', async (t) => {
  const asked: string[] = []
  const ledger = createServer(async (socket) => {
    socket.on('error', () => {})
    for await (const command of socket) {
      asked.push(String(command))
      socket.write('ann paid with 41111111')
      await sleep(20)
      socket.write('11111111\nbob paid with 5500000000000004\n')
      socket.end('last line, no end')
    }
  }).listen(0, '127.0.0.1')
  await once(ledger, 'listening')
  t.teardown(() => ledger.close())
  const { port } = ledger.address() as AddressInfo
  await using sidecar = await runExample(new URL('.', import.meta.url), { env: { APP_PORT: String(port) } })

  await using client = await rawClient(first(sidecar.inbound))
  client.send('LIST\n')
  await client.untilEnded()
  t.equal(client.text, 'ann paid with ************1111\nbob paid with ************0004\nlast line, no end')
  t.same(asked, ['LIST\n'])

  await using thief = await rawClient(first(sidecar.inbound))
  thief.send('DUMP all\n')
  await thief.untilEnded()
  t.equal(thief.text, '')
  t.same(asked, ['LIST\n'])
})
