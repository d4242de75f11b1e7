import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import type { Context } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { type HttpRequest, localResponse } from '../../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

const put = (text: string) => testRequest({ method: 'PUT', path: '/p', body: Body.of(text) })
const turn = () => new Promise((resolve) => setTimeout(resolve, 2))

/** A module that notes what it was asked. */
function listening() {
  const asked: string[] = []
  const contexts: Context[] = []
  const filter = async ({ method, path, headers, body }: HttpRequest, cx: Context) => {
    contexts.push(cx)
    const text = body ? (await body.buffer(1_000)).toString() : ''
    asked.push(`${method} ${path} ${headers.get('host')} ${text}`)
    return localResponse(204, new HeaderList(), null)
  }
  return { asked, contexts, http: { 'modules/copy.js': filter } }
}

test('a fork gets a copy of everything, and its edits are its own', async (t) => {
  const { asked, contexts, http } = listening()
  using b = bench(
    `pipy({ _who: 'main' }).pipeline()
     .fork([1]).to('copy')
     .chain()
     .handleMessageStart(msg => { msg.head.headers['x-who'] = _who })
     .pipeline('copy')
     .onStart((element, index) => void (_who = 'fork ' + element + index))
     .handleMessageStart(msg => { msg.head.headers.host = _who; msg.head.path = '/copy' })
     .chain(['modules/copy.js'])
     .dummy()`,
    { http },
  )
  const cx = testContext()
  const { response, text } = await ask(b.http(echo), put('abc'), cx)
  await turn()
  t.equal(text, 'PUT /p abc')
  t.equal(response.headers.get('x-who'), 'main')
  t.same(asked, ['PUT /copy fork 10 abc'])
  t.not(contexts[0], cx)
  t.not(contexts[0]?.vars, cx.vars)
})

test('a fork without a list works in the same context, and begins once', async (t) => {
  const { contexts, http } = listening()
  using b = bench(
    `pipy({ _n: 0 }).pipeline()
     .fork().to($ => $.onStart(() => void _n++).chain(['modules/copy.js']))
     .chain()
     .handleMessageStart(msg => { msg.head.headers['x-n'] = String(_n) })`,
    { http },
  )
  const cx = testContext()
  const { response } = await ask(b.http(echo), testRequest(), cx)
  t.equal(response.headers.get('x-n'), '1')
  t.equal(contexts[0]?.vars, cx.vars)
})

test('an array gives as many forks, and an empty one gives none', async (t) => {
  const { asked, http } = listening()
  using b = bench(
    `pipy({ _all: null, _host: '' }).pipeline()
     .handleMessageStart(msg => { _all = msg.head.path === '/none' ? [] : [{ host: 'a' }, { host: 'b' }] })
     .fork(() => _all).to($ => $
       .onStart((one, n) => void (_host = one.host + n))
       .handleMessageStart(msg => { msg.head.headers.host = _host })
       .chain(['modules/copy.js']))
     .chain()`,
    { http },
  )
  t.match(await ask(b.http(echo), testRequest({ path: '/x' })), { text: 'GET /x ' })
  t.match(await ask(b.http(echo), testRequest({ path: '/none' })), { text: 'GET /none ' })
  t.same(asked, ['GET /x a0 ', 'GET /x b1 '])
  using many = bench(`pipy().pipeline().fork(() => Array(1000)).to($ => $.dummy()).chain()`)
  await t.rejects(ask(many.http(echo), testRequest()), {
    code: 'PLUGIN_OVER_LIMIT',
    message: /1000 branches/,
  })
})

test('a fork that fails does nothing to the exchange', async (t) => {
  const http = {
    'modules/copy.js': () => Promise.reject(new ProxyError('CONNECT_REFUSED', 'nobody there')),
  }
  using b = bench(
    `pipy().pipeline()
     .fork().to($ => $.handleMessageStart(() => { throw new Error('in the fork') }))
     .fork().to($ => $.chain(['modules/copy.js']))
     .chain()`,
    { http },
  )
  t.match(await ask(b.http(echo), put('abc')), { text: 'PUT /p abc' })
})

