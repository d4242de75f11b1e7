import { test } from 'tap'
import { Body } from '../../chains/body.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, Next } from '../../chains/filter.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../chains/http.ts'
import type { PluginPolicy } from '../../chains/plugins.ts'
import { type RecordingTools, recordingTools, testContext, testRequest } from '../../chains/policy/testing.ts'
import { failuresUntilReplaced, holdBack } from './health.ts'
import { httpPolicy, type LoadedPlugin } from './policy.ts'
import { failureOf, loaded, nextTurn, slowBody, testSpec, textOf } from './testing/kit.ts'

/** A plugin with that policy whose newest version behaves as `http` does. */
function plugin(
  http: HttpFilter,
  policy: Partial<PluginPolicy>,
  tools: RecordingTools = recordingTools(),
): LoadedPlugin {
  const before = testSpec('p', {}, { version: '0' })
  const spec = testSpec('p', policy, { previous: before })
  const previous: HttpFilter = async (request, cx, next) => {
    request.headers.set('X-Version', '0')
    const response = await next(request, cx)
    response.headers.set('X-Answered', '0')
    return response
  }
  return { newest: loaded(spec, { http }, tools), previous: loaded(before, { http: previous }, tools) }
}

const spec = testSpec('p')

/** An upstream that says what it got, in a body that comes in pieces. */
const upstream: Next<HttpRequest, HttpResponse> = async ({ method, path, headers, body }) => {
  const version = headers.get('x-version') ?? '-'
  return localResponse(
    200,
    new HeaderList(['X-Up', '1']),
    slowBody([`${method} ${path} ${version} `, await textOf(body)]),
  )
}

/** Sends a request with a body through a plugin. */
async function send(
  { newest, previous }: LoadedPlugin,
  next = upstream,
  request: HttpRequest = testRequest({ method: 'POST', body: slowBody(['ab', 'cd']) }),
): Promise<{ readonly status: number; readonly headers: HeaderList | null; readonly text: string }> {
  const filter = httpPolicy({ newest, previous }, 'inbound-http', null)
  try {
    const response = await filter?.(request, testContext(), next)
    return {
      status: response?.status ?? 0,
      headers: response?.headers ?? null,
      text: await textOf(response?.body),
    }
  } catch (thrown) {
    return { status: 0, headers: null, text: (thrown as ProxyError).code }
  }
}

const throwsEarly: HttpFilter = async (request, cx) => {
  request.path = '/spoilt'
  request.headers.set('X-Version', 'spoilt')
  cx.vars.target = 'spoilt:1'
  request.body?.open({ write: () => true, end: () => {}, fail: () => {} })
  await nextTurn()
  throw failureOf(spec)
}

const throwsLate: HttpFilter = async (request, cx, next) => {
  const response = await next(request, cx)
  response.status = 500
  response.headers.set('X-Up', 'spoilt')
  throw failureOf(spec)
}

test('with onError: close a failure of the plugin is the failure of the exchange', async (t) => {
  const tools = recordingTools()
  for (const http of [throwsEarly, throwsLate]) {
    t.equal((await send(plugin(http, { onError: 'close' }, tools))).text, 'PLUGIN_THREW')
  }
  const labels = '{plugin="p",version="1",chain="inbound-http",outcome="closed"}'
  t.equal(tools.recorded.get(`pillion_plugin_exchanges_failed_total${labels}`), 2)
})

test('with onError: open a request goes on as it came when the plugin failed before it sent it', async (t) => {
  const { text, headers } = await send(plugin(throwsEarly, { onError: 'open' }))
  t.equal(text, 'POST / - abcd')
  t.equal(headers?.get('x-up'), '1')
  const cx = testContext()
  const filter = httpPolicy(plugin(throwsEarly, { onError: 'open' }), 'inbound-http', null)
  await filter?.(testRequest(), cx, upstream)
  t.equal(cx.vars.target, null, 'what it wrote into the variables is undone')
})

test('with onError: open the answer goes on as it came when the plugin failed after it', async (t) => {
  const { status, text, headers } = await send(plugin(throwsLate, { onError: 'open' }))
  t.strictSame([status, text, headers?.get('x-up')], [200, 'POST / - abcd', '1'])
  const reads: HttpFilter = async (request, cx, next) => {
    const response = await next(request, cx)
    response.body?.open({ write: () => true, end: () => {}, fail: () => {} })
    await nextTurn()
    await nextTurn()
    throw failureOf(spec)
  }
  t.equal((await send(plugin(reads, { onError: 'open' }))).text, 'POST / - abcd', 'though it has read of it')
})

