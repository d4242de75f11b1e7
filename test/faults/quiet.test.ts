import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { beside } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'

/** A limit, a time without any connection that is longer, and a silence that is far shorter. */
const limitMs = 1_000
const quietMs = 1_300
const silenceMs = 300

test('the time limits of a connection begin with it, however long nobody was there before', (t) =>
  beside(
    t,
    (['http', 'tcp'] as const).map((protocol) => [
      `the first ${protocol} client after a quiet time may take a moment before it speaks`,
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          protocol,
          timeouts: { requestHeadMs: limitMs, idleMs: limitMs },
        })
        await sleep(quietMs)
        await using client = await rawClient(sidecar.port)
        await sleep(silenceMs)
        t.equal(client.ending, null, 'it is still connected')
        client.send(get)
        await client.untilText('\r\n\r\nok')
      },
    ]),
  ))
