import { type Test, test } from 'tap'
import { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpResponse, localResponse } from '../../chains/http.ts'
import { testContext, testModel, testRequest } from '../../chains/policy/testing.ts'
import type { ByteStream } from '../../chains/stream.ts'
import { Pipe } from '../../sandbox/plugin/lending/pipe.ts'
import { Application } from '../../test/support/application.ts'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import { answerWith, deadPort, ok, RawUpstream, rawClient } from '../../test/support/raw.ts'
import { ReadBuffers } from '../net/read-buffers.ts'
import { Sweeper } from '../net/sweeper.ts'
import { WorkerMeter } from '../telemetry/worker-meter.ts'
import { PluginNetwork } from './plugin-network.ts'

const limits = { maxHeadBytes: 8_192, maxTargetBytes: 2_048, maxHeaders: 64 }
const soon = { connectMs: 2_000, idleMs: 2_000 }

function start(): PluginNetwork {
  const model = testModel()
  return new PluginNetwork({
    plugin: 'iam',
    model: {
      ...model,
      limits: { ...model.limits, ...limits },
      timeouts: { ...model.timeouts, connectMs: 2_000 },
    },
    meter: new WorkerMeter(),
    shared: {
      sweeper: new Sweeper(),
      buffers: new ReadBuffers(),
      readerLimits: { ...limits, maxBodyBytes: 0, kind: 'response' },
      bodyIdleMs: 2_000,
      streamIdleMs: 2_000,
    },
  })
}

const at = (port: number) => ({ host: '127.0.0.1', port })

const textOf = async ({ body }: HttpResponse): Promise<string> =>
  (await body?.buffer(1_000_000))?.toString() ?? ''

/** Two ends of a connection within this process. */
function streamPair(): [ByteStream, ByteStream] {
  const [there, back] = [new Pipe(), new Pipe()]
  const end = (out: Pipe, into: Pipe): ByteStream => ({
    readable: into.body,
    writable: out,
    destroy: (error) => {
      if (error) out.fail(error)
      else out.end(null)
      into.cancel(error ?? new ProxyError('UPSTREAM_RESET', 'gone'))
    },
  })
  return [end(there, back), end(back, there)]
}

test('a call-out is answered, and the next one takes the same connection of the same pool', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start(
    'auth',
    ({ body }, response) => void response.end(`got ${body}`),
  )
  using network = start()
  const ask = (pool: string, body: string) =>
    network.request(
      testRequest({ method: 'POST', body: Body.of(body) }),
      testContext(),
      at(application.port),
      pool,
      soon,
    )
  t.equal(await textOf(await ask('one', 'a')), 'got a')
  t.equal(await textOf(await ask('one', 'b')), 'got b')
  t.equal(application.connections, 1)
  t.equal(await textOf(await ask('two', 'c')), 'got c')
  t.equal(application.connections, 2)
  t.match(application.seen[0]?.headers, { host: 'shop.example', 'content-length': '1' })
})

test('a call-out that is not answered in time, or to nobody, rejects with the code of that', async (t) => {
  await using _left = assertNothingLeft(t)
  await using silent = await RawUpstream.listen(() => {})
  using network = start()
  const ask = (port: number, cx: Context) =>
    network.request(testRequest(), cx, at(port), '', { connectMs: 1_000, idleMs: 50 })
  await t.rejects(ask(silent.port, testContext()), { code: 'TRY_TIMEOUT' })
  await t.rejects(ask(await deadPort(), testContext()), { code: 'CONNECT_REFUSED' })
  const cx = testContext()
  const asked = network.request(testRequest(), cx, at(silent.port), '', soon)
  cx.abort(new ProxyError('CLIENT_GONE', 'left'))
  await t.rejects(asked, { code: 'CLIENT_GONE' })
  await t.rejects(ask(silent.port, cx), { code: 'CLIENT_GONE' })
})

