import { test } from 'tap'
import { Body, type BodySink, type BodySource } from '../body.ts'
import { ProxyError } from '../failures.ts'
import { HeaderList } from '../headers.ts'
import type { HttpRequest } from '../http.ts'
import { replayable } from './replay.ts'
import { testRequest } from './testing.ts'

const lost = new ProxyError('UPSTREAM_RESET', 'the upstream is gone')

/** A body that the test feeds by hand; it keeps the promise to stop when told so. */
function handFed(length: number | null = null) {
  const source = {
    sink: null as BodySink | null,
    resumed: 0,
    cancelled: null as ProxyError | null,
    open(sink: BodySink) {
      source.sink = sink
    },
    resume() {
      source.resumed += 1
    },
    cancel(reason: ProxyError) {
      source.cancelled = reason
    },
    give: (text: string) => source.sink?.write(Buffer.from(text)),
  } satisfies BodySource & Record<string, unknown>
  return { source, body: new Body(source, length) }
}

/** A reader with room for `room` writes at a time. */
function reader(request: HttpRequest, room = Number.POSITIVE_INFINITY) {
  const read = {
    text: '',
    ended: false,
    trailers: null as HeaderList | null,
    failed: null as ProxyError | null,
    bufferSizes: new Set<number>(),
    room,
  }
  request.body?.open({
    write(bytes) {
      read.text += Buffer.from(bytes).toString()
      read.bufferSizes.add(bytes.buffer.byteLength)
      read.room -= 1
      return read.room > 0
    },
    end(trailers) {
      read.ended = true
      read.trailers = trailers
    },
    fail(error) {
      read.failed = error
    },
  })
  return read
}

test('a request without a body can always be repeated, each time with a head of its own', async (t) => {
  const replay = replayable(testRequest({ path: '/a' }), 0)
  const first = replay?.next()
  if (first) {
    first.path = '/changed'
    first.method = 'PUT'
    first.headers.set('host', 'changed')
  }
  t.ok(replay?.canRepeat())
  const second = replay?.next()
  t.match(second, { path: '/a', method: 'GET', body: null })
  t.equal(second?.headers.get('host'), 'shop.example')
  replay?.abandon(lost)
  replay?.release()
  t.notOk(replay?.canRepeat())
})

test('CONNECT, upgrades, long bodies and bodies that are being read are not repeatable', async (t) => {
  t.equal(replayable(testRequest({ method: 'CONNECT' }), 10), null)
  t.equal(replayable(testRequest({ upgrade: 'websocket' }), 10), null)
  t.equal(replayable(testRequest({ body: Body.of('12345678901') }), 10), null)
  t.ok(replayable(testRequest({ body: Body.of('1234567890') }), 10))
  const taken = Body.of('1')
  reader(testRequest({ body: taken }))
  t.equal(replayable(testRequest({ body: taken }), 10), null)
})

test('the first attempt gets the body as it arrives, and nothing is read before it asks', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body, expectsContinue: true }), 100)
  const request = replay?.next() as HttpRequest
  t.ok(request.expectsContinue)
  t.equal(source.sink, null, 'the client is not asked for the body before the upstream wants it')
  const read = reader(request)
  t.equal(source.give('one '), true)
  t.equal(read.text, 'one ')
  source.give('two')
  source.sink?.end(new HeaderList(['X-Sum', '7']))
  t.equal(read.text, 'one two')
  t.ok(read.ended)
  t.equal(read.trailers?.get('x-sum'), '7')
})

test('a repeat gets what is remembered, then the rest, and is not made to wait for 100 again', async (t) => {
  const { source, body } = handFed()
  const headers = new HeaderList(['Host', 'a', 'Expect', '100-continue'])
  const replay = replayable(testRequest({ body, headers, expectsContinue: true }), 100)
  const first = replay?.next() as HttpRequest
  t.ok(first.headers.has('expect'))
  reader(first)
  source.give('one ')
  first.body?.cancel(lost)
  t.equal(source.cancelled, null, 'a repeat is possible')
  t.equal(source.give('two '), false, 'nobody reads, so the source is stopped')
  t.ok(replay?.canRepeat())

  const second = replay?.next() as HttpRequest
  t.notOk(second.expectsContinue)
  t.notOk(second.headers.has('expect'))
  const read = reader(second)
  t.equal(read.text, 'one two ')
  t.equal(source.resumed, 1)
  source.give('three')
  source.sink?.end(null)
  t.equal(read.text, 'one two three')
  t.ok(read.ended)

  const third = reader(replay?.next() as HttpRequest)
  t.equal(third.text, 'one two three')
  t.ok(third.ended)
})

test('an attempt that is refused before it reads leaves the body unopened for the next', async (t) => {
  const { source, body } = handFed(3)
  const replay = replayable(testRequest({ body, expectsContinue: true }), 100)
  const first = replay?.next() as HttpRequest
  t.equal(first.body?.length, 3)
  first.body?.cancel(lost)
  t.equal(source.sink, null)
  const second = replay?.next() as HttpRequest
  t.ok(second.expectsContinue)
  const read = reader(second)
  source.give('abc')
  t.equal(read.text, 'abc')
})

