import { type Test, test } from 'tap'
import type { Body } from '../../chains/body.ts'
import type { ProxyError } from '../../chains/failures.ts'
import { testContext, testOutcome } from '../../chains/policy/testing.ts'
import { relay } from '../../chains/stream.ts'
import { streamPair } from '../plugin/testing/kit.ts'
import { load, policyWith } from './testing.ts'

/** What was said to one side so far; `$` is an orderly end, `!CODE` a break. */
function heardOn(body: Body): { text: string } {
  const heard = { text: '' }
  body.open({
    write: (bytes) => {
      heard.text += Buffer.from(bytes).toString()
      return true
    },
    end: () => {
      heard.text += '$'
    },
    fail: (error: ProxyError) => {
      heard.text += `!${error.code}`
    },
  })
  return heard
}

/** A connection through a plugin, put together as the edge does it. */
async function connected(t: Test, source: string, policy = policyWith({})) {
  const loaded = load(source, policy)
  t.teardown(() => loaded[Symbol.dispose]())
  const filter = loaded.plugin.tcp('inbound-tcp')
  if (!filter) throw new Error('the plugin is none for TCP')
  const [client, near] = streamPair()
  const [there, upstream] = streamPair()
  const cx = testContext()
  const answer = await filter(near, cx, async () => there)
  relay(near.readable, answer.writable)
  relay(answer.readable, near.writable)
  return {
    loaded,
    client: client.writable,
    upstream: upstream.writable,
    atClient: heardOn(client.readable),
    atUpstream: heardOn(upstream.readable),
    end: () => cx.finish(testOutcome({ status: 0 })),
  }
}

test('pieces are seen, replaced and dropped either way, and ends pass', async (t) => {
  const { loaded, client, upstream, atClient, atUpstream, end } = await connected(
    t,
    `export default {
    onData({ from, bytes }, cx) {
      const text = String.fromCharCode(...bytes)
      cx.state.count = (cx.state.count ?? 0) + 1
      if (text === 'drop') return null
      if (from === 'upstream') return text.toUpperCase() + cx.state.count
    },
  }`,
  )
  client.write(Buffer.from('hello'))
  client.write(Buffer.from('drop'))
  upstream.write(Buffer.from('answer'))
  client.end(null)
  upstream.end(null)
  t.strictSame([atUpstream.text, atClient.text], ['hello$', 'ANSWER3$'])
  t.equal(loaded.plugin.usage().exchanges, 1)
  end()
  t.equal(loaded.plugin.usage().exchanges, 0)
})

test('a plugin sends by itself, and can end the connection', async (t) => {
  const { client, atClient, atUpstream, end } = await connected(
    t,
    `export default {
    onData({ bytes }, cx) {
      cx.send('downstream', 'got ' + bytes.length + '.')
      if (bytes.length > 3) cx.close()
    },
  }`,
  )
  client.write(Buffer.from('abc'))
  t.strictSame([atUpstream.text, atClient.text], ['abc', 'got 3.'])
  client.write(Buffer.from('abcd'))
  t.match(atUpstream.text, /!PLUGIN_THREW$/)
  t.equal(atClient.text, 'got 3.got 4.!PLUGIN_THREW')
  end()
})

test('a plugin that fails ends its own connection, and is counted', async (t) => {
  const { loaded, client, atClient, atUpstream, end } = await connected(
    t,
    `export default {
    onData({ bytes }) { if (bytes[0] === 33) throw new Error('no') },
  }`,
  )
  client.write(Buffer.from('well'))
  client.write(Buffer.from('!'))
  client.write(Buffer.from('late'))
  t.strictSame([atUpstream.text, atClient.text], ['well!PLUGIN_THREW', '!PLUGIN_THREW'])
  t.equal(loaded.failures.length, 1)
  end()
})
