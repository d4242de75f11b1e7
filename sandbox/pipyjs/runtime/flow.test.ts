import { test } from 'tap'
import type { Body, BodySink } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { localResponse } from '../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from './testing/bench.ts'

/** Stages that see data, and pass it on as it comes. */
const watching = [
  'handleData(() => {})',
  'replaceData(data => data)',
  'handleMessageEnd(() => {})',
  'replaceMessageStart(start => start)',
  'print()',
  'dump()',
  'branch(() => true, $ => $.handleData(() => {}))',
  'link("inner")',
  'fork().to($ => $.dummy())',
]
const inner = '.pipeline("inner").handleData(() => {})'

/** A reader that takes so much, and then says that it is full. */
function slowReader(room: number) {
  const state = { bytes: 0, hasEnded: false, room }
  const sink: BodySink = {
    write: (bytes) => {
      state.bytes += bytes.length
      return state.bytes < state.room
    },
    end: () => {
      state.hasEnded = true
    },
    fail: () => {},
  }
  return { state, sink }
}

/** Gives pieces for as long as they are taken, as a source does that is faster than its reader. */
function pour(sink: BodySink | null, pieces: number): number {
  const piece = Buffer.alloc(1_000)
  for (let poured = 1; poured <= pieces; poured++) if (!sink?.write(piece)) return poured
  return pieces
}

test('a slow upstream holds up a fast client, whatever stands between', async (t) => {
  for (const stage of watching) {
    using b = bench(`pipy().pipeline().${stage}.chain()${inner}`)
    const upload = handBody(100_000)
    const { state, sink } = slowReader(5_000)
    let sent: Body | null = null
    const cx = testContext()
    const answer = b
      .http((request) => {
        sent = request.body
        request.body?.open(sink)
        return new Promise(() => {})
      })
      .run(testRequest({ method: 'PUT', body: upload.body }), cx)
    t.ok(pour(upload.sink(), 100) <= 6, `${stage}: the client is stopped`)
    t.ok(state.bytes <= 6_000, `${stage}: ${state.bytes} bytes`)
    const resumes = upload.resumes()
    state.room = 200_000
    ;(sent as Body | null)?.resume()
    t.equal(upload.resumes(), resumes + 1, `${stage}: and goes on`)
    upload.sink()?.end(null)
    t.ok(state.hasEnded, stage)
    const gone = new ProxyError('CLIENT_GONE', 'the client left')
    cx.abort(gone)
    cx.finish(testOutcome({ error: gone }))
    await t.rejects(answer, { code: 'CLIENT_GONE' })
  }
})

test('a slow client holds up a fast upstream, whatever stands between', async (t) => {
  for (const stage of watching.filter((name) => !name.startsWith('fork'))) {
    using b = bench(`pipy().pipeline().chain().${stage}${inner}`)
    const answer = handBody()
    const cx = testContext()
    const response = await b
      .http(async () => localResponse(200, new HeaderList(), answer.body))
      .run(testRequest(), cx)
    const { state, sink } = slowReader(5_000)
    t.equal(pour(answer.sink(), 100), answer.sink() ? 1 : 100, `${stage}: nothing flows before it is read`)
    response.body?.open(sink)
    t.ok(pour(answer.sink(), 100) <= 6, `${stage}: the upstream is stopped`)
    t.ok(state.bytes <= 7_000, `${stage}: ${state.bytes} bytes`)
    const resumes = answer.resumes()
    state.room = 200_000
    response.body?.resume()
    t.equal(answer.resumes(), resumes + 1, `${stage}: and goes on`)
    answer.sink()?.end(null)
    t.ok(state.hasEnded, stage)
    cx.finish(testOutcome())
  }
})

