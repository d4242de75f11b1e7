import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { testContext, testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft, eventually } from '../../../../test/support/nothing-left.ts'
import { answerWith, deadPort, ok, RawUpstream } from '../../../../test/support/raw.ts'
import type { Network } from '../../../plugin/network.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'
import { realNetwork } from './testing/real-network.ts'

/** A plugin that sends what it gets to that port, and tells what came back. */
const sender = (port: number, connect = `connect('127.0.0.1:${port}')`) => `
  pipy().pipeline()
  .muxHTTP().to($ => $.${connect})
  .handleMessageStart(({ head }) => void (head.headers['x-came'] = head.status + ' ' + head.statusText))`

test('requests of several exchanges go over one connection to the target', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(({ body }) => ok(`got ${body}`)))
  using network = realNetwork()
  using b = bench(sender(upstream.port), { network, connect: ['127.0.0.1:*'] })
  const chain = b.http(echo)
  for (let count = 0; count < 3; count += 1) {
    const put = testRequest({ method: 'PUT', path: '/x', body: Body.of('abc') })
    const { text, response } = await ask(chain, put)
    t.equal(text, 'got abc')
    t.equal(response.headers.get('x-came'), '200 OK')
  }
  t.equal(upstream.connections.length, 1)
})

test('keys keep connections apart', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok()))
  using network = realNetwork()
  const script = `
    pipy({ _path: '' }).pipeline()
    .handleMessageStart(({ head }) => void (_path = head.path))
    .muxHTTP(() => _path, { version: () => 'http/1.1' }).to($ => $.connect(() => '127.0.0.1:${upstream.port}'))`
  using b = bench(script, { network, connect: ['127.0.0.1:*'] })
  const chain = b.http(echo)
  for (const path of ['/a', '/b', '/a', '/b']) await ask(chain, testRequest({ path }))
  t.equal(upstream.connections.length, 2)
})

test('an upstream that is down, unknown, silent or gone is an answer for the script', async (t) => {
  await using _left = assertNothingLeft(t)
  await using silent = await RawUpstream.listen(() => {})
  await using leaving = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.end()
  })
  await using babbling = await RawUpstream.listen(answerWith('what?\r\n\r\n'))
  using network = realNetwork()
  const dead = await deadPort()
  const cases: [connect: string, status: number, reason: string][] = [
    [`connect('127.0.0.1:${dead}')`, 502, 'Connection Refused'],
    [`connect('no-such-host.invalid:80')`, 502, 'Cannot Resolve'],
    [`connect('127.0.0.1:${silent.port}', { readTimeout: 0.2 })`, 504, 'Gateway Timeout'],
    [`connect('127.0.0.1:${leaving.port}')`, 502, 'Bad Gateway'],
    [`connect('127.0.0.1:${babbling.port}')`, 502, 'Bad Gateway'],
  ]
  for (const [connect, status, reason] of cases) {
    // once through the pool, and once through a pipeline that does more than connect
    for (const wrapped of [connect, `handleStreamStart(() => {}).${connect}`]) {
      using b = bench(sender(0, wrapped), { network, connect: ['*:*'] })
      const { response, text } = await ask(b.http(echo), testRequest())
      t.equal(response.status, status, wrapped)
      t.equal(response.headers.get('x-came'), `${status} ${reason}`, wrapped)
      t.equal(text, '')
    }
  }
})

test('an error that a script makes itself is in the answer', async (t) => {
  using network = realNetwork()
  using b = bench(sender(0, `replaceStreamStart(new StreamEnd('it is tired'))`), { network })
  const { response, text } = await ask(b.http(echo), testRequest())
  t.equal(response.headers.get('x-came'), '502 Bad Gateway')
  t.equal(text, 'it is tired')
  using other = bench(sender(0, `replaceStreamStart(new StreamEnd('Unauthorized'))`), { network })
  t.equal((await ask(other.http(echo), testRequest())).response.status, 401)
})

test('a body that breaks off is a failure, and no answer', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    connection.end()
  })
  using network = realNetwork()
  for (const connect of [
    `connect('127.0.0.1:${upstream.port}')`,
    `handleStreamStart(() => {}).connect('127.0.0.1:${upstream.port}')`,
  ]) {
    using b = bench(sender(0, connect), { network, connect: ['127.0.0.1:*'] })
    await t.rejects(ask(b.http(echo), testRequest()), { code: 'UPSTREAM_TRUNCATED' })
  }
})

test('a client that leaves cancels what its plugin has sent', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(() => {})
  using network = realNetwork()
  for (const lead of ['', 'handleStreamStart(() => {}).']) {
    using b = bench(sender(0, `${lead}connect('127.0.0.1:${upstream.port}')`), {
      network,
      connect: ['127.0.0.1:*'],
    })
    const cx = testContext()
    const asked = b.http(echo).run(testRequest(), cx)
    const before = upstream.connections.length
    await eventually(() => upstream.connections.length > before, 'a connection is there')
    cx.abort(new ProxyError('CLIENT_GONE', 'left'))
    await t.rejects(asked, { code: 'CLIENT_GONE' })
    cx.finish({
      status: 0,
      error: cx.abortReason,
      response: null,
      receivedBytes: 0,
      sentBytes: 0,
      durationMs: 0,
    })
    const connection = await upstream.connection(before)
    await eventually(() => connection.ending !== null, 'the upstream sees it end')
  }
})

