import { deflateSync, inflateSync } from 'node:zlib'
import { test } from 'tap'
import type { HostContext } from '../contract.ts'
import { foreignFunctions } from './foreign-functions.ts'

/** Of a context these functions use one method. */
function contextThatCounts() {
  const counts = { cleared: 0 }
  const clearRouteCache = () => {
    counts.cleared += 1
  }
  return { counts, context: { clearRouteCache } as unknown as HostContext }
}

const { context } = contextThatCounts()
const { call } = foreignFunctions()

function resultOf(answer: ReturnType<typeof call>): Buffer {
  if ('status' in answer) throw new Error(`status ${answer.status}`)
  return Buffer.from(answer.result)
}

test('what is compressed is a zlib stream, and comes back', async (t) => {
  const packed = resultOf(call('compress', Buffer.from('hello world!'), context))
  t.equal(packed.toString('hex'), '789ccb48cdc9c95728cf2fca495104001e89047e')
  t.equal(inflateSync(packed).toString(), 'hello world!')
  t.equal(resultOf(call('uncompress', packed, context)).toString(), 'hello world!')
  t.equal(
    resultOf(call('uncompress', resultOf(call('compress', Buffer.alloc(0), context)), context)).length,
    0,
  )
})

test('no call can make the host work or hold more than a little', async (t) => {
  t.strictSame(call('compress', Buffer.alloc(524_289), context), { status: 2 })
  t.strictSame(call('uncompress', deflateSync(Buffer.alloc(4 * 1_048_576 + 1)), context), { status: 2 })
  t.equal(
    resultOf(call('uncompress', deflateSync(Buffer.alloc(4 * 1_048_576)), context)).length,
    4 * 1_048_576,
  )
  t.strictSame(call('uncompress', Buffer.alloc(4 * 1_048_576 + 1), context), { status: 2 })
})

test('what is no zlib stream, or only half of one, cannot be uncompressed', async (t) => {
  t.strictSame(call('uncompress', Buffer.from('hello'), context), { status: 3 })
  t.strictSame(call('uncompress', Buffer.alloc(0), context), { status: 3 })
  t.strictSame(call('uncompress', deflateSync(Buffer.from('hello')).subarray(0, 8), context), { status: 3 })
})

test('the cached route of the stream is cleared', async (t) => {
  const { counts, context } = contextThatCounts()
  t.equal(resultOf(call('clear_route_cache', Buffer.alloc(0), context)).length, 0)
  t.equal(counts.cleared, 1)
})

test('other functions can be added, and what nobody added is not found', async (t) => {
  const functions = foreignFunctions({ reverse: (argument) => ({ result: argument.toReversed() }) })
  t.equal(resultOf(functions.call('reverse', Buffer.from('abc'), context)).toString(), 'cba')
  for (const name of ['', 'reverse', 'constructor', '__proto__', 'toString']) {
    t.strictSame(call(name, Buffer.alloc(0), context), { status: 1 }, name)
  }
})
