import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { testContext, testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

const put = (text: string) => testRequest({ method: 'PUT', body: Body.of(text) })

const delayed = (delay: string) => `
  pipy({ _hasWaited: false }).pipeline()
  .replay({ delay: ${delay} }).to($ => $
    .branch(
      () => _hasWaited, $ => $.chain(),
      $ => $.replaceMessageStart(() => (_hasWaited = true, new StreamEnd('Replay')))
    )
  )`

test('a message is played again after the delay, body and all', async (t) => {
  for (const delay of ['2', "'2s'", '() => "2"']) {
    using b = bench(delayed(delay))
    let length: number | null | undefined
    const chain = b.http((request, cx) => {
      length = request.body?.length
      return echo(request, cx)
    })
    let isAnswered = false
    const asked = ask(chain, put('abc')).then((answer) => {
      isAnswered = true
      return answer
    })
    b.tools.clock.advance(1_999)
    await new Promise((resolve) => setTimeout(resolve, 1))
    t.notOk(isAnswered)
    b.tools.clock.advance(1)
    t.match(await asked, { text: 'PUT / abc' })
    t.equal(length, 3)
  }
})

test('an answer that asks for a replay is dropped, and the request sent again as it came', async (t) => {
  using b = bench(`
    pipy({ _tries: 0 }).pipeline()
    .replay().to($ => $
      .handleMessageStart(msg => { msg.head.path += 'x'; msg.head.headers['x-seen'] = String(++_tries) })
      .chain()
      .replaceMessage(msg => msg.head.status > 499 && _tries < 3 ? new StreamEnd('Replay') : msg)
    )`)
  const paths: string[] = []
  const dropped = handBody()
  const chain = b.http(async (request, cx) => {
    paths.push(request.path)
    const answer = await echo(request, cx)
    if (paths.length < 3) return { ...answer, status: 503 }
    return answer
  })
  const asked = ask(chain, put('abc'))
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    b.tools.clock.advance(0)
  }
  t.match(await asked, { text: 'PUT /x abc' })
  t.same(paths, ['/x', '/x', '/x'])
  t.equal(dropped.sink(), null)
})

test('replays end when an exchange has waited for as long as it may', async (t) => {
  using b = bench(
    `pipy().pipeline().replay({ delay: 10 }).to($ => $.replaceMessageStart(() => new StreamEnd('Replay')))`,
  )
  const asked = ask(b.http(echo), put('abc'))
  for (let turn = 0; turn < 4; turn++) b.tools.clock.advance(10_000)
  await t.rejects(asked, { code: 'PLUGIN_OVER_LIMIT', message: /30000 ms/ })
  t.equal(b.tools.clock.waiting, 0)
})

test('what a replay records is bounded', async (t) => {
  using b = bench(delayed('1'), { limits: { bufferKiB: 1 } })
  await t.rejects(ask(b.http(echo), put('a'.repeat(2_000))), {
    code: 'PLUGIN_OVER_LIMIT',
    message: /1024 bytes/,
  })
})

test('a client that leaves ends the delay', async (t) => {
  using b = bench(delayed('2'))
  const cx = testContext()
  const asked = ask(b.http(echo), put('abc'), cx)
  cx.abort(new ProxyError('CLIENT_GONE', 'the client left'))
  await t.rejects(asked, { code: 'CLIENT_GONE' })
  t.equal(b.tools.clock.waiting, 0)
})

test('a delay that is none fails the exchange', async (t) => {
  using b = bench(delayed('() => "soon"'))
  await t.rejects(ask(b.http(echo), put('abc')), { code: 'PLUGIN_THREW', message: /the delay of replay/ })
})
