import { test } from 'tap'
import { Body, type BodySink } from '../../../chains/body.ts'
import type { TcpChain } from '../../../chains/chain.ts'
import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { testContext, testOutcome } from '../../../chains/policy/testing.ts'
import type { ByteStream, StreamSink } from '../../../chains/stream.ts'
import { bench, handBody } from './testing/bench.ts'

/** The other side of a connection, in the hands of a test. */
function endpoint() {
  const incoming = handBody()
  const got: string[] = []
  const state = { ended: false, failed: null as ProxyError | null, destroyed: 0, hasRoom: true }
  const writable: StreamSink = {
    source: null,
    write: (bytes) => {
      got.push(Buffer.from(bytes).toString())
      return state.hasRoom
    },
    end: () => {
      state.ended = true
    },
    fail: (error) => {
      state.failed = error
    },
  }
  const stream: ByteStream = {
    readable: incoming.body,
    writable,
    destroy: () => {
      state.destroyed += 1
    },
  }
  return { stream, incoming, got, state, says: (text: string) => incoming.sink()?.write(Buffer.from(text)) }
}

/** Reads what a client would see. */
function reading(body: Body) {
  const got: string[] = []
  const state = { ended: false, failed: null as ProxyError | null, hasRoom: true }
  const sink: BodySink = {
    write: (bytes) => {
      got.push(Buffer.from(bytes).toString())
      return state.hasRoom
    },
    end: () => {
      state.ended = true
    },
    fail: (error) => {
      state.failed = error
    },
  }
  body.open(sink)
  return { got, state }
}

const client = endpoint().stream

/** Runs a chain, and lets it settle. */
async function connect(chain: TcpChain, cx: Context): Promise<ByteStream> {
  const stream = await chain.run(client, cx)
  await new Promise((resolve) => setImmediate(resolve))
  return stream
}

