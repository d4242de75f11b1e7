import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

const put = (text: string) => testRequest({ method: 'PUT', body: Body.of(text) })

test('each replacer puts in what the script gives: an event, several, a message, or nothing', async (t) => {
  const replaced = async (filters: string, text = 'abc') => {
    using b = bench(`pipy({ _n: 0 }).pipeline()${filters}.chain()`)
    return (await ask(b.http(echo), put(text))).text
  }
  t.equal(await replaced(`.replaceData(data => new Data('<' + data.toString() + '>'))`), 'PUT / <abc>')
  t.equal(await replaced(`.replaceData(data => [data, [new Data('+'), data]])`), 'PUT / abc+abc')
  t.equal(await replaced(`.replaceData()`), 'PUT / ')
  t.equal(await replaced(`.replaceData(new Data('!'))`), 'PUT / !')
  t.equal(await replaced(`.replaceMessageEnd(end => [new Data('.'), end])`), 'PUT / abc.')
  t.equal(await replaced(`.replaceMessageBody(body => new Data(body.toString().toUpperCase()))`), 'PUT / ABC')
  t.equal(
    await replaced(`.replaceMessageBody(async body => new Data('later ' + body.size))`),
    'PUT / later 3',
  )
  t.equal(
    await replaced(`.replaceMessage(msg => new Message({ method: 'POST', path: '/n' }, msg.body))`),
    'POST /n abc',
  )
  t.equal(await replaced(`.replaceMessage(async msg => msg)`), 'PUT / abc')
  t.equal(await replaced(`.replaceMessageStart(start => (start.head.path = '/p', start))`), 'PUT /p abc')
  t.equal(await replaced(`.replace(evt => evt instanceof Data ? new Data('x') : evt)`), 'PUT / x')
  t.equal(await replaced(`.replaceStreamStart(start => [start, new Data('first ')])`), 'PUT / first abc')
})

test('a start in place of another keeps what is known of the body behind it', async (t) => {
  using b = bench(`pipy().pipeline().replaceMessageStart(start => start).chain()`)
  let length: number | null | undefined
  const chain = b.http((request, cx) => {
    length = request.body?.length
    return echo(request, cx)
  })
  await ask(chain, put('abc'))
  t.equal(length, 3)
})

test('an answer is replaced behind the chain', async (t) => {
  using b = bench(`
    pipy().pipeline().chain()
    .replaceMessage(msg => new Message({ status: msg.head.status + 4, headers: msg.head.headers }, 'was: ' + msg.body.toString()))
  `)
  const { response, text } = await ask(b.http(echo), put('abc'))
  t.equal(response.status, 204 + 0)
  t.equal(response.headers.get('server'), 'echo')
  t.equal(text, 'was: PUT / abc')
  t.equal(response.body?.length, text.length)
})

test('a constant answer does not wait for the body to be kept', async (t) => {
  using b = bench(`pipy().pipeline().replaceMessage(new Message({ status: 403 }, 'no'))`, {
    limits: { bufferKiB: 1 },
  })
  const { response, text } = await ask(b.http(echo), put('a'.repeat(100_000)))
  t.equal(response.status, 403)
  t.equal(text, 'no')
})

test('what is no event fails the exchange', async (t) => {
  using b = bench(`pipy().pipeline().replaceMessage(() => 'text')`)
  await t.rejects(ask(b.http(echo), put('x')), {
    code: 'PLUGIN_THREW',
    message: /the string "text", where an event/,
  })
})

test('only the first of two answers counts, and an end of the stream behind it changes nothing', async (t) => {
  using b = bench(`
    pipy().pipeline()
    .replaceMessage(() => [new Message({ status: 200 }, 'one'), new Message({ status: 500 }, 'two'), new StreamEnd('ReadError')])
  `)
  const { response, text } = await ask(b.http(echo), put('x'))
  t.equal(response.status, 200)
  t.equal(text, 'one')
})

test('an end of the stream without an answer fails the exchange, but not as a failure of the plugin', async (t) => {
  const fails = async (end: string, code: string) => {
    using b = bench(`pipy().pipeline().replaceMessage(() => ${end})`)
    await t.rejects(ask(b.http(echo), put('x')), { code })
  }
  await fails('new StreamEnd', 'ACCESS_DENIED')
  await fails("new StreamEnd('ConnectionReset')", 'ACCESS_DENIED')
  await fails("new StreamEnd('ConnectionRefused')", 'CONNECT_REFUSED')
  await fails("new StreamEnd('my own words')", 'ACCESS_DENIED')
})

test('a status or a path that cannot be sent is the failure of the script', async (t) => {
  using status = bench(`pipy().pipeline().replaceMessage(() => new Message({ status: 99 }))`)
  await t.rejects(ask(status.http(echo), put('x')), { code: 'PLUGIN_THREW', message: /99 is no status/ })
  using path = bench(`pipy().pipeline().handleMessageStart(msg => { msg.head.path = '/a b' }).chain()`)
  await t.rejects(ask(path.http(echo), put('x')), {
    code: 'PLUGIN_THREW',
    message: /cannot be sent as path/,
  })
})

test('an answer that begins before its end is known streams, and can break off', async (t) => {
  using b = bench(`
    pipy().pipeline().chain()
    .replaceData(data => data.toString() === 'bad' ? new StreamEnd('ReadError') : data)
  `)
  const answer = handBody()
  const cx = testContext()
  const response = await b
    .http(async (request, context) => ({ ...(await echo(request, context)), body: answer.body }))
    .run(testRequest(), cx)
  const read = (response.body as Body).buffer(100)
  answer.sink()?.write(Buffer.from('good'))
  answer.sink()?.write(Buffer.from('bad'))
  await t.rejects(read, { code: 'UPSTREAM_RESET' })
  cx.finish(testOutcome())
  t.ok(answer.cancelled())
})

test('what throws in the middle of an answer breaks it off, and lets go of the upstream', async (t) => {
  using b = bench(`pipy().pipeline().chain().handleData(() => { throw new Error('bad data') })`)
  const answer = handBody()
  const cx = testContext()
  const response = await b
    .http(async (request, context) => ({ ...(await echo(request, context)), body: answer.body }))
    .run(testRequest(), cx)
  const read = (response.body as Body).buffer(100)
  answer.sink()?.write(Buffer.from('x'))
  await t.rejects(read, { code: 'PLUGIN_THREW' })
  t.ok(answer.cancelled())
  cx.finish(testOutcome())
})
