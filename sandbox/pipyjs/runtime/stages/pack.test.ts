import { test } from 'tap'
import { testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo } from '../testing/bench.ts'

const three = `.replaceMessage(() => ['a', 'b', 'c'].map(text => new Message({ method: 'POST', path: '/' + text }, text)))`

test('messages become one, with the head of the first', async (t) => {
  using b = bench(`
    pipy().pipeline()${three}
    .pack(3, { prefix: '[', separator: ', ', postfix: ']' })
    .chain()`)
  t.equal((await ask(b.http(echo), testRequest())).text, 'POST /a [a, b, c]')
})

test('one by one they only lose their pieces', async (t) => {
  using b = bench(`pipy().pipeline()${three}.pack().chain()`)
  t.equal((await ask(b.http(echo), testRequest())).text, 'POST /a a')
})

test('a batch that is not full goes when its time is over', async (t) => {
  using b = bench(`pipy().pipeline()${three}.pack(5, { timeout: '3s' }).chain()`)
  const asked = ask(b.http(echo), testRequest())
  b.tools.clock.advance(3_000)
  t.equal((await asked).text, 'POST /a abc')
  t.equal(b.tools.clock.waiting, 0)
})

test('a batch that is never full fails its exchange', async (t) => {
  using b = bench(`pipy().pipeline()${three}.pack(5).chain()`)
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'PLUGIN_OVER_LIMIT' })
})
