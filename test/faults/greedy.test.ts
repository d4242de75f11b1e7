import { test } from 'tap'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const requests = 2_000
const answerBytes = 15_000

test('a client that asks for much and reads nothing is not read on', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok('x'.repeat(answerBytes))))
  await using sidecar = await startSidecar({
    upstreams: [upstream.port],
    limits: { maxRequestsPerConnection: 10 * requests },
    pool: { maxRequestsPerConnection: 10 * requests },
  })
  await using client = await rawClient(sidecar.port)
  client.pause()
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'.repeat(requests))
  let before = -1
  const asked = () => upstream.connections.reduce((sum, each) => sum + each.text.split('GET /').length - 1, 0)
  await eventually(() => {
    const isStill = asked() === before && before > 0
    before = asked()
    return isStill
  }, 'no more is asked of the upstream')
  t.ok(before < requests, `${before} of ${requests} were asked`)
  client.resume()
  await eventually(() => asked() === requests, 'the rest is asked when the client reads')
})