test('bodies flow no faster than they are taken', async (t) => {
  await using _left = assertNothingLeft(t)
  const megabyte = 'x'.repeat(1 << 20)
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * megabyte.length}\r\n\r\n`)
    for (let count = 0; count < 64; count += 1) connection.send(megabyte)
  })
  using network = realNetwork()
  for (const lead of ['', 'handleStreamStart(() => {}).']) {
    using b = bench(sender(0, `${lead}connect('127.0.0.1:${upstream.port}')`), {
      network,
      connect: ['127.0.0.1:*'],
    })
    const cx = testContext()
    const response = await b.http(echo).run(testRequest(), cx)
    let taken = 0
    let isSlow = true
    const done = response.body?.pipeTo({
      write: (bytes) => {
        taken += bytes.length
        return !isSlow
      },
      end: () => {},
    })
    const body = response.body as Body
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.ok(taken < 1 << 20, `${taken} bytes came while nobody had room`)
    isSlow = false
    body.resume()
    await done
    t.equal(taken, 64 << 20)
    cx.finish({ status: 200, error: null, response, receivedBytes: 0, sentBytes: 0, durationMs: 0 })
  }
})

test('a target that is not granted fails the plugin, at load if it is written there', async (t) => {
  using network = realNetwork()
  t.throws(() => bench(sender(9), { network }), {
    message: /^tested\.yaml:3:24: plugin tested: connect\(\): 127\.0\.0\.1:9 is not granted/,
  })
  using b = bench(sender(0, `connect(() => '127.0.0.1:9')`), { network })
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'PLUGIN_THREW', message: /grants: \{ connect:/ })
  t.same(b.failures, ['exception'])
})

test('a connection that is refused is tried again when the script says so', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok('late')))
  using network = realNetwork()
  let tries = 0
  const connect: Network['connect'] = (cx, target, timeouts) => {
    tries += 1
    return network.connect(cx, tries < 3 ? { ...target, port: 1 } : target, timeouts)
  }
  const script = sender(0, `connect('127.0.0.1:${upstream.port}', { retryCount: 5, retryDelay: 1 })`)
  using b = bench(script, { network: { ...network, connect }, connect: ['127.0.0.1:*'] })
  const asked = ask(b.http(echo), testRequest())
  for (let second = 1; second < 3; second += 1) {
    await eventually(() => b.tools.clock.waiting > 0, 'it waits to try again')
    b.tools.clock.advance(1_000)
  }
  t.equal((await asked).text, 'late')
  t.equal(tries, 3)
  t.equal(b.tools.clock.waiting, 0)
})

test('what is wrong in a script is said when it is loaded, or when it comes about', async (t) => {
  const faults: [script: string, message: RegExp][] = [
    ['.muxHTTP(() => 1)', /it takes one sub-pipeline/],
    [`.muxHTTP(() => 1, { version: 2 }).to($ => $.chain())`, /only HTTP\/1\.1 is spoken/],
    [`.connect(5)`, /argument 1 must be 'host:port'/],
    [`.connect('nowhere')`, /argument 1 must be 'host:port'/],
    [`.connect(() => 'x:1', { protocol: 'udp' })`, /protocol "udp" is not there/],
    [`.connect(() => 'x:1', { idleTimeout: 'long' })`, /idleTimeout must be a number of seconds/],
  ]
  for (const [script, message] of faults) {
    t.throws(() => bench(`pipy().pipeline()${script}`), { message }, script)
  }
  using b = bench(sender(0, 'connect(() => 5)'))
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'PLUGIN_THREW', message: /'host:port'/ })
  using late = bench(sender(0, `connect(() => '127.0.0.1:9', () => ({ bind: 'x' }))`), { connect: ['*:*'] })
  await t.rejects(ask(late.http(echo), testRequest()), { code: 'PLUGIN_THREW', message: /bind is not there/ })
})

test('a request whose body breaks off is not answered by a made-up one', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(() => {})
  using network = realNetwork()
  using b = bench(sender(upstream.port), { network, connect: ['127.0.0.1:*'] })
  const hand = handBody()
  const asked = ask(b.http(echo), testRequest({ method: 'PUT', body: hand.body }))
  await eventually(() => hand.sink() !== null, 'the body is opened')
  hand.sink()?.write(Buffer.from('half'))
  hand.sink()?.fail(new ProxyError('REQUEST_BODY_INVALID', 'it broke off'))
  await t.rejects(asked, { code: 'REQUEST_BODY_INVALID' })
})
