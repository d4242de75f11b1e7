import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

const seen = (headers: string) => testRequest({ headers: new HeaderList(['Host', 'a', 'x-seen', headers]) })

test('each handler sees its events, in order, and they pass', async (t) => {
  using b = bench(`
    pipy({ _log: '' })
    .pipeline()
    .handleStreamStart(evt => void (_log += evt instanceof MessageStart ? 'first ' : 'other '))
    .handleMessageStart(evt => void (_log += 'start:' + evt.head.method + ' '))
    .handleData((data, n) => void (_log += 'data' + n + ':' + data.toString() + ' '))
    .handleMessageEnd(evt => void (_log += evt instanceof MessageEnd ? 'end ' : 'wrong '))
    .handle(evt => void (_log += evt instanceof Data ? 'D' : evt instanceof MessageStart ? 'S' : 'E'))
    .chain()
    .handleMessageStart(evt => { evt.head.headers['x-log'] = _log })
  `)
  const chain = b.http(echo)
  const asked = await ask(chain, testRequest({ method: 'PUT', body: Body.of('abc') }))
  t.equal(asked.text, 'PUT / abc')
  t.equal(asked.response.headers.get('x-log'), 'first start:PUT Sdata0:abc Dend E')
  t.match((await ask(chain, testRequest())).response.headers.get('x-log'), /^first start:GET Send E$/)
})

test('a message whose data is looked at keeps its length', async (t) => {
  using b = bench(`pipy().pipeline().handleData(() => {}).chain().handleMessageEnd(() => {})`)
  let length: number | null | undefined
  const chain = b.http((request, cx) => {
    length = request.body?.length
    return echo(request, cx)
  })
  const { response, text } = await ask(chain, testRequest({ method: 'PUT', body: Body.of('abc') }))
  t.equal(length, 3)
  t.equal(response.body?.length, text.length)
})

test('a request without a body has none, even if its events are looked at', async (t) => {
  using b = bench(`pipy().pipeline().handleMessageEnd(() => {}).chain()`)
  await ask(
    b.http((request, cx) => {
      t.equal(request.body, null)
      return echo(request, cx)
    }),
    testRequest(),
  )
})

test('a promise holds the message until it settles', async (t) => {
  using b = bench(`
    pipy({ _done: false })
    .pipeline()
    .handleMessageStart(msg => Promise.resolve().then(() => { msg.head.headers['x-seen'] = 'late' }))
    .chain()
    .handleMessageStart(() => Promise.resolve())
    .handleMessageEnd(() => Promise.resolve())
  `)
  const { response, text } = await ask(b.http(echo), testRequest({ method: 'POST', body: Body.of('x') }))
  t.equal(response.headers.get('x-seen'), 'late')
  t.equal(text, 'POST / x')
})

test('a promise that is rejected fails the exchange', async (t) => {
  using b = bench(`pipy().pipeline().handleMessageStart(() => Promise.reject(new Error('no'))).chain()`)
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'PLUGIN_THREW', message: /no/ })
})

test('a promise that never settles fails the exchange when its time is over', async (t) => {
  using b = bench(`pipy().pipeline().handleMessageStart(() => new Promise(() => {})).chain()`, {
    limits: { pauseMs: 500 },
  })
  const asked = ask(b.http(echo), testRequest())
  b.tools.clock.advance(499)
  b.tools.clock.advance(1)
  await t.rejects(asked, { code: 'PLUGIN_OVER_LIMIT', message: /over 500 ms/ })
  t.same(b.failures, ['pause'])
  t.equal(b.tools.clock.waiting, 0)
})

test('a promise that is waited for ends with its exchange', async (t) => {
  using b = bench(`
    pipy().pipeline().handleMessageStart(() => new Promise(() => {})).chain()
  `)
  const cx = testContext()
  const asked = ask(b.http(echo), testRequest(), cx)
  cx.abort(new ProxyError('CLIENT_GONE', 'the client left'))
  await t.rejects(asked, { code: 'CLIENT_GONE' })
  t.equal(b.tools.clock.waiting, 0)
})

test('a handler of whole messages sees the body, and still edits the head that is sent', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .handleMessage(msg => { msg.head.headers['x-seen'] = msg.head.method + ' ' + msg.body.toString() })
    .chain()
  `)
  const { response, text } = await ask(b.http(echo), testRequest({ method: 'POST', body: Body.of('abc') }))
  t.equal(text, 'POST / abc')
  t.equal(response.headers.get('x-seen'), 'POST abc')
  t.equal((await ask(b.http(echo), testRequest())).response.headers.get('x-seen'), 'GET ')
})

test('a handler of whole answers lets data go on as it comes', async (t) => {
  using b = bench(`
    pipy({ _size: -1 }).pipeline().chain().handleMessageBody(body => { _size = body.size })
    .handleMessageEnd(() => { if (_size !== 5) throw new Error('size ' + _size) })
  `)
  const answer = handBody()
  const cx = testContext()
  const response = await b
    .http(async (request, context) => ({ ...(await echo(request, context)), body: answer.body }))
    .run(testRequest(), cx)
  const got: string[] = []
  let hasEnded = false
  response.body?.open({
    write: (bytes) => got.push(Buffer.from(bytes).toString()) > 0,
    end: () => {
      hasEnded = true
    },
    fail: (error) => t.error(error),
  })
  answer.sink()?.write(Buffer.from('abc'))
  t.same(got, ['abc'])
  answer.sink()?.write(Buffer.from('de'))
  answer.sink()?.end(null)
  t.ok(hasEnded)
  cx.finish(testOutcome())
})

test('what a handler holds of a message is bounded by the policy, and by its own limit', async (t) => {
  using b = bench(
    `pipy().pipeline()
     .handleMessage(msg => { msg.head.headers['x-seen'] = String(msg.body.size) }, { bufferLimit: '1k' })
     .chain()`,
    { limits: { bufferKiB: 2 } },
  )
  const small = await ask(
    b.http(echo),
    testRequest({ method: 'PUT', body: Body.of(Buffer.alloc(2_000, 'a')) }),
  )
  t.equal(small.response.headers.get('x-seen'), '1024')
  const large = ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of(Buffer.alloc(3_000, 'a')) }))
  await t.rejects(large, { code: 'PLUGIN_OVER_LIMIT', message: /2048 bytes/ })
  t.same(b.failures, ['limit'])
})

test('a broken body is the end of the stream for a script, and the failure itself for the chain', async (t) => {
  using b = bench(`
    pipy({ _end: '' }).pipeline()
    .handleStreamEnd(end => { _end = end.error })
    .chain()
    .handleStreamEnd(end => { if (end.error !== 'ReadError') throw new Error(end.error) })
  `)
  const answer = handBody(10)
  const cx = testContext()
  const response = await b
    .http(async (request, context) => ({ ...(await echo(request, context)), body: answer.body }))
    .run(seen('x'), cx)
  const read = (response.body as Body).buffer(100)
  answer.sink()?.write(Buffer.from('abc'))
  answer.sink()?.fail(new ProxyError('UPSTREAM_TRUNCATED', 'cut off'))
  await t.rejects(read, { code: 'UPSTREAM_TRUNCATED' })
  cx.finish(testOutcome())
})
