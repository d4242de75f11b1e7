import { test } from 'tap'
import { Body, type BodySink, type BodySource } from '../../chains/body.ts'
import type { ProxyError } from '../../chains/failures.ts'
import { testContext } from '../../chains/policy/testing.ts'
import type { ByteStream, StreamSink } from '../../chains/stream.ts'
import { load, policyWith } from './testing.ts'

/** One side of a connection, driven by hand. */
class Side implements BodySource {
  readonly stream: ByteStream
  sink: BodySink | null = null
  isFull = false
  destroyed: ProxyError | null = null

  constructor() {
    const writable: StreamSink = { source: null, write: () => true, end: () => {}, fail: () => {} }
    this.stream = {
      readable: new Body(this, null),
      writable,
      destroy: (error) => {
        this.destroyed = error ?? null
      },
    }
  }

  open(sink: BodySink): void {
    this.sink = sink
  }

  resume(): void {
    this.isFull = false
  }

  cancel(): void {}

  send(text: string): void {
    this.isFull = !this.sink?.write(Buffer.from(text))
  }
}

async function connected(source: string, policy = policyWith({})) {
  const loaded = load(source, policy)
  const filter = loaded.plugin.tcp('inbound-tcp')
  if (!filter) throw new Error('the plugin is none for TCP')
  const [client, upstream] = [new Side(), new Side()]
  const heard = { upstream: '', client: '', failures: [] as string[] }
  const sinkOf = (who: 'upstream' | 'client'): BodySink => ({
    write: (bytes) => {
      heard[who] += Buffer.from(bytes).toString()
      return true
    },
    end: () => {
      heard[who] += '$'
    },
    fail: (error) => void heard.failures.push(`${who}: ${error.code}`),
  })
  const cx = testContext()
  const answer = await filter(client.stream, cx, async (towards) => {
    towards.readable.open(sinkOf('upstream'))
    return upstream.stream
  })
  answer.readable.open(sinkOf('client'))
  const end = () =>
    cx.finish({ status: 0, error: null, response: null, receivedBytes: 0, sentBytes: 0, durationMs: 0 })
  return { loaded, client, upstream, heard, end }
}

test('pieces are seen, replaced and dropped either way, and ends pass', async (t) => {
  const { loaded, client, upstream, heard, end } = await connected(`export default {
    onData({ from, bytes }, cx) {
      const text = String.fromCharCode(...bytes)
      cx.state.count = (cx.state.count ?? 0) + 1
      if (text === 'drop') return null
      if (from === 'upstream') return text.toUpperCase() + cx.state.count
    },
  }`)
  client.send('hello')
  client.send('drop')
  upstream.send('answer')
  client.sink?.end(null)
  upstream.sink?.end(null)
  t.same(heard, { upstream: 'hello$', client: 'ANSWER3$', failures: [] })
  t.equal(loaded.plugin.usage().exchanges, 1)
  end()
  t.equal(loaded.plugin.usage().exchanges, 0)
  loaded[Symbol.dispose]()
})

test('a plugin sends by itself, and can end the connection', async (t) => {
  const { loaded, client, upstream, heard, end } = await connected(`export default {
    onData({ bytes }, cx) {
      cx.send('downstream', 'got ' + bytes.length + '.')
      if (bytes.length > 3) cx.close()
    },
  }`)
  client.send('abc')
  t.equal(heard.client, 'got 3.')
  t.equal(client.destroyed, null)
  client.send('abcd')
  t.equal(client.destroyed?.code, 'PLUGIN_THREW')
  t.equal(upstream.destroyed?.code, 'PLUGIN_THREW')
  end()
  loaded[Symbol.dispose]()
})

test('a plugin that fails ends its own connection, and is counted', async (t) => {
  const { loaded, client, heard, end } = await connected(`export default {
    onData({ bytes }) { if (bytes[0] === 33) throw new Error('no') },
  }`)
  client.send('well')
  client.send('!')
  t.same(heard.failures, ['upstream: PLUGIN_THREW'])
  t.equal(client.destroyed?.code, 'PLUGIN_THREW')
  t.equal(loaded.failures.length, 1)
  end()
  loaded[Symbol.dispose]()
})
