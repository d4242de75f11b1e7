import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import type { HttpRequest } from '../../chains/http.ts'
import type { Counter } from '../../chains/telemetry.ts'
import { newVariables } from '../../chains/variables.ts'
import { ReadBuffers } from '../../proxy/net/read-buffers.ts'
import { Sweeper } from '../../proxy/net/sweeper.ts'
import { dial } from '../../proxy/upstream/dial.ts'
import { UpstreamExchange } from '../../proxy/upstream/exchange.ts'
import { type PoolSettings, UpstreamPool } from '../../proxy/upstream/pool.ts'
import type { RawConnection } from '../support/connection.ts'
import { modelOf, type SidecarOptions } from '../support/model.ts'
import { beside, eventually } from '../support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../support/raw.ts'
import { type Sidecar, startSidecar } from '../support/sidecar.ts'

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'
const post = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${length}\r\n\r\n`

const isEmpty = (sidecar: Sidecar) =>
  sidecar.plane.generations().every(({ exchanges }) => exchanges === 0) &&
  sidecar.plane.endpoints().every(({ connectionsOpen }) => connectionsOpen === 0)

/** A sidecar that tries again after a 503, but only after a wait that no test sees the end of. */
async function retryingSidecar(options: SidecarOptions): Promise<{ sidecar: Sidecar; port: number }> {
  const model = modelOf({
    ...options,
    retry: {
      statuses: [503],
      retries: 2,
      retryNonIdempotent: true,
      perTryTimeoutMs: null,
      backoffBaseMs: 1_000_000,
      backoffMaxMs: 1_000_000,
      budgetRatio: 1,
      budgetMinimum: 3,
    },
  })
  const http = [...model.chains['inbound-http'], { name: 'modules/inbound-retry.js', priority: 112 }]
  const sidecar = await startSidecar(options)
  const pushed = await sidecar.plane.prepare(2, {
    ...model,
    chains: { ...model.chains, 'inbound-http': http },
  })
  pushed.commit()
  return { sidecar, port: pushed.listeners[0]?.port ?? 0 }
}

/** The context of an exchange; one that was given up already if `reason` says why. */
function contextOf(reason: ProxyError | null): Context {
  const silent = () => {}
  const cx = new Context({
    id: 'test',
    peer: {
      id: 1,
      direction: 'inbound',
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      localAddress: '127.0.0.1',
      localPort: 2,
      destinationAddress: '',
      destinationPort: 0,
      choices: new Map(),
    },
    vars: newVariables(null, false),
    log: { debug: silent, info: silent, warn: silent, error: silent },
    startedAt: 0,
  })
  if (reason) cx.abort(reason)
  return cx
}

const plainGet = (): HttpRequest => ({
  version: '1.1',
  method: 'GET',
  path: '/',
  headers: new HeaderList(['Host', 'app.test']),
  body: null,
  upgrade: null,
  expectsContinue: false,
})

/** What a pool needs, and how many connections it says are there. */
function poolSettings(): { settings: PoolSettings; active: () => number } {
  let active = 0
  const nowhere: Counter = { add: () => {} }
  const settings: PoolSettings = {
    limits: { maxConnections: 5, maxRequestsPerConnection: 100, maxPendingRequests: 5, idleMs: 60_000 },
    connectMs: 1_000,
    counters: {
      opened: nowhere,
      active: {
        add: (amount) => {
          active += amount
        },
      },
      overflow: nowhere,
      traffic: null,
      connectFailure: () => nowhere,
    },
    shared: {
      sweeper: new Sweeper(),
      buffers: new ReadBuffers(),
      readerLimits: {
        maxHeadBytes: 8_192,
        maxTargetBytes: 2_048,
        maxHeaders: 64,
        maxBodyBytes: 0,
        kind: 'response',
      },
      bodyIdleMs: 500,
      streamIdleMs: 500,
    },
  }
  return { settings, active: () => active }
}

const left = new ProxyError('CLIENT_GONE', 'the client left')

test('what was given up is over, and costs nothing and nobody any more', (t) =>
  beside(t, [
    [
      'clients that close while an upstream is silent are let go after the time for silence',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        await using sidecar = await startSidecar({
          upstreams: [upstream.port],
          timeouts: { idleMs: 400, requestMs: 0 },
        })
        const clients: RawConnection[] = []
        for (let count = 0; count < 5; count += 1) clients.push(await rawClient(sidecar.port))
        for (const client of clients) client.send(get)
        await (await upstream.connection(4)).nextHead()
        for (const client of clients) client.socket.destroy()
        await eventually(() => isEmpty(sidecar), 'nothing of them is left', 3_000)
        t.equal(sidecar.counted.get('pillion_requests_active'), 0)
      },
    ],
    [
      'a TCP client learns that its upstream, which had half-closed before, has closed',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.untilText('hello')
          connection.send('bye')
          connection.end()
          await sleep(50)
          connection.socket.destroy()
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port], protocol: 'tcp' })
        await using client = await rawClient(sidecar.port)
        client.send('hello')
        await client.untilEnded()
        t.equal(client.text, 'bye')
        // A close is told from half a close by what becomes of the bytes that follow.
        function* forLong(): Generator<Buffer> {
          for (let piece = 0; piece < 100 && !client.isClosed; piece += 1) yield Buffer.alloc(16_384)
        }
        await client.sendSlowly(forLong(), 20)
        t.ok(client.isClosed, 'what it sends does not vanish')
        await eventually(() => isEmpty(sidecar), 'nothing of it is left', 1_000)
      },
    ],
    [
      'the wait for another try that is given up takes nothing from the next request',
      async (t) => {
        await using upstream = await RawUpstream.listen(
          answerWith((request) =>
            request.startLine.includes('/first')
              ? 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'
              : ok(`got ${request.body}`),
          ),
        )
        const { sidecar: started, port } = await retryingSidecar({
          upstreams: [upstream.port],
          timeouts: { requestMs: 700 },
        })
        await using _sidecar = started
        await using client = await rawClient(port)
        client.send(`${post('/first', 5)}aaaaa${post('/next', 10)}bb`)
        await client.untilText('HTTP/1.1 504 ')
        await eventually(() => upstream.connections.some(({ text }) => text.endsWith('bb')), 'the next began')
        await sleep(50)
        client.send('bbbbbbbb')
        await client.untilText('HTTP/1.1 200 ', 2_000)
        await client.untilText('got ', 2_000)
        t.ok(client.text.endsWith('got bbbbbbbbbb'), 'the whole body went up')
      },
    ],
    [
      'a request that was given up before it got to the pool takes no connection of it',
      async (t) => {
        await using upstream = await RawUpstream.listen(answerWith(ok()))
        const { settings } = poolSettings()
        const pool = new UpstreamPool({ host: '127.0.0.1', port: upstream.port }, settings)
        const first = new UpstreamExchange(plainGet(), contextOf(null))
        pool.request(first)
        const { body } = await first.answer
        body?.open({ write: () => true, end: () => {}, fail: () => {} })
        await eventually(() => pool.idle === 1, 'the connection is idle')
        const second = new UpstreamExchange(plainGet(), contextOf(left))
        pool.request(second)
        await t.rejects(second.answer, { code: 'CLIENT_GONE' })
        t.equal(pool.idle, 1, 'the connection is still there for the next')
        await (await upstream.connection(0)).untilText('GET')
        t.equal(upstream.connections[0]?.text.match(/GET/g)?.length, 1)
        pool[Symbol.dispose]()
        await eventually(() => pool.open === 0, 'the pool is empty')
      },
    ],
    [
      'a raw connection that was given up before it was asked for is never opened',
      async (t) => {
        await using upstream = await RawUpstream.listen(() => {})
        const { settings, active } = poolSettings()
        const target = { host: '127.0.0.1', port: upstream.port }
        await t.rejects(dial(contextOf(left), { ...settings, target }), { code: 'CLIENT_GONE' })
        await sleep(50)
        t.equal(upstream.connections.length, 0)
        t.equal(active(), 0, 'none is counted as open')
      },
    ],
  ]))
