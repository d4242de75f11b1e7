import { test } from 'tap'
import { Body } from '../body.ts'
import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { HttpRequest, HttpResponse } from '../http.ts'
import type { RetryPolicy } from '../model.ts'
import {
  recordingTools,
  testCluster,
  testContext,
  testModel,
  testRequest,
  testResponse,
} from '../policy/testing.ts'
import { SharedState } from '../shared-state.ts'
import { retry } from './retry.ts'

const policy: RetryPolicy = {
  statuses: [503],
  retries: 2,
  retryNonIdempotent: false,
  perTryTimeoutMs: null,
  backoffBaseMs: 100,
  backoffMaxMs: 1_000,
  budgetRatio: 0,
  budgetMinimum: 10,
}
const reset = new ProxyError('UPSTREAM_RESET', 'reset')
const refused = new ProxyError('CONNECT_REFUSED', 'refused')

/** A retry filter in front of an upstream that answers as `script` says, one entry for each try. */
function upstream(script: (number | Error | HttpResponse)[], change: Partial<RetryPolicy> = {}) {
  const cluster = testCluster('cart', { retry: { ...policy, ...change } })
  const tools = recordingTools()
  const filter = retry('outbound', tools, testModel([cluster], true))
  const seen: { request: HttpRequest; body: string | null; tryTimeoutMs: number | null }[] = []
  const next = async (request: HttpRequest, cx: Context) => {
    const body = request.body ? (await request.body.buffer(1_000)).toString() : null
    seen.push({ request, body, tryTimeoutMs: cx.tryTimeoutMs })
    const step = script[seen.length - 1] ?? 200
    if (step instanceof Error) throw step
    return typeof step === 'number' ? testResponse(step) : step
  }
  const cx = testContext({ cluster })
  return {
    tools,
    seen,
    cx,
    send: (parts: Partial<HttpRequest> = {}) => filter(testRequest(parts), cx, next),
    counted: (name: string, labels = 'sidecar_cluster_name="cart"') =>
      tools.recorded.get(`${name}{${labels}}`),
  }
}

