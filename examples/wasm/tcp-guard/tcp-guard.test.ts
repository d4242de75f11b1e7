import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { first } from '../../../test/support/process.ts'
import { rawClient } from '../../../test/support/raw.ts'
import { runExample } from '../run-example.ts'

test('who begins with the forbidden text is cut off, however it is cut, and bytes are counted', async (t) => {
  const asked: string[] = []
  const ledger = createServer((socket) => {
    // the sidecar may reset what it has cut off
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      asked.push(String(bytes))
      socket.end('three entries\n')
    })
  }).listen(0, '127.0.0.1')
  await once(ledger, 'listening')
  t.teardown(() => ledger.close())
  const { port } = ledger.address() as AddressInfo
  await using sidecar = await runExample(new URL('.', import.meta.url), { APP_PORT: port.toString() })
  const inbound = first(sidecar.inbound)

  const say = async (...parts: readonly string[]) => {
    await using client = await rawClient(inbound)
    for (const part of parts) {
      client.send(part)
      await sleep(20)
    }
    await client.untilEnded()
    return client.text
  }
  t.equal(await say('LIST\n'), 'three entries\n')
  t.equal(await say('DU', 'TY\n'), 'three entries\n', 'what begins alike is held, and goes on whole')
  t.same(asked, ['LIST\n', 'DUTY\n'])
  t.equal(await say('DUMP all\n'), '')
  t.equal(await say('D', 'UM', 'P\n'), '')
  t.same(asked, ['LIST\n', 'DUTY\n'])

  const { samples } = await sidecar.scrape()
  const measured = (ending: string) => samples.find(({ name }) => name.endsWith(ending))?.value
  t.equal(measured('tcp_guard_closed'), 2)
  t.equal(measured('tcp_guard_bytes_sent'), 10)
  t.equal(measured('tcp_guard_bytes_received'), 28)
})
