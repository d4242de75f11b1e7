import { test } from 'tap'
import type { ProxyError } from '../../chains/failures.ts'
import type { Next, TcpFilter } from '../../chains/filter.ts'
import type { PluginPolicy } from '../../chains/plugins.ts'
import { testContext } from '../../chains/policy/testing.ts'
import { type ByteStream, relay, type StreamSink } from '../../chains/stream.ts'
import { Pipe } from './lending/pipe.ts'
import { tcpPolicy } from './policy.ts'
import { failureOf, loaded, nextTurn, streamPair, testSpec, textOf } from './testing/kit.ts'

const spec = testSpec('p')

/** Runs a connection through a plugin to an upstream that says everything back; gives what the client got. */
async function talk(tcp: TcpFilter, policy: Partial<PluginPolicy>, said: readonly string[]): Promise<string> {
  const before = testSpec('p', {}, { version: '0' })
  const shouts: TcpFilter = async (stream, cx, next) => prefixed(await next(stream, cx), '0:')
  const newest = loaded(testSpec('p', policy, { previous: before }), { tcp })
  const filter = tcpPolicy({ newest, previous: loaded(before, { tcp: shouts }) }, 'inbound-tcp', null)
  const [client, near] = streamPair()
  const heard = textOf(client.readable)
  const upstream: Next<ByteStream, ByteStream> = async () => {
    const [there, echo] = streamPair()
    relay(echo.readable, echo.writable)
    return there
  }
  try {
    const stream = (await filter?.(near, testContext(), upstream)) as ByteStream
    relay(near.readable, stream.writable)
    relay(stream.readable, near.writable)
  } catch (thrown) {
    near.destroy(thrown as ProxyError)
  }
  for (const text of said) {
    await nextTurn()
    client.writable.write(Buffer.from(text))
  }
  await nextTurn()
  client.writable.end(null)
  return heard
}

/** A stream whose upstream direction begins with `text`. */
function prefixed(stream: ByteStream, text: string): ByteStream {
  const { writable } = stream
  let hasBegun = false
  const begins: StreamSink = {
    get source() {
      return writable.source
    },
    set source(source) {
      writable.source = source
    },
    write(bytes) {
      if (!hasBegun) writable.write(Buffer.from(text))
      hasBegun = true
      return writable.write(bytes)
    },
    end: (trailers) => writable.end(trailers),
    fail: (error) => writable.fail(error),
  }
  return { ...stream, writable: begins }
}

/** Looks at what the client sends before it connects, and fails at the first bytes. */
const failsAtData =
  (afterBytes = 0): TcpFilter =>
  async () => {
    const [near, far] = streamPair()
    let seen = 0
    far.readable.open({
      write: (bytes) => {
        seen += bytes.length
        if (seen > afterBytes) far.destroy(failureOf(spec))
        else far.writable.write(bytes)
        return true
      },
      end: () => far.writable.end(null),
      fail: () => {},
    })
    return near
  }

const passes: TcpFilter = (stream, cx, next) => next(stream, cx)
const throwsAtOnce: TcpFilter = async () => {
  throw failureOf(spec)
}
const throwsConnected: TcpFilter = async (stream, cx, next) => {
  await next(stream, cx)
  throw failureOf(spec)
}

test('a plugin that passes everything changes nothing, whatever its policy', async (t) => {
  for (const onError of ['close', 'open', 'previous'] as const) {
    t.equal(await talk(passes, { onError }, ['one ', 'two']), 'one two')
  }
})

test('with onError: close a connection in which the plugin fails is cut', async (t) => {
  for (const tcp of [throwsAtOnce, throwsConnected, failsAtData()]) {
    t.equal(await talk(tcp, { onError: 'close' }, ['one']), '!PLUGIN_THREW')
  }
})

test('with onError: open it goes on without the plugin, and nothing is lost', async (t) => {
  for (const tcp of [throwsAtOnce, throwsConnected, failsAtData()]) {
    t.equal(await talk(tcp, { onError: 'open' }, ['one ', 'two ', 'three']), 'one two three')
  }
})

test('with onError: previous the version before takes it over', async (t) => {
  for (const tcp of [throwsAtOnce, failsAtData()]) {
    t.equal(await talk(tcp, { onError: 'previous' }, ['one ', 'two']), '0:one two')
  }
})

test('once bytes have gone through the plugin, a failure cuts the connection', async (t) => {
  for (const onError of ['open', 'previous'] as const) {
    t.equal(await talk(failsAtData(4), { onError }, ['one ', 'two']), 'one !PLUGIN_THREW')
  }
})

test('a failure after bytes went to the upstream cuts the connection', async (t) => {
  const sends: TcpFilter = async (stream, cx, next) => {
    const upstream = await next(stream, cx)
    const pipe = new Pipe()
    pipe.body.open({
      write: (bytes) => {
        upstream.writable.write(bytes)
        upstream.destroy(failureOf(spec))
        upstream.writable.fail(failureOf(spec))
        return true
      },
      end: () => {},
      fail: () => {},
    })
    return { ...upstream, writable: pipe }
  }
  t.match(await talk(sends, { onError: 'open' }, ['one']), /!PLUGIN_THREW$/)
})

test('a plugin that fails by letting go of the upstream it was given leaves it usable', async (t) => {
  const letsGo: TcpFilter = async (stream, cx, next) => {
    const upstream = await next(stream, cx)
    const [near, far] = streamPair()
    far.readable.open({
      write: () => {
        const failure = failureOf(spec)
        upstream.readable.cancel(failure)
        upstream.writable.fail(failure)
        upstream.destroy(failure)
        far.destroy(failure)
        return true
      },
      end: () => {},
      fail: () => {},
    })
    return near
  }
  t.equal(await talk(letsGo, { onError: 'open' }, ['one ', 'two']), 'one two')
})

test('more than may be held cannot be given to somebody else', async (t) => {
  const limits = { callMs: 50, memoryMiB: 32, bufferKiB: 1, pauseMs: 1_000 }
  const swallows: TcpFilter = async () => {
    const [near, far] = streamPair()
    let seen = 0
    far.readable.open({
      write: (bytes) => {
        seen += bytes.length
        if (seen > 1_500) far.destroy(failureOf(spec))
        return true
      },
      end: () => {},
      fail: () => {},
    })
    return near
  }
  const text = 'x'.repeat(800)
  t.equal(await talk(swallows, { onError: 'open', limits }, [text, text]), '!PLUGIN_THREW')
})
