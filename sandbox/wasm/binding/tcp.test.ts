import { test } from 'tap'
import { testContext, testOutcome } from '../../../chains/policy/testing.ts'
import { type ByteStream, relay } from '../../../chains/stream.ts'
import type { SandboxedPlugin } from '../../plugin/contract.ts'
import { pause } from '../../plugin/testing/bench.ts'
import { streamPair, textOf } from '../../plugin/testing/kit.ts'
import { loadGuest, scriptedGuest } from '../testing/ask.ts'
import { data } from '../testing/guests.ts'
import { openLoader } from '../testing/loader.ts'

/** One connection to an upstream that says everything back. */
async function talk(plugin: SandboxedPlugin, said: readonly string[]): Promise<string> {
  const cx = testContext({ protocol: 'tcp' })
  const [client, near] = streamPair()
  const heard = textOf(client.readable)
  const upstream = async (): Promise<ByteStream> => {
    const [there, echo] = streamPair()
    relay(echo.readable, echo.writable)
    return there
  }
  const stream = await plugin.tcp('inbound-tcp')?.(near, cx, upstream)
  if (!stream) throw new Error('there is no filter')
  relay(near.readable, stream.writable)
  relay(stream.readable, near.writable)
  for (const text of said) {
    await pause(2)
    client.writable.write(Buffer.from(text))
  }
  await pause(2)
  client.writable.end(null)
  const all = await heard
  cx.finish(testOutcome({ status: 0 }))
  return all
}

test('a connection is told of in order, to its end', async (t) => {
  using loader = openLoader()
  const names = ['new_connection', 'downstream_data', 'upstream_data', 'upstream_connection_close']
  const ends = ['downstream_connection_close', 'done', 'log', 'delete']
  const script = Object.fromEntries([...names, ...ends].map((name) => [name, '']))
  const { plugin, lines } = loadGuest(loader, scriptedGuest(script))
  t.equal(await talk(plugin, ['abc']), 'abc')
  t.strictSame(
    lines.map((line) => line.replace(/^.*?([a-z_]+ \d+ \d)$/, '$1')),
    [
      ...['new_connection 0 0', 'downstream_data 3 0', 'upstream_data 3 0', 'downstream_data 0 1'],
      ...['upstream_data 0 1', 'upstream_connection_close 0 0', 'downstream_connection_close 2 0'],
      ...['done 0 0', 'log 0 0', 'delete 0 0'],
    ],
  )
  t.equal(plugin.usage().exchanges, 0)
  plugin[Symbol.dispose]()
})

test('what a guest writes in the place of data is what the server gets', async (t) => {
  using loader = openLoader()
  const write = `(if (local.get $size) (then
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const -1) (i32.const 600) (i32.const 3)))))`
  const { plugin } = loadGuest(loader, scriptedGuest({ downstream_data: write }, data(600, 'xyz')))
  t.equal(await talk(plugin, ['abc']), 'xyz')
})

test('bytes that are held come again with the next ones', async (t) => {
  using loader = openLoader()
  const hold = '(if (i32.eq (local.get $size) (i32.const 3)) (then (return (i32.const 1))))'
  const { plugin, lines } = loadGuest(loader, scriptedGuest({ downstream_data: hold }))
  t.equal(await talk(plugin, ['abc', 'def']), 'abcdef')
  t.match(lines.join(), /downstream_data 3 0.*downstream_data 6 0/)
})
