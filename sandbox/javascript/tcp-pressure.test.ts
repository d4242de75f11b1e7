import { type Test, test } from 'tap'
import { Body, type BodySink } from '../../chains/body.ts'
import type { ProxyError } from '../../chains/failures.ts'
import { testContext, testOutcome } from '../../chains/policy/testing.ts'
import { type ByteStream, relay, type StreamSink } from '../../chains/stream.ts'
import { isFailureOf } from '../plugin/health.ts'
import { streamPair, testSpec } from '../plugin/testing/kit.ts'
import { load, policyWith } from './testing.ts'

/** A sink that takes what it is given, and says whether it has room as the test wants. */
function manualSink() {
  const taken = { bytes: 0, isFull: true, fault: null as ProxyError | null }
  const sink: StreamSink = {
    source: null,
    write: (bytes) => {
      taken.bytes += bytes.length
      return !taken.isFull
    },
    end: () => {},
    fail: (error) => {
      taken.fault = error
    },
  }
  return { taken, sink }
}

/** A body that gives pieces as long as there is room. */
function endlessBody(pieceBytes: number) {
  const given = { pieces: 0 }
  let sink: BodySink | null = null
  const pump = (): void => {
    while (given.pieces < 1_000) {
      given.pieces += 1
      if (!sink?.write(Buffer.alloc(pieceBytes))) return
    }
  }
  const body = new Body(
    {
      open: (opened) => {
        sink = opened
        pump()
      },
      resume: pump,
      cancel: () => {},
    },
    null,
  )
  return { given, body }
}

/** A plugin between a client and an upstream that are given. */
async function between(t: Test, source: string, upstream: Partial<ByteStream>) {
  const loaded = load(
    source,
    policyWith({ limits: { callMs: 200, memoryMiB: 32, bufferKiB: 64, pauseMs: 1_000 } }),
  )
  const cx = testContext()
  t.teardown(() => {
    cx.finish(testOutcome({ status: 0 }))
    loaded[Symbol.dispose]()
  })
  const [client, near] = streamPair()
  const [there, far] = streamPair()
  const answer = await loaded.plugin.tcp('inbound-tcp')?.(near, cx, async () => ({ ...there, ...upstream }))
  if (!answer) throw new Error('the plugin is none for TCP')
  return { loaded, client, near, far, answer }
}

const echoBack = `export default {
  onData({ from, bytes }, cx) { cx.send(from, bytes); return null },
}`
const sendOn = `export default {
  onData({ from, bytes }, cx) { cx.send(from === 'upstream' ? 'downstream' : 'upstream', bytes); return null },
}`

test('an upstream waits when a plugin has filled the client with what it sends by itself', async (t) => {
  const { given, body } = endlessBody(1_024)
  const { answer } = await between(t, sendOn, { readable: body })
  const { taken, sink } = manualSink()
  answer.readable.open(sink)
  t.strictSame([given.pieces, taken.bytes], [1, 1_024])
  answer.readable.resume()
  t.strictSame([given.pieces, taken.bytes], [2, 2_048])
  taken.isFull = false
  answer.readable.resume()
  t.strictSame([given.pieces, taken.bytes], [1_000, 1_024_000])
})

test('a client waits when a plugin has filled the upstream with what it sends by itself', async (t) => {
  const { taken, sink } = manualSink()
  const { answer } = await between(t, sendOn, { writable: sink })
  const { given, body } = endlessBody(1_024)
  relay(body, answer.writable)
  t.strictSame([given.pieces, taken.bytes], [1, 1_024])
  taken.isFull = false
  sink.source?.resume()
  t.strictSame([given.pieces, taken.bytes], [1_000, 1_024_000])
})

test('who was not stopped is not resumed', async (t) => {
  const { taken, sink } = manualSink()
  const { far, answer } = await between(t, echoBack, { writable: sink })
  let resumed = 0
  answer.writable.source = new Body(
    {
      open: () => {},
      resume: () => {
        resumed += 1
      },
      cancel: () => {},
    },
    null,
  )
  answer.readable.open(manualSink().sink)
  far.writable.write(Buffer.from('back'))
  t.equal(taken.bytes, 4, 'the upstream is full of its own')
  sink.source?.resume()
  t.equal(resumed, 0)
})

test('a connection in which a plugin sends more than may wait is cut', async (t) => {
  const { near, client, answer, loaded } = await between(t, echoBack, {})
  const { taken, sink } = manualSink()
  relay(near.readable, answer.writable)
  answer.readable.open(sink)
  for (let count = 0; count < 100 && !taken.fault; count += 1) client.writable.write(Buffer.alloc(1_024))
  t.equal(taken.bytes, 65 * 1_024, 'a first one, and 64 KiB that wait')
  t.match(taken.fault, {
    code: 'PLUGIN_OVER_LIMIT',
    message: /more than 64 KiB to a peer that does not read/,
  })
  t.strictSame(
    loaded.failures.map(({ kind }) => kind),
    ['limit'],
  )
})

test('what a plugin sends to a client before anybody reads is kept', async (t) => {
  const { near, client, answer } = await between(
    t,
    `export default {
    onData({ from }, cx) { if (from === 'downstream') { cx.send('downstream', 'HEL'); cx.send('downstream', 'LO') } },
  }`,
    {},
  )
  client.writable.write(Buffer.from('hi'))
  relay(near.readable, answer.writable)
  relay(answer.readable, near.writable)
  let heard = ''
  client.readable.open({
    write: (bytes) => {
      heard += Buffer.from(bytes).toString()
      return true
    },
    end: () => {},
    fail: () => {},
  })
  t.equal(heard, 'HELLO')
})

test('an instance that dies takes every connection in it as a failure of the plugin', async (t) => {
  using loaded = load(
    `export default {
    onData({ bytes }) { const all = []; if (bytes[0] === 33) for (;;) all.push(new ArrayBuffer(1e6)) },
  }`,
    // memory is to run out before the time does, on a busy machine too
    policyWith({ limits: { callMs: 5_000, memoryMiB: 8, bufferKiB: 64, pauseMs: 1_000 } }),
  )
  const open = async () => {
    const [client, near] = streamPair()
    const [there] = streamPair()
    const cx = testContext()
    const answer = await loaded.plugin.tcp('inbound-tcp')?.(near, cx, async () => there)
    if (!answer) throw new Error('the plugin is none for TCP')
    const { taken, sink } = manualSink()
    relay(near.readable, answer.writable)
    answer.readable.open(sink)
    return { client: client.writable, taken, end: () => cx.finish(testOutcome({ status: 0 })) }
  }
  const [idle, killer] = [await open(), await open()]
  killer.client.write(Buffer.from('!'))
  for (const { taken, end } of [idle, killer]) {
    t.ok(isFailureOf(testSpec('tried'), taken.fault), String(taken.fault))
    end()
  }
  t.equal(loaded.plugin.usage().exchanges, 0)
})
