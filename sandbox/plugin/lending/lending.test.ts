import { test } from 'tap'
import { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { testRequest } from '../../../chains/policy/testing.ts'
import { relay } from '../../../chains/stream.ts'
import { nextTurn, slowBody, textOf } from '../testing/kit.ts'
import { lendBody, lendRequest } from './lend.ts'
import { mendedBody } from './mended-body.ts'
import { Pipe } from './pipe.ts'
import { tee } from './tee.ts'

const gone = new ProxyError('CLIENT_GONE', 'gone')
const tooLong = () => new ProxyError('PLUGIN_OVER_LIMIT', 'too long')

/** A sink that takes `room` writes and is then full. */
function slowSink(room: number) {
  const taken: string[] = []
  let ended: unknown = null
  return {
    taken,
    ended: () => ended,
    write: (bytes: Uint8Array) => {
      taken.push(Buffer.from(bytes).toString())
      return taken.length < room
    },
    end: () => {
      ended = 'end'
    },
    fail: (error: ProxyError) => {
      ended = error.code
    },
  }
}

test('a pipe holds one write until somebody reads, and passes fullness and waking on', async (t) => {
  const pipe = new Pipe()
  const source = new Pipe()
  relay(source.body, pipe)
  t.equal(source.write(Buffer.from('a')), false)
  const sink = slowSink(2)
  pipe.body.open(sink)
  t.strictSame(sink.taken, ['a'])
  t.equal(source.write(Buffer.from('b')), false)
  pipe.body.resume()
  t.equal(source.write(Buffer.from('c')), false)
  source.end(null)
  t.strictSame(sink.taken, ['a', 'b', 'c'])
  t.equal(sink.ended(), 'end')
})

test('a pipe gives out what it holds before an end or a failure, and tells its source of a cancel', async (t) => {
  for (const end of ['end', 'fail'] as const) {
    const pipe = new Pipe()
    pipe.write(Buffer.from('a'))
    if (end === 'end') pipe.end(null)
    else pipe.fail(gone)
    t.equal(await textOf(pipe.body), end === 'end' ? 'a' : 'a!CLIENT_GONE')
  }
  const pipe = new Pipe()
  const reasons: ProxyError[] = []
  pipe.source = new Body({ open() {}, resume() {}, cancel: (error) => void reasons.push(error) }, null)
  pipe.body.cancel(gone)
  t.strictSame(reasons, [gone])
  t.equal(pipe.write(Buffer.from('late')), true)
})

test('a split body is the same on both sides, trailers too, at the pace of the original reader', async (t) => {
  const seen: number[] = []
  const pipe = new Pipe()
  const { main, copy } = tee(pipe.body, {
    maxBytes: 100,
    tooLong,
    onBytes: ({ length }) => void seen.push(length),
    onEnd: () => {},
  })
  const sink = slowSink(1)
  main.open(sink)
  t.equal(pipe.write(Buffer.from('one')), false, 'the original reader is full')
  const copied = copy.pipeTo({ write: () => true, end: () => {} })
  pipe.end(new HeaderList(['X-Sum', '1']))
  main.resume()
  t.equal((await copied)?.get('x-sum'), '1')
  t.equal(sink.ended(), 'end')
  t.strictSame(seen, [3])
})

test('a copy that nobody reads breaks off at its bound, and the original does not notice', async (t) => {
  const { main, copy } = tee(slowBody(['12345', '67890', 'abcde']), {
    maxBytes: 8,
    tooLong,
    onBytes: () => {},
    onEnd: () => {},
  })
  t.equal(await textOf(main), '1234567890abcde')
  t.equal(await textOf(copy), '!PLUGIN_OVER_LIMIT')
})

test('a reader of a copy that throws, or leaves, does not hurt the original', async (t) => {
  const options = { maxBytes: 8, tooLong, onBytes: () => {}, onEnd: () => {} }
  const one = tee(slowBody(['a', 'b']), options)
  one.copy.open({
    write: () => {
      throw new Error('a bug')
    },
    end: () => {},
    fail: () => {},
  })
  t.equal(await textOf(one.main), 'ab')
  const two = tee(slowBody(['a', 'b']), options)
  two.copy.cancel(gone)
  t.equal(await textOf(two.main), 'ab')
  const three = tee(slowBody(['a', 'b'], gone), options)
  const copied = textOf(three.copy)
  t.equal(await textOf(three.main), 'ab!CLIENT_GONE')
  t.equal(await copied, 'ab!CLIENT_GONE')
  const four = tee(slowBody(['a']), options)
  const left = textOf(four.copy)
  four.abandon(gone)
  t.equal(await left, '!CLIENT_GONE')
})

test('a lent request can be taken again as it came, whatever was done to it', async (t) => {
  const request = testRequest({ method: 'POST', body: slowBody(['ab', 'cd']) })
  const lent = lendRequest(request, 100)
  const first = lent.take()
  first.headers.set('Host', 'elsewhere')
  first.path = '/elsewhere'
  first.body?.open({ write: () => true, end: () => {}, fail: () => {} })
  await nextTurn()
  await nextTurn()
  t.ok(lent.canTakeAgain())
  const second = lent.take()
  t.strictSame([second.path, second.headers.get('host')], ['/', 'shop.example'])
  lent.release()
  t.equal(await textOf(second.body), 'abcd')
  t.notOk(lent.canTakeAgain())
})

test('what is too long can be taken again until it is read', async (t) => {
  const known = lendBody(Body.of('x'.repeat(20)), 10)
  known.take()
  t.ok(known.canTakeAgain())
  t.equal((await textOf(known.take())).length, 20)
  t.notOk(known.canTakeAgain())
  const unknown = lendBody(slowBody(['x'.repeat(8), 'y'.repeat(8)]), 10)
  t.equal((await textOf(unknown.take())).length, 16)
  t.notOk(unknown.canTakeAgain())
  const upgrade = lendRequest(testRequest({ upgrade: 'websocket' }), 10)
  upgrade.take().headers.set('Host', 'x')
  t.equal(upgrade.take().headers.get('host'), 'shop.example')
  t.ok(upgrade.canTakeAgain())
})

test('the original takes the place of a body that fails before its first byte, and not later', async (t) => {
  const failure = new ProxyError('PLUGIN_THREW', 'on purpose')
  const cases = [
    { pieces: [], spare: true, expected: 'original', commits: 1, ends: [[failure, true]] },
    { pieces: [], spare: false, expected: '!PLUGIN_THREW', commits: 1, ends: [[failure, false]] },
    { pieces: ['own'], spare: true, expected: 'own!PLUGIN_THREW', commits: 1, ends: [[failure, false]] },
  ] as const
  for (const { pieces, spare, expected, commits, ends } of cases) {
    const committed: string[] = []
    const ended: unknown[] = []
    const body = mendedBody(slowBody(pieces, failure), {
      spare: () => (spare ? Body.of('original') : null),
      onCommit: () => void committed.push('once'),
      onEnd: (error, isSpared) => void ended.push([error, isSpared]),
    })
    t.equal(await textOf(body), expected)
    t.equal(committed.length, commits)
    t.strictSame(ended, ends)
  }
})