test('a plugin that fails while the upstream works does not end the exchange', async (t) => {
  const fails: HttpFilter = async (request, cx, next) => {
    void next(request, cx)
    throw failureOf(spec)
  }
  const slow: Next<HttpRequest, HttpResponse> = async (request, cx) => {
    await nextTurn()
    return upstream(request, cx)
  }
  t.equal((await send(plugin(fails, { onError: 'open' }), slow)).text, 'POST / - abcd')
  const refuses = async () => {
    await nextTurn()
    throw new ProxyError('CONNECT_REFUSED', 'nobody is there')
  }
  t.equal((await send(plugin(fails, { onError: 'open' }), refuses)).text, 'CONNECT_REFUSED')
})

test('with onError: previous the version before does what the newest should have done', async (t) => {
  const { text, headers } = await send(plugin(throwsEarly, { onError: 'previous' }))
  t.equal(text, 'POST / 0 abcd')
  t.equal(headers?.get('x-answered'), '0')
  const late = await send(plugin(throwsLate, { onError: 'previous' }))
  t.equal(late.text, 'POST / - abcd', 'after the request was sent, the answer is as it came')
})

test('what happens behind the plugin is not its failure', async (t) => {
  const other = testSpec('q')
  for (const onError of ['close', 'open', 'previous'] as const) {
    const tools = recordingTools()
    const passes: HttpFilter = (request, cx, next) => next(request, cx)
    for (const failure of [failureOf(other), new ProxyError('UPSTREAM_RESET', 'gone')]) {
      const { text } = await send(plugin(passes, { onError }, tools), () => Promise.reject(failure))
      t.equal(text, failure.code)
    }
    t.notOk([...tools.recorded.keys()].some((name) => name.includes('exchanges_failed')))
  }
})

test('a body that was longer than may be held is gone, and so is its exchange', async (t) => {
  const policy = {
    onError: 'open',
    limits: { callMs: 50, memoryMiB: 32, bufferKiB: 1, pauseMs: 1_000 },
  } as const
  const readsAll: HttpFilter = async ({ body }) => {
    await textOf(body)
    throw failureOf(spec, 'limit')
  }
  const long = () => testRequest({ method: 'POST', body: slowBody(['x'.repeat(800), 'y'.repeat(800)]) })
  t.equal((await send(plugin(readsAll, policy), upstream, long())).text, 'PLUGIN_OVER_LIMIT')
  const untouched: HttpFilter = async () => {
    throw failureOf(spec)
  }
  const known = testRequest({ method: 'POST', body: Body.of('z'.repeat(5_000)) })
  t.equal((await send(plugin(untouched, policy), upstream, known)).text.length, 'POST / - '.length + 5_000)
})

/** Gives a body of its own in place of the one it got, from `pieces`, which then fails. */
const ownBodies =
  (pieces: readonly string[], where: 'request' | 'response'): HttpFilter =>
  async (request, cx, next) => {
    const body = () => slowBody(pieces, failureOf(spec))
    if (where === 'request') return next({ ...request, body: body() }, cx)
    const response = await next(request, cx)
    return { ...response, body: body() }
  }

test('a body of the plugin that fails before its first byte is replaced by the original', async (t) => {
  const request = () => testRequest({ method: 'POST', body: slowBody(['ab', 'cd']) })
  for (const where of ['request', 'response'] as const) {
    const whole = await send(plugin(ownBodies([], where), { onError: 'open' }), upstream, request())
    t.equal(whole.text, 'POST / - abcd', where)
  }
  const cut = await send(plugin(ownBodies(['own'], 'response'), { onError: 'open' }), upstream, request())
  t.equal(cut.text, 'own!PLUGIN_THREW', 'later the client sees the cut')
  const recoded: HttpFilter = async (input, cx, next) => {
    const response = await ownBodies([], 'response')(input, cx, next)
    response.headers.set('Content-Encoding', 'br')
    return response
  }
  const { text } = await send(plugin(recoded, { onError: 'open' }), upstream, request())
  t.equal(text, '!PLUGIN_THREW', 'nor can it be replaced under another coding')
})

