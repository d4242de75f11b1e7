import { test } from 'tap'
import { Body, type BodySink } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import { assertNothingLeft } from '../../test/support/nothing-left.ts'
import { RawUpstream } from '../../test/support/raw.ts'
import { ReadBuffers } from '../net/read-buffers.ts'
import { Transport } from '../net/transport.ts'
import { MessageWriter } from './writer.ts'

/** A message of five bytes that is being written, what its body was told, and what the writer told. */
async function beingWritten() {
  const upstream = await RawUpstream.listen(() => {})
  const told: string[] = []
  const handler = { onData: () => true, onEnd: () => {}, onDrain: () => {}, onClose: () => {} }
  const transport = await new Promise<Transport>((resolve) => {
    const target = { host: '127.0.0.1', port: upstream.port }
    const made = Transport.connect(target, new ReadBuffers(), handler, () => resolve(made))
  })
  const writer = new MessageWriter(transport, 'head ', 5, {
    onSent: () => void told.push('sent'),
    onBroken: ({ code }) => void told.push(`broken ${code}`),
  })
  let sink: BodySink | null = null
  const source = {
    open: (opened: BodySink) => {
      sink = opened
    },
    resume: () => {},
    cancel: ({ code }: ProxyError) => void told.push(`cancelled ${code}`),
  }
  writer.send(new Body(source, 5))
  const dispose = async () => {
    transport.destroy()
    await upstream[Symbol.asyncDispose]()
  }
  return { writer, sink: sink as unknown as BodySink, told, upstream, [Symbol.asyncDispose]: dispose }
}

test('a body whose message is abandoned is told so, once, and nothing more of it is written', async (t) => {
  await using _left = assertNothingLeft(t)
  await using message = await beingWritten()
  const { writer, sink, told, upstream } = message
  sink.write(Buffer.from('ab'))
  const gone = new ProxyError('CLIENT_GONE', 'the client left')
  writer.abandon(gone)
  writer.abandon(gone)
  sink.write(Buffer.from('cd'))
  sink.fail(gone)
  t.strictSame(told, ['cancelled CLIENT_GONE'])
  await (await upstream.connection(0)).untilText('head ab')
})

test('a body that is longer than announced is broken off, and told so', async (t) => {
  await using _left = assertNothingLeft(t)
  await using message = await beingWritten()
  const { sink, told, upstream } = message
  sink.write(Buffer.from('abcd'))
  t.equal(sink.write(Buffer.from('ef')), false)
  t.strictSame(told, ['broken INTERNAL', 'cancelled INTERNAL'])
  await (await upstream.connection(0)).untilText('head abcd')
})

test('a whole message is not abandoned any more', async (t) => {
  await using _left = assertNothingLeft(t)
  await using message = await beingWritten()
  const { writer, sink, told } = message
  sink.write(Buffer.from('abcde'))
  sink.end(null)
  writer.abandon(new ProxyError('CLIENT_GONE', 'the client left'))
  t.strictSame(told, ['sent'])
})