test('interim answers to a call-out do not reach the client of the exchange', async (t) => {
  await using upstream = await RawUpstream.listen(
    answerWith(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok()}`),
  )
  using network = start()
  const cx = testContext()
  cx.interim = { inform: () => t.fail('it was told') }
  cx.tryTimeoutMs = 1
  const response = await network.request(testRequest(), cx, at(upstream.port), '', soon)
  t.equal(await textOf(response), 'ok')
})

test('pools that nobody needs make room for others', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('auth')
  using network = start()
  for (let index = 0; index < 1_030; index += 1) {
    const response = await network.request(
      testRequest(),
      testContext(),
      at(application.port),
      `${index}`,
      soon,
    )
    await textOf(response)
  }
  t.equal(application.connections, 1_030)
})

test('a raw connection carries bytes both ways, and an exchange of ours', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start(
    'app',
    ({ body }, response) => void response.end(`got ${body}`),
  )
  using network = start()
  const stream = await network.connect(testContext(), at(application.port), soon)
  const big = 'x'.repeat(300_000)
  const response = await network.exchange(stream, testRequest({ method: 'POST', body: Body.of(big) }))
  t.equal((await textOf(response)).length, big.length + 4)
  await t.rejects(network.connect(testContext(), at(await deadPort()), soon), { code: 'CONNECT_REFUSED' })
})

test('an exchange on a stream that ends, or says what is no answer, fails', async (t) => {
  using network = start()
  for (const [said, code] of [
    ['', 'UPSTREAM_RESET'],
    ['HTTP/1.1 200 OK\r\nContent-', 'UPSTREAM_RESET'],
    ['HELLO\r\n\r\n', 'UPSTREAM_INVALID'],
  ] as const) {
    const [near, far] = streamPair()
    far.writable.write(Buffer.from(said))
    far.writable.end(null)
    await t.rejects(network.exchange(near, testRequest()), { code })
  }
  const [near, far] = streamPair()
  far.writable.write(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
  far.writable.end(null)
  await t.rejects(textOf(await network.exchange(near, testRequest())), { code: 'UPSTREAM_TRUNCATED' })
})

/** Serves one end of a pair; resolves with all that comes out when `said` has gone in, and the end of it. */
async function served(
  t: Test,
  said: readonly string[],
  handle: Parameters<PluginNetwork['serve']>[2],
): Promise<string> {
  using network = start()
  const [near, far] = streamPair()
  network.serve(far, testContext(), handle)
  const out = near.readable.buffer(1_000_000).catch((error: ProxyError) => {
    t.comment(error.code)
    return Buffer.from(error.code)
  })
  for (const piece of said) {
    near.writable.write(Buffer.from(piece))
    await new Promise((resolve) => setImmediate(resolve))
  }
  near.writable.end(null)
  return (await out).toString()
}

test('requests on a stream are served in order, however they come', async (t) => {
  const paths: string[] = []
  const handle = async ({ path, body }: { path: string; body: Body | null }) => {
    paths.push(path)
    const text = (await body?.buffer(1_000))?.toString() ?? ''
    return localResponse(200, new HeaderList(), Body.of(`${path} ${text}`))
  }
  const post = 'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
  const out = await served(
    t,
    [`GET /a HTTP/1.1\r\nHost: a\r\n\r\n${post}GET /c HT`, 'TP/1.1\r\nHost: a\r\n\r\n'],
    handle,
  )
  t.strictSame(paths, ['/a', '/b', '/c'])
  const answer = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`
  t.equal(out, answer('/a ') + answer('/b abc') + answer('/c '))
})

test('what fails is answered, and what is no request ends the stream', async (t) => {
  const out = await served(t, ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'], async () => {
    throw new ProxyError('NO_ROUTE', 'nowhere')
  })
  t.match(out, /^HTTP\/1.1 404 Not Found\r\n/)
  t.equal(await served(t, ['NONSENSE\r\n\r\n'], async () => t.fail('it was called') as never), 'BAD_REQUEST')
})

test('a body that nobody wanted is passed over, and one that waits is asked for', async (t) => {
  const handle = async () => localResponse(200, new HeaderList(), Body.of('ok'))
  const ignored = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
  t.equal((await served(t, [ignored + ignored], handle)).match(/200 OK/g)?.length, 2)
  const waiting = ['POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n', 'abc']
  const out = await served(t, waiting, async ({ body }) => {
    await body?.buffer(10)
    return localResponse(204, new HeaderList(), null)
  })
  t.equal(out, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n')
})

test('our client and our server understand each other, upgrades too', async (t) => {
  using network = start()
  const [near, far] = streamPair()
  const [inner, echo] = streamPair()
  echo.readable.open({
    write: (bytes) => echo.writable.write(bytes),
    end: () => echo.writable.end(null),
    fail: () => {},
  })
  network.serve(far, testContext(), async () => ({
    ...localResponse(101, new HeaderList(), null),
    tunnel: inner,
    upgrade: 'test',
  }))
  const { status, upgrade, tunnel } = await network.exchange(near, testRequest({ upgrade: 'test' }))
  t.strictSame([status, upgrade], [101, 'test'])
  const back = tunnel?.readable.buffer(1_000)
  tunnel?.writable.write(Buffer.from('hello'))
  tunnel?.writable.end(null)
  t.equal((await back)?.toString(), 'hello')
})

test('a served stream ends with its exchange, and a network with its generation', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('auth')
  const network = start()
  const [near, far] = streamPair()
  const cx = testContext()
  network.serve(far, cx, async () => localResponse(200, new HeaderList(), null))
  const out = near.readable.buffer(10)
  cx.abort(new ProxyError('CLIENT_GONE', 'left'))
  await t.rejects(out, { code: 'CLIENT_GONE' })
  await textOf(await network.request(testRequest(), testContext(), at(application.port), '', soon))
  network[Symbol.dispose]()
  await t.rejects(network.request(testRequest(), testContext(), at(application.port), '', soon), {
    code: 'UPSTREAM_RESET',
  })
})

test('a large answer is held up by its reader', async (t) => {
  const chunk = 'y'.repeat(65_536)
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.nextHead()
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n')
    for (let sent = 0; sent < 512; sent += 1) connection.send(chunk)
  })
  using network = start()
  const stream = await network.connect(testContext(), at(upstream.port), soon)
  const { body } = await network.exchange(stream, testRequest())
  let taken = 0
  body?.open({
    write: (bytes) => {
      taken += bytes.length
      return false
    },
    end: () => {},
    fail: () => {},
  })
  await eventually(() => taken > 0, 'the first bytes are there')
  t.ok(taken < 1_000_000, `${taken} bytes were taken before the reader had room`)
  body?.cancel(new ProxyError('CLIENT_GONE', 'enough'))
  const connection = await upstream.connection(0)
  t.equal(await connection.untilEnded(), 'reset')
  await (await rawClient(upstream.port))[Symbol.asyncDispose]()
})
