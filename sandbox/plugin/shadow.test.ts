import { type Test, test } from 'tap'
import { Body } from '../../chains/body.ts'
import type { Context, Outcome } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, Next, TcpFilter } from '../../chains/filter.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../../chains/http.ts'
import { recordingTools, testContext, testOutcome, testRequest } from '../../chains/policy/testing.ts'
import { type ByteStream, relay } from '../../chains/stream.ts'
import { httpPolicy, tcpPolicy } from './policy.ts'
import { failureOf, loaded, nextTurn, slowBody, streamPair, testSpec, textOf } from './testing/kit.ts'

const spec = testSpec('p', { mode: 'shadow' })
const chain = 'inbound-http'

/** How often each verdict came. */
function verdictsOf(recorded: ReadonlyMap<string, number | number[]>): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [name, value] of recorded) {
    const verdict = /^pillion_plugin_shadow_verdicts_total.*verdict="(\w+)"/.exec(name)?.[1]
    if (verdict) found[verdict] = value as number
  }
  return found
}

const upstream: Next<HttpRequest, HttpResponse> = async ({ path, headers, body }) =>
  localResponse(
    200,
    new HeaderList(['X-Up', headers.get('x-new') ?? '-']),
    slowBody([`${path} `, await textOf(body)]),
  )

/** Sends a request past a shadowed plugin, checks that nothing has changed, and resolves with the verdicts. */
async function shadowed(
  t: Test,
  http: HttpFilter,
  options: {
    next?: Next<HttpRequest, HttpResponse>
    body?: Body | null
    expected?: string
    cx?: Context
  } = {},
): Promise<Record<string, number>> {
  const { next = upstream, body = slowBody(['ab', 'cd']), expected = '/ abcd', cx = testContext() } = options
  const tools = recordingTools()
  const filter = httpPolicy({ newest: loaded(spec, { http }, tools), previous: null }, chain, null)
  try {
    const response = await filter?.(testRequest({ method: 'POST', body }), cx, next)
    t.equal(await textOf(response?.body), expected)
    t.equal(response?.headers.get('x-up') ?? '-', '-')
  } catch (thrown) {
    t.equal((thrown as ProxyError).code, expected)
  }
  cx.finish(testOutcome())
  for (let turns = 0; turns < 20; turns += 1) await nextTurn()
  return verdictsOf(tools.recorded)
}

const passes: HttpFilter = (request, cx, next) => next(request, cx)

test('a plugin that would pass an exchange is said to, with and without bodies', async (t) => {
  t.strictSame(await shadowed(t, passes), { passed: 1 })
  t.strictSame(await shadowed(t, passes, { body: null, expected: '/ ' }), { passed: 1 })
  const copies: HttpFilter = async (request, cx, next) => {
    const whole = await request.body?.buffer(1_000)
    const response = await next({ ...request, body: whole ? Body.of(whole) : null }, cx)
    return { ...response, body: Body.of((await response.body?.buffer(1_000)) ?? '') }
  }
  t.strictSame(
    await shadowed(t, copies),
    { passed: 1 },
    'also when it gives bodies of its own that are the same',
  )
})

test('a plugin that would change a message is said to, and changes nothing', async (t) => {
  const changes: Record<string, HttpFilter> = {
    'a header of the request': (request, cx, next) => {
      request.headers.set('X-New', 'x')
      return next(request, cx)
    },
    'the path': (request, cx, next) => next({ ...request, path: '/other' }, cx),
    'the body of the request': (request, cx, next) => next({ ...request, body: Body.of('other') }, cx),
    'the status': async (request, cx, next) => ({ ...(await next(request, cx)), status: 404 }),
    'a header of the answer': async (request, cx, next) => {
      const response = await next(request, cx)
      response.headers.set('X-Up', 'changed')
      return response
    },
    'the body of the answer': async (request, cx, next) => {
      const response = await next(request, cx)
      return { ...response, body: Body.of(`${await textOf(response.body)}!`) }
    },
    'the answer, by asking twice': async (request, cx, next) => {
      const first = await next(request, cx)
      return next(request, cx).catch(() => first)
    },
  }
  for (const [what, filter] of Object.entries(changes)) {
    t.strictSame(await shadowed(t, filter), { changed: 1 }, what)
  }
})

test('a plugin that would answer by itself is said to, by the class of its status', async (t) => {
  const answers: HttpFilter = async () => localResponse(403, new HeaderList(), Body.of('no'))
  t.strictSame(await shadowed(t, answers), { answered_4xx: 1 })
})

test('a plugin that fails, late or early, fails alone', async (t) => {
  const early: HttpFilter = async () => {
    throw failureOf(spec)
  }
  const late: HttpFilter = async (request, cx, next) => {
    await next(request, cx)
    throw failureOf(spec)
  }
  const inBody: HttpFilter = async (request, cx, next) => {
    const response = await next(request, cx)
    return { ...response, body: slowBody(['x'], failureOf(spec)) }
  }
  const atOnce: HttpFilter = () => {
    throw new TypeError('a bug')
  }
  for (const filter of [early, late, inBody, atOnce]) {
    t.strictSame(await shadowed(t, filter), { failed: 1 })
  }
})

