import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import type { HttpFilter } from '../../../../chains/filter.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { localResponse } from '../../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

const adding =
  (letter: string): HttpFilter =>
  (request, cx, next) => {
    request.headers.set('x-seen', `${request.headers.get('x-seen') ?? ''}${letter}`)
    return next(request, cx)
  }
const http = { 'modules/a.js': adding('a'), 'modules/b.js': adding('b'), 'modules/end.js': echo }

test('modules are run by their names, in order, and nothing comes behind them', async (t) => {
  using b = bench(`pipy().pipeline().chain(['modules/a.js', '/modules/b.js', './modules/end.js'])`, { http })
  const chain = b.http(() => t.fail('the rest of the chain was asked') as never)
  t.match((await ask(chain, testRequest())).response.headers.get('x-seen'), 'ab')
  using open = bench(`pipy().pipeline().chain('modules/a.js')`, { http })
  await t.rejects(ask(open.http(echo), testRequest()), { code: 'NO_ROUTE' })
})

test('a module that is used goes on with the rest of the chain', async (t) => {
  using b = bench(
    `pipy().pipeline().use('modules/a.js').handleMessageStart(msg => { msg.head.headers['x-b'] = 'c' })`,
    { http },
  )
  const { response } = await ask(b.http(echo), testRequest())
  t.equal(response.headers.get('x-seen'), 'a')
  t.equal(response.headers.get('x-b'), 'c')
})

test('a failure of the chain is the end of the stream for a script, and itself for who asked', async (t) => {
  using b = bench(`
    pipy({ _end: '' }).pipeline().chain()
    .handleStreamEnd(end => { _end = end.error })
    .replaceStreamEnd(end => _end === 'ConnectionTimeout' ? new Message({ status: 504 }, _end) : end)
  `)
  const failing = (code: 'CONNECT_TIMEOUT' | 'NO_ROUTE', isThrown: boolean) =>
    b.http(() => {
      const error = new ProxyError(code, 'it failed')
      if (isThrown) throw error
      return Promise.reject(error)
    })
  t.match(await ask(failing('CONNECT_TIMEOUT', false), testRequest()), { text: 'ConnectionTimeout' })
  t.match(await ask(failing('CONNECT_TIMEOUT', true), testRequest()), { response: { status: 504 } })
  await t.rejects(ask(failing('NO_ROUTE', true), testRequest()), { code: /NO_ROUTE|ACCESS_DENIED/ })
})

test('a pipeline of nothing gives back what comes in', async (t) => {
  using b = bench(`pipy().pipeline()`)
  const { response, text } = await ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('abc') }))
  t.equal(response.status, 200)
  t.equal(text, 'abc')
})

test('trailers pass both ways, looked at or not', async (t) => {
  for (const filter of ['', '.handleData(() => {})']) {
    using b = bench(`pipy().pipeline()${filter}.chain()${filter}`)
    const upload = handBody()
    const cx = testContext()
    const answer = handBody()
    let got: readonly string[] | undefined
    const asked = b
      .http(async ({ body }) => {
        const trailers = await body?.pipeTo({ write: () => true, end: () => {} })
        got = trailers?.fields
        return localResponse(200, new HeaderList(), answer.body)
      })
      .run(testRequest({ method: 'PUT', body: upload.body }), cx)
    upload.sink()?.write(Buffer.from('x'))
    upload.sink()?.end(new HeaderList(['X-Up', '1']))
    const read = (await asked).body?.pipeTo({ write: () => true, end: () => {} })
    answer.sink()?.end(new HeaderList(['X-Down', '2']))
    t.same(got, ['X-Up', '1'])
    t.same((await read)?.fields, ['X-Down', '2'])
    cx.finish(testOutcome())
  }
})

test('an answer to HEAD keeps the length that it declares', async (t) => {
  using b = bench(`pipy().pipeline().chain().handleMessageEnd(() => {})`)
  const { response } = await ask(
    b.http(async () => ({ ...localResponse(200, new HeaderList(), null), declaredLength: 42 })),
    testRequest({ method: 'HEAD' }),
  )
  t.equal(response.declaredLength, 42)
  t.equal(response.body, null)
})

test('a request that waits for 100 Continue still does behind a script', async (t) => {
  using b = bench(`pipy().pipeline().handleData(() => {}).chain()`)
  await ask(
    b.http((request, cx) => {
      t.ok(request.expectsContinue)
      return echo(request, cx)
    }),
    testRequest({ method: 'PUT', body: Body.of('abc'), expectsContinue: true }),
  )
})
