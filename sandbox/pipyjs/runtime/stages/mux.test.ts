import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { Context } from '../../../../chains/context.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft, eventually } from '../../../../test/support/nothing-left.ts'
import { answerWith, ok, RawUpstream } from '../../../../test/support/raw.ts'
import { realNetwork } from '../network/testing/real-network.ts'
import { ask, bench, echo } from '../testing/bench.ts'
import { answering, grant, idle, sender } from './testing/shared-lines.ts'

/** A new exchange on a connection of its own. */
function fromElsewhere(): Context {
  const { peer, vars, log, startedAt } = testContext()
  return new Context({ id: 'x', peer: { ...peer, id: peer.id + 1 }, vars, log, startedAt })
}

test('messages of several exchanges go over one connection, and their answers come back to each', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answering((line) => `got ${line}\n`))
  using network = realNetwork()
  using b = bench(sender(upstream.port, 'mux(() => 1)'), { network, ...grant })
  const chain = b.http(echo)
  for (const path of ['/a', '/b', '/c']) {
    const { text, response } = await ask(chain, testRequest({ method: 'PUT', path, body: Body.of('abc') }))
    t.equal(text, `got ${path} abc`)
    t.equal(response.headers.get('x-path'), path)
  }
  t.equal(upstream.connections.length, 1)
  t.equal(b.plugin.usage().exchanges, 1)
  await idle(b)
  await eventually(() => upstream.connections[0]?.ending === 'end', 'it is closed in an orderly way')
  t.equal((await ask(chain, testRequest({ path: '/d' }))).text, 'got /d ')
  t.equal(upstream.connections.length, 2)
  await idle(b)
})

test('many wait on one connection, as far as the script says', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answering((line) => `${line}\n`))
  using network = realNetwork()
  const paths = Array.from({ length: 6 }, (_, at) => `/${at}`)
  for (const [options, connections] of [
    ['{ maxQueue: 6 }', 1],
    ['() => ({ maxQueue: 3 })', 2],
    ['{}', 6],
    ['{ maxQueue: 0 }', 1],
  ] as const) {
    using b = bench(sender(upstream.port, `muxQueue(() => 'all', ${options})`), { network, ...grant })
    const chain = b.http(echo)
    const before = upstream.connections.length
    const asked = await Promise.all(paths.map((path) => ask(chain, testRequest({ path }))))
    t.same(
      asked.map(({ text }) => text),
      paths.map((path) => `${path} `),
    )
    t.equal(upstream.connections.length - before, connections, options)
    await idle(b)
  }
})

test('keys keep what is shared apart; without one it is the connection of the client', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answering((line) => `${line}\n`))
  using network = realNetwork()
  const cx = () => testContext()
  const same = cx().peer
  const onSame = () => {
    const { vars, log, startedAt } = cx()
    return new Context({ id: 'x', peer: same, vars, log, startedAt })
  }
  const rows: [mux: string, contexts: (() => Context)[], connections: number][] = [
    ['mux(() => _path)', [onSame, onSame, onSame, onSame], 2],
    ['mux(async () => _path.length)', [onSame, fromElsewhere], 1],
    ['mux({ maxIdle: 5 })', [onSame, onSame, fromElsewhere], 2],
    ['mux()', [onSame, onSame, fromElsewhere], 2],
    ['mux(() => undefined)', [onSame, onSame, fromElsewhere], 2],
    ['mux(7, { maxIdle: "5s" })', [onSame, onSame, fromElsewhere], 1],
  ]
  for (const [mux, contexts, connections] of rows) {
    using b = bench(sender(upstream.port, mux), { network, ...grant })
    const chain = b.http(echo)
    const before = upstream.connections.length
    for (const [at, make] of contexts.entries()) {
      await ask(chain, testRequest({ path: at % 2 ? '/b' : '/a' }), make())
    }
    t.equal(upstream.connections.length - before, connections, mux)
    await idle(b)
  }
})