test('past the limit the body flows on, cannot be repeated, and is forgotten', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 5)
  const first = replay?.next() as HttpRequest
  const read = reader(first)
  source.give('12345')
  t.ok(replay?.canRepeat())
  source.give('6')
  t.notOk(replay?.canRepeat())
  t.equal(read.text, '123456')
  first.body?.cancel(lost)
  t.equal(source.cancelled, lost, 'no repeat can follow')
})

test('back-pressure reaches the source while streaming and while repeating', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 100)
  const first = replay?.next() as HttpRequest
  const firstRead = reader(first, 2)
  t.equal(source.give('a'), true)
  t.equal(source.give('b'), false)
  firstRead.room = 2
  first.body?.resume()
  t.equal(source.resumed, 1)
  source.give('c')
  first.body?.cancel(lost)

  const second = replay?.next() as HttpRequest
  const read = reader(second, 1)
  t.equal(read.text, 'abc')
  t.equal(source.give('d'), false, 'what comes while it repeats waits its turn')
  read.room = 10
  second.body?.resume()
  t.equal(read.text, 'abcd')
  t.equal(source.resumed, 2, 'the rest may come once all that was remembered has gone')
  first.body?.resume()
  t.equal(read.text, 'abcd', 'the attempt before has no say any more')
})

test('many small pieces are remembered in one buffer within the bound, and repeated in few', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 60_000)
  reader(replay?.next() as HttpRequest)
  for (let i = 0; i < 60_000; i += 1) source.give(String(i % 10))
  source.sink?.end(null)
  const second = replay?.next() as HttpRequest
  const read = reader(second, 1)
  t.equal(read.text.length, 16_384, 'a sink that is full need not take all of it')
  for (let resumes = 0; resumes < 4; resumes += 1) second.body?.resume()
  t.ok(read.ended)
  t.equal(read.text, '0123456789'.repeat(6_000))
  t.same([...read.bufferSizes], [60_000])
})

test('what was promised before a wait stays true, though one more chunk comes meanwhile', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 5)
  reader(replay?.next() as HttpRequest)
  source.give('1234')
  replay?.abandon(lost)
  source.give('5678')
  t.ok(replay?.canRepeat())
  const second = replay?.next() as HttpRequest
  t.notOk(replay?.canRepeat(), 'there will be no third')
  const read = reader(second)
  t.equal(read.text, '12345678')
  source.give('9')
  source.sink?.end(null)
  t.equal(read.text, '123456789')
  t.ok(read.ended)
})

test('after release, cancelling reaches the original body; a cancel that came before is passed on', async (t) => {
  const early = handFed()
  const first = replayable(testRequest({ body: early.body }), 100)
  const attempt = first?.next() as HttpRequest
  reader(attempt)
  early.source.give('a')
  attempt.body?.cancel(lost)
  t.equal(early.source.cancelled, null)
  first?.release()
  t.equal(early.source.cancelled, lost)

  const late = handFed()
  const second = replayable(testRequest({ body: late.body }), 100)
  const lastAttempt = second?.next() as HttpRequest
  const read = reader(lastAttempt)
  late.source.give('a')
  second?.release()
  t.notOk(second?.canRepeat())
  late.source.give('b')
  t.equal(read.text, 'ab', 'the answer came early, and the body flows on')
  lastAttempt.body?.cancel(lost)
  t.equal(late.source.cancelled, lost)
})

test('a release in the middle of a repeat does not lose what is remembered', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 40_000)
  reader(replay?.next() as HttpRequest)
  const text = 'ab'.repeat(20_000)
  source.give(text)
  source.sink?.end(null)
  const second = replay?.next() as HttpRequest
  const read = reader(second, 1)
  replay?.release()
  t.notOk(read.ended)
  read.room = 10
  second.body?.resume()
  t.equal(read.text, text)
  t.ok(read.ended)
})

test('a body that its client breaks off fails the attempt, and every later one', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 100)
  const read = reader(replay?.next() as HttpRequest)
  const gone = new ProxyError('CLIENT_GONE', 'left')
  source.give('a')
  source.sink?.fail(gone)
  t.equal(read.failed, gone)
  t.notOk(replay?.canRepeat())
  t.equal(reader(replay?.next() as HttpRequest).failed, gone)
})

test('an attempt that gives up while it is written to is written to no more', async (t) => {
  const { source, body } = handFed()
  const replay = replayable(testRequest({ body }), 100)
  const first = replay?.next() as HttpRequest
  first.body?.open({
    write() {
      first.body?.cancel(lost)
      return true
    },
    end: () => t.fail('not ended'),
    fail: () => t.fail('not failed'),
  })
  t.equal(source.give('a'), false)
  source.sink?.end(null)
  const read = reader(replay?.next() as HttpRequest)
  t.equal(read.text, 'a')
  t.ok(read.ended)
})

test('a replay can be replayed itself, as two filters that repeat do', async (t) => {
  const outer = replayable(testRequest({ body: Body.of('body') }), 100)
  const inner = replayable(outer?.next() as HttpRequest, 100)
  const first = inner?.next() as HttpRequest
  reader(first)
  first.body?.cancel(lost)
  t.equal(reader(inner?.next() as HttpRequest).text, 'body')
  inner?.release()
  const again = reader(outer?.next() as HttpRequest)
  t.equal(again.text, 'body')
  t.ok(again.ended)
})
