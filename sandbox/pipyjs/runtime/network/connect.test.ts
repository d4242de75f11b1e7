import { test } from 'tap'
import { ProxyError } from '../../../../chains/failures.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft } from '../../../../test/support/nothing-left.ts'
import { deadPort, RawUpstream, rawClient } from '../../../../test/support/raw.ts'
import { Pipe } from '../../../plugin/lending/pipe.ts'
import { ask, bench, echo } from '../testing/bench.ts'
import { frontOf } from './testing/front.ts'
import { realNetwork } from './testing/real-network.ts'

const nowhere = () => Promise.reject(new ProxyError('NO_ENDPOINT', 'nothing is behind'))

test('a connection goes where its script says, both ways and to each end', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(async (connection) => {
    await connection.until(() => connection.ending !== null, 'the client has ended')
    connection.send(`got ${connection.received}`)
    connection.end()
  })
  using network = realNetwork()
  using b = bench(`pipy().pipeline().connect('127.0.0.1:${upstream.port}', { idleTimeout: 1 })`, {
    network,
    connect: ['127.0.0.1:*'],
  })
  await using front = await frontOf(b.tcp(nowhere))
  const client = await rawClient(front.port)
  client.send('abc')
  client.end()
  await client.until(() => client.ending !== null, 'it ends')
  t.equal(String(client.received), 'got abc')
  await client[Symbol.asyncDispose]()
})

test('how a connection failed is what its stream ends with', async (t) => {
  await using _left = assertNothingLeft(t)
  await using silent = await RawUpstream.listen(() => {})
  using network = realNetwork()
  const cases: [connect: string, error: string][] = [
    [`'127.0.0.1:${await deadPort()}'`, 'ConnectionRefused'],
    [`'no-such-host.invalid:80'`, 'CannotResolve'],
    [`'127.0.0.1:${silent.port}', { idleTimeout: 0.2 }`, 'IdleTimeout'],
  ]
  for (const [connect, error] of cases) {
    const script = `
      pipy().pipeline().connect(${connect})
      .replaceStreamEnd(end => new Message({ status: 200 }, String(end.error)))`
    using b = bench(script, { network, connect: ['*:*'] })
    t.equal((await ask(b.http(echo), testRequest())).text, error)
  }
})

test('what an upstream sends waits until its client has room', async (t) => {
  await using _left = assertNothingLeft(t)
  const size = 32 << 20
  await using upstream = await RawUpstream.listen((connection) => {
    connection.send(Buffer.alloc(size).toString('latin1'))
    connection.end()
  })
  using network = realNetwork()
  const target = { host: '127.0.0.1', port: upstream.port }
  // through a connection of the script's, and through the rest of the chain
  for (const filter of [`connect('127.0.0.1:${upstream.port}')`, 'chain()']) {
    using b = bench(`pipy().pipeline().${filter}`, { network, connect: ['127.0.0.1:*'] })
    const cx = testContext()
    const chain = b.tcp((_stream, given) => network.connect(given, target, { connectMs: 0, idleMs: 0 }))
    const [sent, received] = [new Pipe(), new Pipe()]
    const stream = await chain.run({ readable: sent.body, writable: received, destroy: () => {} }, cx)
    let taken = 0
    let isSlow = true
    const done = stream.readable.pipeTo({
      write: (bytes) => {
        taken += bytes.length
        return !isSlow
      },
      end: () => {},
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.ok(taken < 1 << 20, `${taken} bytes came while nobody had room`)
    isSlow = false
    stream.readable.resume()
    await done
    t.equal(taken, size)
    cx.finish(testOutcome())
  }
})

test('filters that are not there say what to use in their place', (t) => {
  for (const [filter, advice] of [
    ['connectTLS()', /connectTLS\(\) is not there: plugins connect in the clear/],
    ['acceptTLS()', /it is the sidecar that does this/],
    ['connectSOCKS()', /write connect\(\)/],
  ] as const) {
    t.throws(() => bench(`pipy().pipeline().${filter}.to($ => $.chain())`), { message: advice })
  }
  t.end()
})
