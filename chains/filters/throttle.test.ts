import { test } from 'tap'
import { Body } from '../body.ts'
import type { HttpRateLimit } from '../model.ts'
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
import { SharedState } from '../shared-state.ts'
import { throttle } from './throttle.ts'

const twoPerSecond: HttpRateLimit = {
  requests: 2,
  windowMs: 1_000,
  burst: 0,
  status: 429,
  headers: [
    ['Retry-After', '1'],
    ['X-Why', 'limit'],
  ],
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
  t.strictSame(refused.headers.fields, ['Retry-After', '1', 'X-Why', 'limit'])
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
  const http = { hosts, hostMatching: 'exact', defaultHost: null, callerMatching: 'grouped' } as const
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