test('what is the upstream’s failure is not the plugin’s', async (t) => {
  const failure = new ProxyError('CONNECT_REFUSED', 'nobody is there')
  const refuses = () => Promise.reject(failure)
  t.strictSame(await shadowed(t, passes, { next: refuses, expected: 'CONNECT_REFUSED' }), { passed: 1 })
  const cut = async () =>
    localResponse(200, new HeaderList(), slowBody(['half'], new ProxyError('UPSTREAM_TRUNCATED', 'cut')))
  const reads: HttpFilter = async (request, cx, next) => {
    const response = await next(request, cx)
    const copy = response.body as Body
    return { ...response, body: new Body({ open: (s) => copy.open(s), resume() {}, cancel() {} }, null) }
  }
  t.strictSame(await shadowed(t, reads, { next: cut, expected: 'half!UPSTREAM_TRUNCATED' }), { passed: 1 })
})

test('the exchange does not wait for a plugin that waits, and shares nothing with it', async (t) => {
  const cx = testContext()
  let seen: Context | null = null
  let outcome: Outcome | null = null
  let goOn = () => {}
  const waits: HttpFilter = async (request, own, next) => {
    seen = own
    own.vars.target = 'spoilt:1'
    own.peer.choices.set('a', 'b')
    own.onEnd((ended) => {
      outcome = ended
    })
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    return next(request, own)
  }
  t.strictSame(await shadowed(t, waits, { cx }), {}, 'there is no verdict yet')
  t.not(seen, cx)
  t.equal(cx.vars.target, null)
  t.equal(cx.peer.choices.size, 0)
  t.equal(outcome, null)
  goOn()
  for (let turns = 0; turns < 5; turns += 1) await nextTurn()
  t.equal(
    (outcome as Outcome | null)?.status,
    200,
    'its context ends when it does, with how the real one ended',
  )
})

test('a copy is bounded by bufferKiB, the exchange is not', async (t) => {
  const tools = recordingTools()
  const limits = { callMs: 50, memoryMiB: 32, bufferKiB: 1, pauseMs: 1_000 }
  const reads: HttpFilter = async ({ body }) => {
    await nextTurn()
    await nextTurn()
    await nextTurn()
    await body?.buffer(100_000)
    return localResponse(200, new HeaderList(), null)
  }
  const small = testSpec('p', { mode: 'shadow', limits })
  const filter = httpPolicy({ newest: loaded(small, { http: reads }, tools), previous: null }, chain, null)
  const body = slowBody(['x'.repeat(800), 'y'.repeat(800)])
  const response = await filter?.(testRequest({ method: 'POST', body }), testContext(), upstream)
  t.equal((await textOf(response?.body)).length, 1_602)
  t.strictSame(verdictsOf(tools.recorded), { failed: 1 })
})

/** A connection past a shadowed plugin to an upstream that says everything back. */
async function shadowedTcp(t: Test, tcp: TcpFilter): Promise<Record<string, number>> {
  const tools = recordingTools()
  const filter = tcpPolicy({ newest: loaded(spec, { tcp }, tools), previous: null }, chain, null)
  const [client, near] = streamPair()
  const heard = textOf(client.readable)
  const cx = testContext()
  const stream = (await filter?.(near, cx, async () => {
    const [there, echo] = streamPair()
    relay(echo.readable, echo.writable)
    return there
  })) as ByteStream
  relay(near.readable, stream.writable)
  relay(stream.readable, near.writable)
  for (const text of ['one ', 'two']) {
    await nextTurn()
    client.writable.write(Buffer.from(text))
  }
  client.writable.end(null)
  t.equal(await heard, 'one two')
  cx.finish(testOutcome())
  for (let turns = 0; turns < 5; turns += 1) await nextTurn()
  return verdictsOf(tools.recorded)
}

/** Through `change` on the way up. */
const rewrites =
  (change: (text: string) => string): TcpFilter =>
  async (stream, cx, next) => {
    const upstream = await next(stream, cx)
    const { writable } = upstream
    return {
      ...upstream,
      writable: {
        source: null,
        write: (bytes) => writable.write(Buffer.from(change(Buffer.from(bytes).toString()))),
        end: (trailers) => writable.end(trailers),
        fail: (error) => writable.fail(error),
      },
    }
  }

test('connections are shadowed too', async (t) => {
  const answers: TcpFilter = async () => {
    const [near, far] = streamPair()
    far.writable.write(Buffer.from('go away'))
    far.writable.end(null)
    return near
  }
  const fails: TcpFilter = async () => {
    throw failureOf(spec)
  }
  t.strictSame(await shadowedTcp(t, (stream, cx, next) => next(stream, cx)), { passed: 1 })
  t.strictSame(
    await shadowedTcp(
      t,
      rewrites((text) => text),
    ),
    { passed: 1 },
  )
  t.strictSame(
    await shadowedTcp(
      t,
      rewrites((text) => text.toUpperCase()),
    ),
    { changed: 1 },
  )
  t.strictSame(await shadowedTcp(t, answers), { answered: 1 })
  t.strictSame(await shadowedTcp(t, fails), { failed: 1 })
})
