import { test } from 'tap'
import { cluster, contextOf, modelOf, splitPort } from '../balancing/fixtures.ts'
import type { ProxyError } from '../failures.ts'
import { HeaderList } from '../headers.ts'
import type { Direction, PortRule } from '../model.ts'
import { testRequest, testRoute } from '../policy/testing.ts'
import type { ForwardingHeaders } from '../settings.ts'
import type { Variables } from '../variables.ts'
import { httpFallback } from './fallback.ts'

const ours = splitPort({})
const fsm = { ...ours, http: ours.http && { ...ours.http, unmatched: 'denied' } } satisfies PortRule

const nobody = () => Promise.reject(new Error('fallback went on'))

/** Status and body of an answer, or the code of a failure. */
async function answerTo(
  vars: Partial<Variables>,
  options: {
    direction?: Direction
    fields?: string[]
    forwardedFor?: ForwardingHeaders['forwardedFor']
  } = {},
): Promise<string> {
  const { direction = 'inbound', fields = [], forwardedFor = 'off' } = options
  const model = modelOf([])
  const filter = httpFallback(direction, { ...model, forwarding: { ...model.forwarding, forwardedFor } })
  const headers = new HeaderList(['Host', 'cart', ...fields])
  try {
    const response = await filter(testRequest({ headers }), contextOf(vars), nobody)
    return `${response.status} ${(await response.body?.buffer(100))?.toString()}`
  } catch (error) {
    return (error as ProxyError).code
  }
}

test('where FSM’s rules hold the answers are FSM’s', async (t) => {
  const forwarded = ['X-Forwarded-For', '1.2.3.4']
  const route = testRoute('all')
  for (const direction of ['inbound', 'outbound'] as const) {
    t.equal(await answerTo({ port: fsm }, { direction }), '403 Access denied')
    t.equal(await answerTo({ port: fsm, route }, { direction }), '404 Not found')
  }
  t.equal(await answerTo({ port: fsm, route }, { fields: forwarded }), '502 Proxy Error')
  t.equal(await answerTo({ port: fsm }, { fields: forwarded, direction: 'outbound' }), '403 Access denied')
})

test('an address that the edge added itself does not make a request a forwarded one', async (t) => {
  const once = ['X-Forwarded-For', '1.2.3.4']
  const twice = ['X-Forwarded-For', '1.2.3.4, 10.0.0.1']
  const ask = (fields: string[], forwardedFor: ForwardingHeaders['forwardedFor']) =>
    answerTo({ port: fsm }, { fields, forwardedFor })
  t.equal(await ask(once, 'append'), '403 Access denied')
  t.equal(await ask(twice, 'append'), '502 Proxy Error')
  t.equal(await ask([...once, ...once], 'append'), '502 Proxy Error')
  t.equal(await ask(once, 'replace'), '403 Access denied')
})

test('elsewhere it says what is wrong: denied, nothing there, or no endpoint', async (t) => {
  const route = testRoute('all')
  t.equal(await answerTo({ port: ours, isDenied: true }), 'ACCESS_DENIED')
  t.equal(await answerTo({ port: ours }), 'NO_ROUTE')
  t.equal(await answerTo({ port: ours }, { fields: ['X-Forwarded-For', '1.2.3.4'] }), 'NO_ROUTE')
  t.equal(await answerTo({ port: ours, route, cluster: cluster('c', []) }), 'NO_ENDPOINT')
  t.equal(await answerTo({ port: ours, route }), 'NO_ENDPOINT')
  t.equal(await answerTo({}), 'NO_ROUTE')
})

test('an answer to HEAD has no body, and an answer of FSM’s is marked as a refusal', async (t) => {
  const cx = contextOf({ port: fsm })
  const response = await httpFallback('inbound', modelOf([]))(testRequest({ method: 'HEAD' }), cx, nobody)
  t.equal(response.body, null)
  t.equal(response.declaredLength, 13)
  t.equal(cx.refusal, 'ACCESS_DENIED')
})
