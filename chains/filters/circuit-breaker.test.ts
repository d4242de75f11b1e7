import { test } from 'tap'
import { Body } from '../body.ts'
import { ProxyError } from '../failures.ts'
import type { BreakerPolicy } from '../model.ts'
import {
  manualClock,
  recordingTools,
  testCluster,
  testContext,
  testModel,
  testOutcome,
  testRequest,
  testResponse,
} from '../policy/testing.ts'
import { SharedState } from '../shared-state.ts'
import { circuitBreaker } from './circuit-breaker.ts'

const policy: BreakerPolicy = {
  windowMs: 30_000,
  minRequests: 100,
  openMs: 5_000,
  slowMs: 1_000,
  slowAmount: 1,
  slowRatio: null,
  errorAmount: 2,
  errorRatio: null,
  status: 409,
  body: 'Coming soon ...',
  halfOpenRequests: 1,
}
const reset = new ProxyError('UPSTREAM_RESET', 'reset')
const stateSeries = 'pillion_circuit_state{cluster="cart"}'

function guarded(change: Partial<BreakerPolicy> = {}, tools = recordingTools()) {
  const cluster = testCluster('cart', { breaker: { ...policy, ...change } })
  const filter = circuitBreaker('outbound', tools, testModel([cluster]))
  /** One exchange: `result` is its status, what is thrown, or what to wait for. */
  const send = (result: number | Error | Promise<number>, request = testRequest()) => {
    const cx = testContext({ cluster })
    const answer = filter(request, cx, async () => {
      const status = await result
      if (status instanceof Error) throw status
      return testResponse(status)
    })
    return { cx, answer }
  }
  return { tools, send }
}

test('statuses above 499 and upstream failures open the circuit, which then answers by itself', async (t) => {
  const { tools, send } = guarded()
  t.equal((await send(500).answer).status, 500)
  await t.rejects(send(reset).answer, reset)
  const body = Body.of('request')
  const { cx, answer } = send(200, testRequest({ method: 'POST', body }))
  const refused = await answer
  t.equal(refused.status, 409)
  t.equal(refused.headers.get('content-type'), 'text/plain; charset=utf-8')
  t.equal((await refused.body?.buffer(100))?.toString(), 'Coming soon ...')
  t.equal(cx.refusal, 'CIRCUIT_OPEN')
  t.ok(body.isTaken, 'the request body is let go')
  t.equal(tools.recorded.get('pillion_circuit_opened_total{cluster="cart"}'), 1)
  t.equal(tools.recorded.get(stateSeries), 2)

  const head = await send(200, testRequest({ method: 'HEAD' })).answer
  t.match(head, { status: 409, body: null, declaredLength: 15 })

  tools.clock.advance(5_000)
  t.equal((await send(200).answer).status, 200)
  t.equal(tools.recorded.get(stateSeries), 0)
})

test('an empty body is no body', async (t) => {
  const { send } = guarded({ errorAmount: 1, body: '' })
  await send(500).answer
  const refused = await send(200).answer
  t.equal(refused.body, null)
  t.equal(refused.headers.size, 0)
})

test('what clients, plugins and bugs do wrong does not count', async (t) => {
  const { send } = guarded({ errorAmount: 1 })
  for (const fault of [
    new ProxyError('CLIENT_GONE', 'left'),
    new ProxyError('PLUGIN_THREW', 'threw'),
    new TypeError('a bug'),
  ]) {
    await t.rejects(send(fault).answer, fault)
  }
  t.equal((await send(499).answer).status, 499)
  t.equal((await send(200).answer).status, 200)
})

test('slow is measured to the head of the answer', async (t) => {
  const { tools, send } = guarded()
  const slow = send(new Promise((resolve) => tools.clock.after(1_000, () => resolve(200))))
  tools.clock.advance(1_000)
  t.equal((await slow.answer).status, 200)
  t.equal((await send(200).answer).status, 409)
})

test('an answer that breaks off after its head counts as an error, a client that leaves does not', async (t) => {
  const { send } = guarded({ errorAmount: 1 })
  const left = send(200)
  await left.answer
  left.cx.finish(testOutcome({ error: new ProxyError('CLIENT_GONE', 'left') }))
  const broken = send(200)
  t.equal((await broken.answer).status, 200)
  broken.cx.finish(testOutcome({ error: new ProxyError('UPSTREAM_TRUNCATED', 'short') }))
  t.equal((await send(200).answer).status, 409)
})

test('an exchange that is given up before it is answered frees its place', async (t) => {
  const { tools, send } = guarded({ errorAmount: 1 })
  await send(500).answer
  tools.clock.advance(5_000)
  let late: (status: number) => void = () => {}
  const hanging = send(new Promise((resolve) => (late = resolve)))
  t.equal((await send(200).answer).status, 409, 'the only place is taken')
  hanging.cx.finish(testOutcome({ status: 0, error: new ProxyError('CLIENT_GONE', 'left') }))
  const probe = send(200)
  late(500)
  await hanging.answer
  t.equal((await probe.answer).status, 200)
  t.equal(tools.recorded.get(stateSeries), 0, 'what came after the end was ignored')
})

test('the state outlives a push that leaves the policy as it was, and the gauge goes with its breaker', async (t) => {
  const state = new SharedState()
  const clock = manualClock()
  const first = recordingTools({ clock, state })
  const old = guarded({ errorAmount: 1 }, first)
  await old.send(500).answer
  const same = guarded({ errorAmount: 1 }, recordingTools({ clock, state }))
  t.equal((await same.send(200).answer).status, 409)
  const changed = guarded({ errorAmount: 7 }, recordingTools({ clock, state }))
  t.equal((await changed.send(200).answer).status, 200)

  t.equal(first.recorded.get(stateSeries), 2)
  first.shared[Symbol.dispose]()
  t.equal(first.recorded.get(stateSeries), 2, 'the second generation still holds it')
  same.tools.shared[Symbol.dispose]()
  t.equal(first.recorded.get(stateSeries), 0)
  clock.advance(5_000)
  await old.send(500).answer
  t.equal(first.recorded.get(stateSeries), 0, 'stragglers of a forgotten breaker are not shown')
})

test('clusters without a policy, and those that are not of the config, pass as they are', async (t) => {
  const tools = recordingTools()
  const filter = circuitBreaker('inbound', tools, testModel([testCluster('plain')]))
  const response = testResponse(500)
  for (const cluster of [null, testCluster('plain'), testCluster('strange', { breaker: policy })]) {
    t.equal(await filter(testRequest(), testContext({ cluster }), async () => response), response)
  }
  t.equal(tools.recorded.size, 0)
})