test('raw data passes both ways, rewritten by the script, and each way ends by itself', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .replaceData(data => data.size ? new Data('>' + data.toString()) : data)
    .chain()
    .replaceData(data => new Data('<' + data.toString()))
    .replaceStreamEnd(end => [new Data('bye'), end])`)
  const upstream = endpoint()
  const cx = testContext()
  const stream = await connect(
    b.tcp(async () => upstream.stream),
    cx,
  )
  const { got, state } = reading(stream.readable)
  t.ok(stream.writable.write(Buffer.from('hello')))
  t.same(upstream.got, ['>hello'])
  upstream.says('there')
  stream.writable.end(null)
  t.ok(upstream.state.ended)
  t.notOk(state.ended)
  upstream.incoming.sink()?.end(null)
  t.same(got, ['<there', 'bye'])
  t.ok(state.ended)
  cx.finish(testOutcome())
  t.equal(b.tools.clock.waiting, 0)
})

test('the chain begins before the client speaks, with an empty piece of data', async (t) => {
  using b = bench(`
    pipy({ _log: '' }).pipeline()
    .handleStreamStart(evt => { _log += evt instanceof Data ? 'data' + evt.size : 'other' })
    .chain()
    .replaceData(data => new Data(_log + ' ' + data.toString()))`)
  const upstream = endpoint()
  const cx = testContext()
  const stream = await connect(
    b.tcp(async () => upstream.stream),
    cx,
  )
  const { got } = reading(stream.readable)
  upstream.says('welcome')
  t.same(got, ['data0 welcome'])
  t.same(upstream.got, [])
  cx.finish(testOutcome())
})

test('a plugin that waits for the client is there at once, and connects later', async (t) => {
  using b = bench(`
    pipy({ _first: '' }).pipeline()
    .handleData(data => { _first += data.toString() })
    .branch(() => _first.startsWith('HELO'), $ => $.chain(), () => _first.length > 3, $ => $.replaceData(new StreamEnd('ConnectionReset')))`)
  const upstream = endpoint()
  let connects = 0
  const chain = b.tcp(async () => {
    connects += 1
    return upstream.stream
  })
  const cx = testContext()
  const stream = await chain.run(client, cx)
  t.equal(connects, 0)
  stream.writable.write(Buffer.from('HE'))
  stream.writable.write(Buffer.from('LO'))
  await new Promise((resolve) => setTimeout(resolve, 1))
  t.equal(connects, 1)
  t.equal(upstream.got.join(''), 'HELO')
  cx.finish(testOutcome())

  const other = testContext()
  const refused = await chain.run(client, other)
  const { state } = reading(refused.readable)
  refused.writable.write(Buffer.from('QUIT'))
  t.match(state.failed, { code: 'ACCESS_DENIED' })
  t.equal(connects, 1)
  other.finish(testOutcome())
})

test('a connection that cannot be made fails as the chain does', async (t) => {
  using b = bench(`pipy().pipeline().chain()`)
  const cx = testContext()
  const error = new ProxyError('NO_ENDPOINT', 'nobody there')
  await t.rejects(b.tcp(() => Promise.reject(error)).run(client, cx), { code: 'NO_ENDPOINT' })
  await t.rejects(
    b
      .tcp(() => {
        throw error
      })
      .run(client, testContext()),
    { code: 'NO_ENDPOINT' },
  )
  cx.finish(testOutcome({ error }))
  b.plugin[Symbol.dispose]()
})

test('each side is held up by the other, and goes on with it', async (t) => {
  using b = bench(`pipy().pipeline().handleData(() => {}).chain().handleData(() => {})`)
  const upstream = endpoint()
  const cx = testContext()
  const stream = await connect(
    b.tcp(async () => upstream.stream),
    cx,
  )
  const { state } = reading(stream.readable)

  state.hasRoom = false
  t.notOk(upstream.says('a'))
  const before = upstream.incoming.resumes()
  stream.readable.resume()
  t.equal(upstream.incoming.resumes(), before + 1)

  let resumes = 0
  const source = new Body({ open: () => {}, resume: () => void resumes++, cancel: () => {} }, null)
  stream.writable.source = source
  upstream.state.hasRoom = false
  t.notOk(stream.writable.write(Buffer.from('b')))
  upstream.stream.writable.source?.resume()
  t.equal(resumes, 1)
  cx.finish(testOutcome())
})

test('what throws ends the connection both ways', async (t) => {
  using b = bench(`pipy().pipeline().handleData(data => { if (data.size) throw new Error('no') }).chain()`)
  const upstream = endpoint()
  const cx = testContext()
  const stream = await connect(
    b.tcp(async () => upstream.stream),
    cx,
  )
  const { state } = reading(stream.readable)
  stream.writable.write(Buffer.from('x'))
  t.match(state.failed, { code: 'PLUGIN_THREW' })
  t.equal(upstream.state.destroyed, 1)
  cx.finish(testOutcome())
  using early = bench(`pipy().pipeline().handleData(() => { throw new Error('no') }).chain()`)
  await t.rejects(early.tcp(async () => upstream.stream).run(client, testContext()), { code: 'PLUGIN_THREW' })
})

test('what a script ends is closed towards the upstream, and not reset', async (t) => {
  using b = bench(`
    pipy().pipeline().replaceData(data => data.toString() === 'DUMP' ? new StreamEnd('ConnectionReset') : data).chain()`)
  const upstream = endpoint()
  const cx = testContext()
  const stream = await connect(
    b.tcp(async () => upstream.stream),
    cx,
  )
  const { state } = reading(stream.readable)
  stream.writable.write(Buffer.from('DUMP'))
  t.match(state.failed, { code: 'ACCESS_DENIED' })
  t.equal(upstream.state.failed, null)
  t.ok(upstream.state.destroyed > 0)
  t.equal(b.plugin.usage().exchanges, 0)
  cx.finish(testOutcome())
})

test('a client that leaves takes the upstream with it', async (t) => {
  using b = bench(`pipy().pipeline().chain()`)
  const upstream = endpoint()
  const cx = testContext()
  const stream = await connect(
    b.tcp(async () => upstream.stream),
    cx,
  )
  const gone = new ProxyError('CLIENT_GONE', 'the client left')
  stream.destroy(gone)
  t.equal(upstream.state.destroyed, 1)
  t.equal(b.plugin.usage().exchanges, 0)
  cx.finish(testOutcome({ error: gone }))
})

test('a script answers raw data by itself', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .replaceData(data => data.size ? [new Message('you said ' + data.toString()), new StreamEnd] : undefined)`)
  const cx = testContext()
  const stream = await connect(
    b.tcp(() => t.fail('the chain was asked') as never),
    cx,
  )
  const { got, state } = reading(stream.readable)
  stream.writable.write(Buffer.from('hi'))
  t.same(got, ['you said hi'])
  t.ok(state.ended)
  cx.finish(testOutcome())
})
