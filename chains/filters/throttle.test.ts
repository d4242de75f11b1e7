import { test } from 'tap'
import { Body } from '../body.ts'
import { ProxyError } from '../failures.ts'
import {
  manualClock,
  recordingTools,
  testContext,
  testModel,
  testPort,
  testRequest,
  testResponse,
  testRoute,
  testService,
} from '../policy/testing.ts'
import type { HttpRateLimit } from '../rate-limits.ts'
import { SharedState } from '../shared-state.ts'
import { throttle } from './throttle.ts'

const twoPerSecond: HttpRateLimit = {
  requests: 2,
  windowMs: 1_000,
  burst: 0,
  status: 429,
  headers: [
    ['Retry-After', '7'],
    ['X-Why', 'limit'],
  ],
  backlog: null,
}
const pass = async () => testResponse(200)

test('requests over the limit of a service get its status, its headers and no body', async (t) => {
  const tools = recordingTools()
  const filter = throttle('service', 'inbound', tools, testModel())
  const vars = { port: testPort('p'), service: testService('cart', twoPerSecond) }
  const send = () => {
    const cx = testContext(vars)
    return { cx, answer: filter(testRequest(), cx, pass) }
  }
  t.equal((await send().answer).status, 200)
  t.equal((await send().answer).status, 200)
  const { cx, answer } = send()
  const refused = await answer
  t.match(refused, { status: 429, body: null, tunnel: null })
  t.strictSame(refused.headers.fields, ['Retry-After', '7', 'X-Why', 'limit'], 'its own Retry-After alone')
  t.equal(cx.refusal, 'THROTTLED')
  refused.headers.set('x-why', 'changed')
  t.equal((await send().answer).headers.get('x-why'), 'limit', 'each answer has headers of its own')
  t.equal(
    tools.recorded.get('pillion_throttled_total{direction="inbound",service="cart",scope="service"}'),
    2,
  )
  t.equal(tools.recorded.get('http_local_rate_limiter{http_local_rate_limit="throttle_service"}'), 2)
  tools.clock.advance(500)
  t.equal((await send().answer).status, 200)
})

test('routes are limited one by one, and what has no limit is not', async (t) => {
  const tools = recordingTools()
  const filter = throttle('route', 'outbound', tools, testModel())
  const service = testService('cart')
  const status = async (route: ReturnType<typeof testRoute> | null) =>
    (await filter(testRequest(), testContext({ service, route }), pass)).status
  const [one, two, free] = [testRoute('one', twoPerSecond), testRoute('two', twoPerSecond), testRoute('free')]
  t.strictSame([await status(one), await status(one), await status(one)], [200, 200, 429])
  t.equal(await status(two), 200)
  for (let at = 0; at < 5; at += 1) t.equal(await status(free), 200)
  t.equal(await status(null), 200)
  t.equal(tools.recorded.get('http_local_rate_limiter{http_local_rate_limit="throttle_route"}'), 1)
})

test('a refused request is told after how many whole seconds there is a token', async (t) => {
  const tools = recordingTools()
  const filter = throttle('service', 'inbound', tools, testModel())
  const ask = (rate: Partial<HttpRateLimit>) => {
    const vars = { service: testService(JSON.stringify(rate), { ...twoPerSecond, headers: [], ...rate }) }
    return async () => (await filter(testRequest(), testContext(vars), pass)).headers.get('retry-after')
  }
  const slow = ask({ requests: 1, windowMs: 10_000 })
  t.strictSame([await slow(), await slow()], [undefined, '10'])
  tools.clock.advance(1_001)
  t.equal(await slow(), '9', 'a part of a second is a whole one')
  tools.clock.advance(8_998)
  t.equal(await slow(), '1', 'and never less than one')
  const quick = ask({ requests: 1 })
  t.strictSame([await quick(), await quick()], [undefined, '1'])
  t.equal(await ask({ requests: 0 })(), undefined, 'where no token ever comes, nothing is promised')
})

test('a refused request lets go of its body', async (t) => {
  const filter = throttle('service', 'inbound', recordingTools(), testModel())
  const vars = { service: testService('cart', { ...twoPerSecond, requests: 0 }) }
  const body = Body.of('never sent')
  t.equal((await filter(testRequest({ body }), testContext(vars), pass)).status, 429)
  t.ok(body.isTaken)
})

