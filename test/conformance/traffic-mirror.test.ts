import { once } from 'node:events'
import { test } from 'tap'
import { Application } from '../support/application.ts'
import type { Question } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { deadPort } from '../support/raw.ts'
import { manifest, startPod } from './pod.ts'

const name = 'traffic-mirror'
const order: Question = { method: 'POST', body: 'an order '.repeat(5_000) }

const mirrorTo = (service: string, value = 1) => ({
  [name]: { namespace: 'demo', service, port: 9000, percentage: { value } },
})

test('12: traffic-mirror', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stock = await Application.start('stock')
  await using copy = await Application.start('copy')
  const released = new EventTarget()
  await using slow = await Application.start('slow', async (_request, response) => {
    await once(released, 'go')
    response.writeHead(500).end('nobody reads this')
  })
  const { address } = stock
  await using pod = await startPod({
    direction: 'outbound',
    services: {
      stock: { address, plugins: mirrorTo('copy') },
      seldom: { address, plugins: mirrorTo('copy', 0) },
      lost: { address, plugins: mirrorTo('nobody') },
      broken: { address, plugins: mirrorTo('down') },
      patient: { address, plugins: mirrorTo('slow') },
      plain: { address },
      copy: { address: copy.address },
      slow: { address: slow.address },
      down: { address: `127.0.0.1:${await deadPort()}` },
    },
    mounted: { [name]: 115 },
    files: await manifest(name),
  })
  t.beforeEach(() => void [stock, copy, slow].map(({ seen }) => seen.splice(0)))

  await t.test('both services get the same request, and only the copy has another host', async (t) => {
    for (const question of [{}, order]) {
      t.equal((await pod.ask('stock', '/items?all', question)).text, 'stock')
    }
    await eventually(() => copy.seen.length === 2, 'the copies arrive')
    for (const { seen } of [stock, copy]) {
      t.match(seen, [
        { method: 'GET', path: '/items?all', body: '' },
        { method: 'POST', path: '/items?all', body: order.body },
      ])
    }
    t.strictSame(
      stock.seen.map(({ headers }) => headers.host),
      ['stock', 'stock'],
    )
    t.strictSame(
      copy.seen.map(({ headers }) => headers.host),
      ['copy', 'copy'],
    )
  })

  await t.test('a percentage of 0, an unknown cluster and no config mirror nothing', async (t) => {
    for (const service of ['seldom', 'lost', 'plain']) {
      t.equal((await pod.ask(service, '/', order)).text, 'stock')
    }
    t.equal(stock.seen.length, 3)
    t.equal(copy.seen.length + slow.seen.length, 0)
  })

  await t.test('a copy that cannot be delivered changes nothing', async (t) => {
    for (let count = 0; count < 5; count += 1) {
      t.match(await pod.ask('broken', '/', order), { status: 200, text: 'stock' })
    }
    t.equal(stock.seen.length, 5)
  })

  await t.test('a copy that is not answered holds up nothing', async (t) => {
    t.match(await pod.ask('patient', '/', order), { status: 200, text: 'stock' })
    await eventually(() => slow.seen.length === 1, 'the copy arrives')
    released.dispatchEvent(new Event('go'))
  })

  await pod.assertIdle(t)
})