test('a fork that has all of its input may outlive the exchange, for as long as one may pause', async (t) => {
  let cxOfFork: Context | null = null
  const answers: ((body: Body) => void)[] = []
  const http = {
    'modules/copy.js': async (request: HttpRequest, cx: Context) => {
      cxOfFork = cx
      await request.body?.buffer(100)
      const body = await new Promise<Body>((resolve) => answers.push(resolve))
      return localResponse(200, new HeaderList(), body)
    },
  }
  using b = bench(`pipy().pipeline().fork([1]).to($ => $.chain(['modules/copy.js']).dummy()).chain()`, {
    http,
  })
  let ended = 0
  await ask(b.http(echo), put('abc'))
  ;(cxOfFork as unknown as Context).onEnd(() => {
    ended += 1
  })
  t.equal(b.plugin.usage().exchanges, 1)
  t.equal(ended, 0)
  const late = handBody()
  answers[0]?.(late.body)
  await turn()
  late.sink()?.end(null)
  t.equal(ended, 1)
  t.equal(b.plugin.usage().exchanges, 0)
  t.equal(b.tools.clock.waiting, 0)

  await ask(b.http(echo), put('abc'))
  t.equal(b.plugin.usage().exchanges, 1)
  b.tools.clock.advance(30_000)
  t.equal(b.plugin.usage().exchanges, 0)
})

test('a client that leaves takes the forks with it', async (t) => {
  let reason: ProxyError | null = null
  const http = {
    'modules/copy.js': (_request: HttpRequest, cx: Context) => {
      cx.onAbort((why) => {
        reason = why
      })
      return new Promise<never>(() => {})
    },
  }
  using b = bench(`pipy().pipeline().fork([1]).to($ => $.chain(['modules/copy.js'])).chain()`, { http })
  const cx = testContext()
  const asked = b.http(() => new Promise(() => {})).run(put('abc'), cx)
  const gone = new ProxyError('CLIENT_GONE', 'the client left')
  cx.abort(gone)
  cx.finish(testOutcome({ error: gone }))
  t.equal(reason, gone)
  t.equal(b.plugin.usage().exchanges, 0)
  await t.rejects(asked, { code: 'CLIENT_GONE' })
})

test('a fork that is too slow is given up, and does not hold up the exchange', async (t) => {
  const http = {
    'modules/copy.js': ({ body }: HttpRequest) => {
      body?.open({ write: () => false, end: () => {}, fail: () => {} })
      return new Promise<never>(() => {})
    },
  }
  using b = bench(`pipy().pipeline().fork().to($ => $.chain(['modules/copy.js'])).chain()`, {
    http,
    limits: { bufferKiB: 64 },
  })
  const upload = handBody()
  let received = 0
  const cx = testContext()
  const answer = b
    .http(async ({ body }) => {
      await body?.pipeTo({
        write: (bytes) => {
          received += bytes.length
          return true
        },
        end: () => {},
      })
      return localResponse(204, new HeaderList(), null)
    })
    .run(testRequest({ method: 'PUT', body: upload.body }), cx)
  const piece = Buffer.alloc(16_384)
  for (let n = 0; n < 10; n++) t.ok(upload.sink()?.write(piece), 'the client is not held up')
  upload.sink()?.end(null)
  t.equal((await answer).status, 204)
  t.equal(received, 163_840)
  t.same(b.failures, ['limit'])
  cx.finish(testOutcome())
})

test('while the exchange waits, its forks get no more than may be held for it', async (t) => {
  let forked = 0
  const http = {
    'modules/copy.js': ({ body }: HttpRequest) => {
      body?.open({
        write: (bytes) => {
          forked += bytes.length
          return true
        },
        end: () => {},
        fail: () => {},
      })
      return new Promise<never>(() => {})
    },
  }
  using b = bench(
    `pipy().pipeline().fork().to($ => $.chain(['modules/copy.js'])).wait(() => false).chain()`,
    { http, limits: { bufferKiB: 64 } },
  )
  const upload = handBody()
  const cx = testContext()
  const answer = b.http(echo).run(testRequest({ method: 'PUT', body: upload.body }), cx)
  const piece = () => Buffer.alloc(16_384)
  const taken = [1, 2, 3].map(() => upload.sink()?.write(piece()))
  t.same(taken, [true, true, false])
  t.equal(forked, 49_152)
  const gone = new ProxyError('CLIENT_GONE', 'the client left')
  cx.abort(gone)
  cx.finish(testOutcome({ error: gone }))
  await t.rejects(answer, { code: 'CLIENT_GONE' })
  t.ok(upload.cancelled())
})
