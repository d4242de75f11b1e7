import { test } from 'tap'
import { Body } from '../../chains/body.ts'
import { testContext, testRequest } from '../../chains/policy/testing.ts'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import { RawUpstream } from '../../test/support/raw.ts'
import { ReadBuffers } from '../net/read-buffers.ts'
import { Sweeper } from '../net/sweeper.ts'
import type { UpstreamConnection } from './connection.ts'
import { UpstreamExchange } from './exchange.ts'
import { UpstreamPool } from './pool.ts'

const uncounted = { add: () => {} }

/** The pool of one endpoint, which keeps to no time limit. */
function poolTo(port: number): UpstreamPool {
  const readerLimits = { maxHeadBytes: 8_192, maxTargetBytes: 2_048, maxHeaders: 64, maxBodyBytes: 0 }
  return new UpstreamPool(
    { host: '127.0.0.1', port },
    {
      limits: { maxConnections: 1, maxRequestsPerConnection: 10, maxPendingRequests: 1, idleMs: 0 },
      connectMs: 0,
      counters: {
        opened: uncounted,
        active: uncounted,
        overflow: uncounted,
        traffic: null,
        connectFailure: () => uncounted,
      },
      shared: {
        sweeper: new Sweeper(),
        buffers: new ReadBuffers(),
        readerLimits: { ...readerLimits, kind: 'response' },
        bodyIdleMs: 0,
        streamIdleMs: 0,
      },
    },
  )
}

test('what follows a 101 in another read belongs to the tunnel, however soon it comes', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(() => {})
  const pool = poolTo(upstream.port)
  const exchange = new UpstreamExchange(testRequest({ upgrade: 'websocket' }), testContext())
  pool.request(exchange)
  await (await upstream.connection(0)).nextRequest()
  const connection = exchange.holder as UpstreamConnection
  connection.onData(
    Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n1'),
  )
  connection.onData(Buffer.from('2'))
  const { tunnel } = await exchange.answer
  let frames = ''
  tunnel?.readable.open({
    write: (bytes) => {
      frames += String(bytes)
      return true
    },
    end: () => {},
    fail: () => {},
  })
  t.equal(frames, '12')
  tunnel?.destroy()
  await eventually(() => pool.open === 0, 'the pool is empty')
})

test('who makes a request body learns that the upstream does not take it any more', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(() => {})
  const pool = poolTo(upstream.port)
  const cancelled: string[] = []
  const body = new Body(
    {
      open: (sink) => void sink.write(Buffer.from('begun')),
      resume: () => {},
      cancel: ({ code }) => void cancelled.push(code),
    },
    10,
  )
  const exchange = new UpstreamExchange(testRequest({ method: 'POST', body }), testContext())
  pool.request(exchange)
  const peer = await upstream.connection(0)
  await peer.untilText('begun')
  peer.reset()
  await t.rejects(exchange.answer, { code: 'UPSTREAM_RESET' })
  t.strictSame(cancelled, ['UPSTREAM_RESET'])
  t.equal(pool.open, 0)
})
