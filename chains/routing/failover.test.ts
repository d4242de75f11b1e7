import { test } from 'tap'
import { answerOf, cluster, contextOf, modelOf, splitPort, toolsWith } from '../balancing/fixtures.ts'
import { Body } from '../body.ts'
import { ProxyError } from '../failures.ts'
import { httpRouting } from '../filters/http-routing.ts'
import type { HttpRequest } from '../http.ts'
import { testRequest } from '../policy/testing.ts'

const spared = splitPort({ main: 100, spare: 0 }, { direction: 'outbound' })
const sparedModel = modelOf([cluster('main', ['a:1']), cluster('spare', ['z:1'])], [spared])

/** Runs a request whose clusters answer as `first` says, then 200; says where it went, and what came of it. */
async function failOver(first: number | ProxyError, request: Partial<HttpRequest>, model = sparedModel) {
  const sent: { cluster: string | undefined; path: string; fields: string[]; body: string | undefined }[] = []
  const cx = contextOf({ port: spared })
  const filter = httpRouting('outbound', toolsWith(), model)
  const end = filter(testRequest(request), cx, async (input) => {
    const body = (await input.body?.buffer(1_000))?.toString()
    sent.push({ cluster: cx.vars.cluster?.name, path: input.path, fields: [...input.headers.fields], body })
    input.path = '/changed'
    input.headers.set('x-changed', 'yes')
    if (sent.length > 1) return answerOf(200, 'second')
    if (first instanceof ProxyError) throw first
    return answerOf(first, 'first')
  })
  const outcome = await end.then(
    (response) => response.headers.get('x-from'),
    (error) => (error as ProxyError).code,
  )
  return { sent, outcome }
}

test('a failed request is sent once more to a cluster of weight 0, as it came', async (t) => {
  const reset = new ProxyError('UPSTREAM_RESET', 'gone')
  for (const first of [500, 503, reset]) {
    const { sent, outcome } = await failOver(first, { path: '/a?b', method: 'PUT', body: Body.of('hello') })
    t.equal(outcome, 'second')
    t.same(
      sent.map((one) => one.cluster),
      ['main', 'spare'],
    )
    t.same(sent[1], { ...sent[0], cluster: 'spare' })
    t.equal(sent[1]?.body, 'hello')
  }
})

test('an answer up to 499 is the answer', async (t) => {
  for (const status of [200, 404, 499]) t.equal((await failOver(status, {})).outcome, 'first')
})

test('a failure that is not the upstream’s is not taken elsewhere', async (t) => {
  const { sent, outcome } = await failOver(new ProxyError('REQUEST_BODY_INVALID', 'bad chunk'), {})
  t.equal(outcome, 'REQUEST_BODY_INVALID')
  t.equal(sent.length, 1)
})

test('what may be done only once is not sent again when nobody knows whether it was done', async (t) => {
  const reset = await failOver(new ProxyError('UPSTREAM_RESET', 'gone'), { method: 'POST' })
  t.equal(reset.outcome, 'UPSTREAM_RESET')
  const unsent = await failOver(new ProxyError('CONNECT_REFUSED', 'nobody'), { method: 'POST' })
  t.equal(unsent.outcome, 'second')
})

test('a body that is too long to be kept makes the first answer final', async (t) => {
  const { sent, outcome } = await failOver(503, { method: 'PUT', body: Body.of('x'.repeat(100)) })
  t.equal(outcome, 'first')
  t.equal(sent.length, 1)
  t.equal(sent[0]?.body?.length, 100)
})

test('the first answer is let go of when another is asked for', async (t) => {
  const dismissed = Body.of('bad')
  const filter = httpRouting('outbound', toolsWith(), sparedModel)
  const answers = [{ ...answerOf(500), body: dismissed }, answerOf(200)]
  await filter(testRequest(), contextOf({ port: spared }), async () => answers.shift() ?? answerOf(599))
  t.equal(dismissed.isTaken, true)
})