test('an answer of the plugin itself waits for nothing, and lets go of what the upstream says later', async (t) => {
  const answers: HttpFilter = async (request, cx, next) => {
    next(request, cx).then(({ body }) => body?.cancel(new ProxyError('CLIENT_GONE', 'not wanted')))
    return localResponse(504, new HeaderList(), Body.of('too slow'))
  }
  const cancelled: string[] = []
  const late: Next<HttpRequest, HttpResponse> = async () => {
    await nextTurn()
    const source = { open() {}, resume() {}, cancel: ({ code }: ProxyError) => void cancelled.push(code) }
    return localResponse(200, new HeaderList(), new Body(source, null))
  }
  const { status, text } = await send(plugin(answers, { onError: 'open' }), late)
  t.strictSame([status, text], [504, 'too slow'])
  await nextTurn()
  await nextTurn()
  t.strictSame(cancelled, ['CLIENT_GONE'])
})

test('a plugin that has failed cannot send the request any more', async (t) => {
  let sent = 0
  let later: Promise<unknown> = Promise.resolve()
  const zombie: HttpFilter = async (request, cx, next) => {
    later = nextTurn().then(() => next(request, cx))
    later.catch(() => {})
    throw failureOf(spec)
  }
  const { text } = await send(plugin(zombie, { onError: 'open' }), (request, cx) => {
    sent += 1
    return upstream(request, cx)
  })
  t.equal(text, 'POST / - abcd')
  await t.rejects(later, { code: 'PLUGIN_THREW' })
  t.equal(sent, 1)
})

test('an exchange whose client has left is not rescued', async (t) => {
  const fails: HttpFilter = async (_request, cx) => {
    cx.abort(new ProxyError('CLIENT_GONE', 'left'))
    throw failureOf(spec)
  }
  const { text } = await send(plugin(fails, { onError: 'open' }), async () => t.fail('it was sent') as never)
  t.equal(text, 'PLUGIN_THREW')
})

test('after failures in a row the version before has all exchanges, until the next push', async (t) => {
  let entered = 0
  let isWell = false
  const sometimes: HttpFilter = async (request, cx, next) => {
    entered += 1
    if (isWell) return next(request, cx)
    throw failureOf(spec)
  }
  const newest = plugin(sometimes, { onError: 'previous' })
  for (let index = 0; index < failuresUntilReplaced - 1; index += 1) await send(newest)
  isWell = true
  t.equal((await send(newest)).text, 'POST / - abcd', 'one that goes well begins the row anew')
  isWell = false
  for (let index = 0; index < failuresUntilReplaced; index += 1) {
    t.equal((await send(newest)).text, 'POST / 0 abcd')
  }
  isWell = true
  entered = 0
  t.equal((await send(newest)).text, 'POST / 0 abcd')
  t.equal(entered, 0)
  t.ok(newest.newest.health.isReplaced)
})

test('a plugin whose instances keep dying is held back for longer and longer, and then let in again', async (t) => {
  const tools = recordingTools()
  let entered = 0
  const counts: HttpFilter = (request, cx, next) => {
    entered += 1
    return next(request, cx)
  }
  const closing = plugin(counts, { onError: 'close' }, tools)
  const { health } = closing.newest
  for (let index = 0; index < holdBack.freeDeaths; index += 1) health.restarted()
  t.equal((await send(closing)).status, 200)
  const waits: number[] = []
  for (let index = 0; index < 8; index += 1) {
    health.restarted()
    let waited = 0
    while (health.isHeldBack) {
      tools.clock.advance(50)
      waited += 50
    }
    waits.push(waited)
  }
  t.strictSame(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  health.restarted()
  entered = 0
  t.equal((await send(closing)).text, 'PLUGIN_THREW')
  const open = { ...closing, newest: { ...closing.newest, spec: testSpec('p', { onError: 'open' }) } }
  t.equal((await send(open)).text, 'POST / - abcd')
  t.equal(entered, 0, 'nothing was let in')
  tools.clock.advance(5_000 + holdBack.calmMs)
  health.restarted()
  t.notOk(health.isHeldBack, 'after a calm time it begins anew')
  t.equal(health.counts.restarts, holdBack.freeDeaths + 10)
})