test('what is shared begins with its key, in a copy of the context that it was begun for', async (t) => {
  await using _left = assertNothingLeft(t)
  const script = `
    pipy({ _key: '', _path: '' }).pipeline()
    .handleMessageStart(({ head }) => void (_path = head.path))
    .mux(() => 'k').to($ => $
      .onStart(key => void (_key = key))
      .replaceMessage(() => new Message(_key + ' ' + _path)))`
  using b = bench(script)
  t.equal((await ask(b.http(echo), testRequest({ path: '/1' }))).text, 'k /1')
  t.equal((await ask(b.http(echo), testRequest({ path: '/2' }))).text, 'k /1')
  await idle(b)
  using inbound = bench(`
    pipy({ _port: 0 }).pipeline().mux().to($ => $
      .onStart(key => void (_port = key.remotePort)).replaceMessage(() => new Message(String(_port))))`)
  const cx = testContext()
  t.equal((await ask(inbound.http(echo), testRequest(), cx)).text, String(cx.peer.remotePort))
  await idle(inbound)
})

test('a connection is left after as many messages as the script says', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answering((line) => `${line}\n`))
  using network = realNetwork()
  using b = bench(sender(upstream.port, 'mux(() => 1, { maxMessages: 2 })'), { network, ...grant })
  const chain = b.http(echo)
  for (let count = 0; count < 4; count += 1) await ask(chain, testRequest())
  t.equal(upstream.connections.length, 2)
  await eventually(() => b.plugin.usage().exchanges === 0, 'nothing is kept')
})

test('answers flow no faster than they are taken', async (t) => {
  await using _left = assertNothingLeft(t)
  const size = 32 << 20
  await using upstream = await RawUpstream.listen((connection) => {
    connection.send(Buffer.alloc(size).toString('latin1'))
    connection.end()
  })
  using network = realNetwork()
  const script = `
    pipy().pipeline().mux(() => 1).to($ => $
      .replaceMessage(new Data('go')).connect('127.0.0.1:${upstream.port}')
      .replaceStreamStart(data => [new MessageStart({ status: 200 }), data])
      .replaceStreamEnd(() => new MessageEnd))`
  using b = bench(script, { network, ...grant })
  const cx = testContext()
  const { body } = await b.http(echo).run(testRequest(), cx)
  let taken = 0
  let isSlow = true
  const done = body?.pipeTo({
    write: (bytes) => {
      taken += bytes.length
      return !isSlow
    },
    end: () => {},
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.ok(taken < 1 << 20, `${taken} bytes came while nobody had room`)
  isSlow = false
  body?.resume()
  await done
  t.equal(taken, size)
  cx.finish(testOutcome())
  await idle(b)
})

test('the halves of a codec can stand in what is shared', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(({ body }) => ok(`got ${body}`)))
  using network = realNetwork()
  const script = `
    pipy().pipeline().mux(() => 1).to($ => $
      .encodeHTTPRequest().connect('127.0.0.1:${upstream.port}').decodeHTTPResponse())`
  using b = bench(script, { network, ...grant })
  const chain = b.http(echo)
  for (const text of ['abc', 'def']) {
    const put = testRequest({ method: 'PUT', body: Body.of(text) })
    t.equal((await ask(chain, put)).text, `got ${text}`)
  }
  await idle(b)
})

test('what is held of a message has its limit, and what is wrong in a script is said', async (t) => {
  using b = bench('pipy().pipeline().mux(() => 1).to($ => $.replaceMessage(new Message("x")))', {
    limits: { bufferKiB: 1 },
  })
  const long = testRequest({ method: 'PUT', body: Body.of('x'.repeat(2_000)) })
  await t.rejects(ask(b.http(echo), long), { message: /mux\(\) would hold more than the 1024 bytes/ })
  for (const [mux, message] of [
    ['mux(() => 1)', /it takes one sub-pipeline/],
    [`mux(() => 1, { maxIdle: 'long' }).to($ => $)`, /maxIdle must be a number of seconds/],
    [`mux({ maxQueue: -1 }).to($ => $)`, /maxQueue must be a number of messages; 0 is no limit, and is -1/],
    [`mux(() => 1, 5).to($ => $)`, /the options must be an object/],
    [`mux(1, {}, 3).to($ => $)`, /it takes at most 2, and got 3/],
  ] as const) {
    t.throws(() => bench(`pipy().pipeline().${mux}`), { message }, mux)
  }
  using late = bench(`pipy().pipeline().mux(() => 1, () => ({ maxQueue: 'x' })).to($ => $.dummy())`)
  await t.rejects(ask(late.http(echo), testRequest()), { message: /mux\(\): maxQueue must be/ })
})