test('a limit survives a push that leaves it as it was, and starts anew when it changes', async (t) => {
  const state = new SharedState()
  const clock = manualClock()
  const generation = (rate: HttpRateLimit, port: string) => {
    const filter = throttle('service', 'inbound', recordingTools({ clock, state }), testModel())
    const vars = { port: testPort(port), service: testService('cart', rate) }
    return async () => (await filter(testRequest(), testContext(vars), pass)).status
  }
  const old = generation(twoPerSecond, 'a')
  t.strictSame([await old(), await old(), await old()], [200, 200, 429])
  t.equal(await generation({ ...twoPerSecond, status: 503 }, 'a')(), 503, 'the bucket is still empty')
  t.equal(await generation({ ...twoPerSecond, requests: 3 }, 'a')(), 200)
  t.equal(await generation(twoPerSecond, 'b')(), 200, 'another port counts for itself')
})

test('a limit survives a push though nobody has asked for it between two generations', async (t) => {
  const state = new SharedState()
  const clock = manualClock()
  const port = testPort('a')
  const service = testService('cart', twoPerSecond)
  const hosts = { cart: { service, rewriteHost: 'cart' } }
  const matching = { hostMatching: 'exact', callerMatching: 'grouped', unmatched: 'denied' } as const
  const http = { hosts, defaultHost: null, ...matching }
  const model = testModel()
  const served = { ...model, inbound: { ...model.inbound, ports: [{ ...port, http }] } }
  const generation = () => {
    const tools = recordingTools({ clock, state })
    const filter = throttle('service', 'inbound', tools, served)
    const [rule = port] = served.inbound.ports
    const send = async () => (await filter(testRequest(), testContext({ port: rule, service }), pass)).status
    return { tools, send }
  }
  const old = generation()
  t.strictSame([await old.send(), await old.send(), await old.send()], [200, 200, 429])
  const next = generation()
  old.tools.shared[Symbol.dispose]()
  t.equal(await next.send(), 429)
  next.tools.shared[Symbol.dispose]()
  t.equal(state.size, 0, 'and is forgotten with the last of them')
})

/** A filter whose service lets one request through per second, and keeps others waiting as `backlog` says. */
function withBacklog(backlog: HttpRateLimit['backlog']) {
  const tools = recordingTools()
  const filter = throttle('service', 'inbound', tools, testModel())
  const rate = { ...twoPerSecond, requests: 1, headers: [], backlog }
  const vars = { service: testService('cart', rate) }
  const answers: string[] = []
  const send = (name: string) => {
    const cx = testContext(vars)
    const answer = filter(testRequest(), cx, async () => testResponse(200))
    answer.then(
      ({ status, headers }) => answers.push([name, status, headers.get('retry-after')].join(' ').trim()),
      (reason) => answers.push(`${name} ${reason.code}`),
    )
    return cx
  }
  const advance = async (ms: number) => {
    tools.clock.advance(ms)
    for (let turn = 0; turn < 8; turn += 1) await null
  }
  return { tools, answers, send, advance }
}

test('with a backlog, requests over the limit wait their turn, and those beyond it are refused', async (t) => {
  const { tools, answers, send, advance } = withBacklog({ requests: 2, waitMs: 60_000 })
  for (const name of ['a', 'b', 'c', 'd']) send(name)
  await advance(0)
  t.strictSame(answers, ['a 200', 'd 429 3'])
  t.equal(tools.recorded.get('http_local_rate_limiter{http_local_rate_limit="throttle_service"}'), 1)
  await advance(1_000)
  t.equal(answers.at(-1), 'b 200')
  await advance(1_000)
  t.equal(answers.at(-1), 'c 200')
  t.equal(answers.length, 4)
})

test('nobody waits longer than the backlog allows, nor when the client has gone', async (t) => {
  const { tools, answers, send, advance } = withBacklog({ requests: 100, waitMs: 2_500 })
  send('a')
  const leaving = send('b')
  for (const name of ['c', 'd']) send(name)
  await advance(0)
  t.strictSame(answers, ['a 200', 'd 429 3'])
  leaving.abort(new ProxyError('CLIENT_GONE', 'left'))
  await advance(1_000)
  t.strictSame(answers.slice(2), ['b CLIENT_GONE', 'c 200'])
  t.equal(tools.clock.waiting, 0)
})
