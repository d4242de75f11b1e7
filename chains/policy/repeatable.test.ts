import { test } from 'tap'
import { type FailureCode, failures, ProxyError } from '../failures.ts'
import type { RetryPolicy } from '../model.ts'
import { repeatable } from './repeatable.ts'
import { testResponse } from './testing.ts'

const policy: RetryPolicy = {
  statuses: [429, 500, 503],
  retries: 3,
  retryNonIdempotent: false,
  perTryTimeoutMs: null,
  backoffBaseMs: 10,
  backoffMaxMs: 100,
  budgetRatio: 0.2,
  budgetMinimum: 3,
}

const codesTriedAgain = (method: string, change: Partial<RetryPolicy> = {}) => {
  const { isFailure } = repeatable({ ...policy, ...change })
  return (Object.keys(failures) as FailureCode[]).filter((code) =>
    isFailure(new ProxyError(code, ''), method),
  )
}

test('idempotent methods are tried again after every upstream failure that may pass', async (t) => {
  const all = [
    'CONNECT_REFUSED',
    'CONNECT_TIMEOUT',
    'UNRESOLVED',
    'UPSTREAM_OVERFLOW',
    'UPSTREAM_RESET',
    'UPSTREAM_INVALID',
    'UPSTREAM_TRUNCATED',
    'TRY_TIMEOUT',
    'IDLE_TIMEOUT',
  ]
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
    t.strictSame(codesTriedAgain(method), all, method)
  }
  t.strictSame(codesTriedAgain('POST', { retryNonIdempotent: true }), all)
})

test('other methods are tried again only after failures that left nothing sent', async (t) => {
  const unsent = ['CONNECT_REFUSED', 'CONNECT_TIMEOUT', 'UNRESOLVED', 'UPSTREAM_OVERFLOW']
  for (const method of ['POST', 'PATCH', 'get', 'LOCK']) t.strictSame(codesTriedAgain(method), unsent, method)
})

test('bugs, and whatever is no failure of an upstream, are not tried again', async (t) => {
  const { isFailure } = repeatable(policy)
  t.notOk(isFailure(new TypeError('a bug'), 'GET'))
  t.notOk(isFailure(null, 'GET'))
  t.notOk(isFailure(new ProxyError('CLIENT_GONE', ''), 'GET'))
})

test('listed statuses are tried again, for other methods only those that say that nothing was done', async (t) => {
  const { isAnswer } = repeatable(policy)
  t.ok(isAnswer(testResponse(503), 'GET'))
  t.notOk(isAnswer(testResponse(502), 'GET'), 'not listed')
  t.notOk(isAnswer(testResponse(500), 'POST'))
  t.notOk(isAnswer(testResponse(503), 'POST'))
  t.ok(isAnswer(testResponse(503, ['Retry-After', '1']), 'POST'))
  t.ok(isAnswer(testResponse(429), 'POST'))
  t.notOk(isAnswer(testResponse(425), 'POST'), 'not listed')
  t.ok(repeatable({ ...policy, retryNonIdempotent: true }).isAnswer(testResponse(500), 'POST'))
})