/** Lets everything that waits for nothing but promises happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('a listed status is tried again after growing waits, until an answer is well', async (t) => {
  const { send, seen, tools, counted } = upstream([503, 503, 200])
  const answer = send()
  await settle()
  t.equal(seen.length, 1)
  tools.clock.advance(50)
  await settle()
  t.equal(seen.length, 2, 'half of 100 ms, as the random number says')
  tools.clock.advance(99)
  await settle()
  t.equal(seen.length, 2)
  tools.clock.advance(1)
  t.equal((await answer).status, 200)
  t.equal(counted('sidecar_cluster_upstream_rq_retry'), 2)
  t.equal(counted('sidecar_cluster_upstream_rq_retry_success'), 1)
  t.equal(counted('sidecar_cluster_upstream_rq_retry_backoff_exponential'), 2)
  t.equal(counted('sidecar_cluster_upstream_rq_retry_limit_exceeded'), 0)
  t.equal(counted('sidecar_cluster_upstream_rq_retry_overflow'), 0)
  t.equal(counted('sidecar_cluster_upstream_rq_retry_backoff_ratelimited'), 0)
  t.equal(counted('pillion_retries_total', 'cluster="cart",result="success"'), 1)
  t.equal(counted('pillion_retries_total', 'cluster="cart",result="failure"'), 1)
})

test('when all retries are used up the last answer goes through, or the last failure', async (t) => {
  const answered = upstream([503, reset, 503], { backoffBaseMs: 0 })
  const answer = answered.send()
  await settle()
  answered.tools.clock.advance(0)
  await settle()
  answered.tools.clock.advance(0)
  t.equal((await answer).status, 503)
  t.equal(answered.seen.length, 3)
  t.equal(answered.counted('sidecar_cluster_upstream_rq_retry_limit_exceeded'), 1)
  t.equal(answered.counted('pillion_retries_total', 'cluster="cart",result="failure"'), 2)

  const failed = upstream([503, refused], { backoffBaseMs: 0, retries: 1 })
  const failure = t.rejects(failed.send(), refused)
  await settle()
  failed.tools.clock.advance(0)
  await failure
})

test('each try gets the whole body and the head as it was', async (t) => {
  const { send, seen, tools } = upstream([refused, 200])
  const answer = send({ method: 'POST', path: '/a', body: Body.of('hello') })
  await settle()
  const [first] = seen
  if (first) first.request.path = '/changed'
  tools.clock.advance(100)
  t.equal((await answer).status, 200)
  t.strictSame(
    seen.map((one) => [one.body, one.request.method]),
    [
      ['hello', 'POST'],
      ['hello', 'POST'],
    ],
  )
  t.equal(seen[1]?.request.path, '/a')
})

test('what may have been done is not sent again', async (t) => {
  const afterReset = upstream([reset])
  await t.rejects(afterReset.send({ method: 'POST' }), reset)
  t.equal(afterReset.seen.length, 1)
  const afterStatus = upstream([503])
  t.equal((await afterStatus.send({ method: 'PATCH' })).status, 503)
  const bug = new TypeError('a bug')
  const afterBug = upstream([bug])
  await t.rejects(afterBug.send(), bug)
})

test('a body that is too long to be remembered is sent once', async (t) => {
  const { send, seen } = upstream([refused])
  await t.rejects(send({ method: 'PUT', body: Body.of('x'.repeat(65)) }), refused)
  t.equal(seen.length, 1)
})

test('an answer that is dropped lets go of its body and its connection', async (t) => {
  const body = Body.of('unavailable')
  let destroyed = false
  const tunnel = { destroy: () => (destroyed = true) } as unknown as HttpResponse['tunnel']
  const { send, tools } = upstream([{ ...testResponse(503, [], body), tunnel }, 200])
  const answer = send()
  await settle()
  t.ok(body.isTaken)
  t.ok(destroyed)
  tools.clock.advance(100)
  t.equal((await answer).status, 200)
})

test('a wait ends when the client leaves, and nothing is sent any more', async (t) => {
  const { send, seen, tools, cx } = upstream([503, 200])
  const answer = send()
  await settle()
  const gone = new ProxyError('CLIENT_GONE', 'left')
  cx.abort(gone)
  await t.rejects(answer, gone)
  t.equal(tools.clock.waiting, 0)
  t.equal(seen.length, 1)
})

test('a failure that comes because the client left is not tried again', async (t) => {
  const { send, seen, cx } = upstream([reset])
  cx.abort(new ProxyError('CLIENT_GONE', 'left'))
  await t.rejects(send(), reset)
  t.equal(seen.length, 1)
})

test('each try is given its own time limit, and exchanges without a policy none', async (t) => {
  const { send, seen, tools, cx } = upstream([new ProxyError('TRY_TIMEOUT', 'late'), 200], {
    perTryTimeoutMs: 250,
  })
  const answer = send()
  await settle()
  tools.clock.advance(100)
  await answer
  t.strictSame(
    seen.map((one) => one.tryTimeoutMs),
    [250, 250],
  )
  const plain = testCluster('plain')
  const filter = retry('outbound', tools, testModel([plain]))
  cx.vars.cluster = plain
  const request = testRequest()
  const same = testResponse(503)
  const response = await filter(request, cx, async (given) => {
    t.equal(given, request, 'the request is passed on as it is')
    return same
  })
  t.equal(response, same)
  t.equal(cx.tryTimeoutMs, null)
})

test('a policy without retries still limits the time of the try', async (t) => {
  const { send, seen } = upstream([503], { retries: 0, perTryTimeoutMs: 99 })
  t.equal((await send()).status, 503)
  t.equal(seen[0]?.tryTimeoutMs, 99)
})

test('the budget of a cluster bounds its retries, over generations too', async (t) => {
  const state = new SharedState()
  const cluster = testCluster('cart', { retry: { ...policy, budgetRatio: 0.5, budgetMinimum: 1 } })
  const tools = [recordingTools({ state }), recordingTools({ state })] as const
  const [old, young] = tools.map((one) => retry('outbound', one, testModel([cluster], true)))
  const fail = async () => testResponse(503)
  const waiting = old?.(testRequest(), testContext({ cluster }), fail)
  await settle()
  t.equal(tools[0].clock.waiting, 1)
  const response = await young?.(testRequest(), testContext({ cluster }), fail)
  t.equal(response?.status, 503, 'one of two may be tried again, and is being')
  t.equal(tools[1].recorded.get('pillion_retries_total{cluster="cart",result="refused"}'), 1)
  t.equal(tools[1].recorded.get('sidecar_cluster_upstream_rq_retry_overflow{sidecar_cluster_name="cart"}'), 1)

  for (let at = 0; at < 2; at += 1) {
    tools[0].clock.advance(1_000)
    await settle()
  }
  await waiting
  const again = young?.(testRequest(), testContext({ cluster }), fail)
  await settle()
  t.equal(tools[1].clock.waiting, 1, 'what is over has left the budget')
  for (let at = 0; at < 2; at += 1) {
    tools[1].clock.advance(1_000)
    await settle()
  }
  await again
})

test('a next that throws at once is a failure like any other', async (t) => {
  const cluster = testCluster('cart', { retry: policy })
  const tools = recordingTools()
  const filter = retry('inbound', tools, testModel([cluster]))
  let tries = 0
  const answer = filter(testRequest(), testContext({ cluster }), () => {
    tries += 1
    if (tries === 1) throw refused
    return Promise.resolve(testResponse(204))
  })
  await settle()
  tools.clock.advance(100)
  t.equal((await answer).status, 204)
  t.notOk(
    [...tools.recorded.keys()].some((name) => name.startsWith('sidecar_')),
    'FSM names only if asked for',
  )
})