test('a client that leaves ends the exchange at every stage, and nothing is left', async (t) => {
  const stages = [
    ...watching,
    'handleMessage(() => {})',
    'handleMessageStart(() => new Promise(() => {}))',
    'handleMessageEnd(() => new Promise(() => {}))',
    'replaceMessage(msg => msg)',
    'wait(() => false)',
    'replay().to($ => $)',
    'forkJoin([1]).to($ => $.wait(() => false))',
    'pack(5)',
    'handleStreamEnd(() => {})',
  ]
  for (const stage of stages) {
    using b = bench(`pipy().pipeline().${stage}.chain()${inner}`)
    const upload = handBody(100_000)
    const cx = testContext()
    const asked = b
      .http((request, { signal }) => {
        request.body?.open({ write: () => true, end: () => {}, fail: () => {} })
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      })
      .run(testRequest({ method: 'PUT', body: upload.body }), cx)
    pour(upload.sink(), 3)
    const gone = new ProxyError('CLIENT_GONE', 'the client left')
    upload.sink()?.fail(gone)
    cx.abort(gone)
    cx.finish(testOutcome({ error: gone }))
    await t.rejects(asked, { code: /CLIENT_GONE|ACCESS_DENIED/ }, stage)
    t.equal(b.plugin.usage().exchanges, 0, stage)
    t.equal(b.tools.clock.waiting, 0, stage)
    t.same(b.failures, [], stage)
  }
})

test('a client that leaves in the middle of its answer ends the exchange', async (t) => {
  for (const stage of [
    'handleData(() => {})',
    'handleMessageEnd(() => new Promise(() => {}))',
    'replaceMessageBody(b => b)',
  ]) {
    using b = bench(`pipy().pipeline().chain().${stage}`)
    const answer = handBody()
    const cx = testContext()
    const response = await b
      .http(async () => localResponse(200, new HeaderList(), answer.body))
      .run(testRequest(), cx)
    response.body?.open({ write: () => true, end: () => {}, fail: () => {} })
    pour(answer.sink(), 2)
    const gone = new ProxyError('CLIENT_GONE', 'the client left')
    response.body?.cancel(gone)
    cx.abort(gone)
    cx.finish(testOutcome({ error: gone }))
    t.ok(answer.cancelled(), stage)
    t.equal(b.tools.clock.waiting, 0, stage)
  }
})

test('an answer that nobody waits for any more is let go of', async (t) => {
  using b = bench(`pipy().pipeline().chain()`)
  const answer = handBody()
  let give: (body: Body) => void = () => {}
  const cx = testContext()
  const asked = b
    .http(async () =>
      localResponse(200, new HeaderList(), await new Promise<Body>((resolve) => (give = resolve))),
    )
    .run(testRequest(), cx)
  const gone = new ProxyError('CLIENT_GONE', 'the client left')
  cx.abort(gone)
  cx.finish(testOutcome({ error: gone }))
  await t.rejects(asked, { code: 'CLIENT_GONE' })
  give(answer.body)
  await new Promise((resolve) => setImmediate(resolve))
  t.ok(answer.cancelled())
})

test('an answer that comes before the whole request stops nothing, and the rest of the request is dropped', async (t) => {
  using b = bench(`
    pipy().pipeline().handleData(() => {})
    .replaceMessageStart(start => [new Message({ status: 413 }, 'too much'), start])`)
  const upload = handBody()
  const cx = testContext()
  const response = await b.http(echo).run(testRequest({ method: 'PUT', body: upload.body }), cx)
  t.equal(response.status, 413)
  t.ok(upload.sink()?.write(Buffer.from('x')))
  cx.finish(testOutcome({ status: 413 }))
  t.ok(upload.cancelled())
})

test('a failure while an answer is held lets go of its body', async (t) => {
  using b = bench(`pipy().pipeline().chain().handleMessageStart(() => Promise.reject(new Error('no')))`)
  const answer = handBody()
  const asked = ask(
    b.http(async () => localResponse(200, new HeaderList(), answer.body)),
    testRequest(),
  )
  await t.rejects(asked, { code: 'PLUGIN_THREW' })
  t.ok(answer.cancelled())
})

test('what a callback sends is given on no faster than it is taken, and a promise keeps the order', async (t) => {
  using b = bench(`
    pipy({ _n: 0 }).pipeline().chain()
    .replaceData(data => _n++ % 2 ? data : Promise.resolve(data))`)
  const answer = handBody()
  const cx = testContext()
  const response = await b
    .http(async () => localResponse(200, new HeaderList(), answer.body))
    .run(testRequest(), cx)
  const read = (response.body as Body).buffer(1_000)
  for (const letter of 'abcdef') answer.sink()?.write(Buffer.from(letter))
  answer.sink()?.end(null)
  t.equal((await read).toString(), 'abcdef')
  cx.finish(testOutcome())
})
