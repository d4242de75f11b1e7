import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { ask } from '../support/ask.ts'
import { modelOf } from '../support/model.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { ok, RawUpstream } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

test('a push that cannot be listened for changes nothing for the pools that serve', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(async (connection) => {
    while (await connection.nextRequest()) {
      await sleep(200)
      connection.send(ok())
    }
  })
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  const model = modelOf({ upstreams: [upstream.port], pool: { maxConnections: 1, maxPendingRequests: 1 } })
  const taken = model.listeners.map((listener) => ({ ...listener, port: upstream.port }))
  const push = sidecar.plane.prepare(2, { ...model, listeners: [...model.listeners, ...taken] })
  await t.rejects(push, /in use/)
  const answers = await Promise.all([1, 2, 3].map(() => ask(sidecar.port)))
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200, 200],
    'three requests at once are still within the limits',
  )
})
