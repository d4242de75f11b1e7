import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import type { SidecarOptions } from '../support/model.ts'
import { beside, eventually } from '../support/nothing-left.ts'
import { deadPort, RawUpstream, rawClient, type UpstreamConnection } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

type Run = (client: RawConnection, upstream: UpstreamConnection) => Promise<void>

/** A client with a raw upstream behind a relay. */
async function relayed(options: Partial<SidecarOptions>, run: Run): Promise<void> {
  await using upstream = await RawUpstream.listen(() => {})
  await using sidecar = await startSidecar({ upstreams: [upstream.port], protocol: 'tcp', ...options })
  await using client = await rawClient(sidecar.port)
  await run(client, await upstream.connection(0))
}

/** Bytes that are no text of any kind. */
const raw = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1')

test('a TCP relay carries bytes, ends and resets as they are', (t) =>
  beside(t, [
    [
      'bytes of every value pass both ways',
      (t) =>
        relayed({}, async (client, upstream) => {
          client.send(raw)
          await upstream.untilText(raw)
          upstream.send(raw + raw)
          await client.untilText(raw + raw)
          t.equal(upstream.size, 256)
        }),
    ],
    [
      'a client may end first and still read',
      (t) =>
        relayed({}, async (client, upstream) => {
          client.send('question')
          client.end()
          t.equal(await upstream.untilEnded(), 'end')
          t.equal(upstream.text, 'question')
          await sleep(50)
          upstream.send('answer')
          upstream.end()
          t.equal(await client.untilEnded(), 'end')
          t.equal(client.text, 'answer')
        }),
    ],
    [
      'an upstream may end first and still read',
      (t) =>
        relayed({}, async (client, upstream) => {
          upstream.send('banner')
          upstream.end()
          t.equal(await client.untilEnded(), 'end')
          await sleep(50)
          client.send('late')
          await upstream.untilText('late')
          client.end()
          t.equal(await upstream.untilEnded(), 'end')
          t.equal(client.text, 'banner')
        }),
    ],
    ...(['tcp', 'tcp-server-first'] as const).map(
      (protocol) =>
        [
          `a server that speaks first is heard (${protocol})`,
          (t: Test) =>
            relayed({ protocol }, async (client, upstream) => {
              upstream.send('220 ready\r\n')
              await client.untilText('220 ready\r\n')
              t.equal(upstream.size, 0)
            }),
        ] as const,
    ),
    [
      'a reset of the client reaches the upstream',
      (t) =>
        relayed({}, async (client, upstream) => {
          client.send('x')
          await upstream.untilText('x')
          client.reset()
          t.equal(await upstream.untilEnded(), 'reset')
        }),
    ],
    [
      'a reset of the upstream reaches the client',
      (t) =>
        relayed({}, async (client, upstream) => {
          upstream.send('x')
          await client.untilText('x')
          upstream.reset()
          t.equal(await client.untilEnded(), 'reset')
        }),
    ],
    [
      'a connection on which nothing happens is closed after the idle time',
      (t) =>
        relayed({ timeouts: { idleMs: 200 } }, async (client, upstream) => {
          client.send('x')
          await upstream.untilText('x')
          await Promise.all([client.untilEnded(), upstream.untilEnded()])
          t.pass('both ends were told')
        }),
    ],
    [
      'one busy way keeps a connection from being idle',
      (t) =>
        relayed({ timeouts: { idleMs: 300 } }, async (client, upstream) => {
          await client.sendSlowly(Array<string>(16).fill('x'), 50)
          t.equal(client.ending, null)
          t.equal(upstream.ending, null)
          t.equal(upstream.size, 16)
        }),
    ],
    [
      'a side that does not read holds up the other',
      (t) =>
        relayed({}, async (client, upstream) => {
          upstream.pause()
          client.send(Buffer.alloc(32 << 20, 'x'))
          let before = -1
          while (client.socket.writableLength !== before) {
            before = client.socket.writableLength
            await sleep(150)
          }
          t.ok(before > 0, 'the client still holds a part')
          upstream.resume()
          await upstream.untilSize(32 << 20)
          t.equal(upstream.size, 32 << 20)
        }),
    ],
    [
      'an endpoint that refuses is passed over for the next',
      async (t) => {
        const dead = await deadPort()
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({ upstreams: [dead, upstream.port], protocol: 'tcp' })
        for (let round = 0; round < 4; round += 1) {
          await using client = await rawClient(sidecar.port)
          client.send(`round ${round}`)
          await (await upstream.connection(round)).untilText(`round ${round}`)
        }
        t.equal(upstream.connections.length, 4)
      },
    ],
    [
      'a client is closed when every endpoint refuses',
      async (t) => {
        const ports = [await deadPort(), await deadPort()]
        await using sidecar = await startSidecar({ upstreams: ports, protocol: 'tcp' })
        await using client = await rawClient(sidecar.port)
        client.send('x')
        await client.untilEnded()
        t.equal(client.size, 0)
      },
    ],
    [
      'a client that leaves before the upstream is connected leaves nothing behind',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({ upstreams: [upstream.port], protocol: 'tcp' })
        const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(sidecar.port)))
        for (const client of clients) client.reset()
        await eventually(
          () => sidecar.plane.generations().every(({ exchanges }) => exchanges === 0),
          'no exchange is left',
        )
        await Promise.all(upstream.connections.map((connection) => connection.untilEnded()))
        t.pass('all are gone')
      },
    ],
    [
      'what a client sends at once with its connection is not lost',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({ upstreams: [upstream.port], protocol: 'tcp' })
        await using client = await rawClient(sidecar.port)
        client.send('a')
        client.send('b')
        client.end()
        const connection = await upstream.connection(0)
        await connection.untilEnded()
        t.equal(connection.text, 'ab')
        connection.send('back')
        connection.end()
        await client.untilEnded()
        t.equal(client.text, 'back')
      },
    ],
  ]))
