import { test } from 'tap'
import type { Body } from '../../../../chains/body.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo } from '../testing/bench.ts'

test('a function is asked until it gives an end', async (t) => {
  using b = bench(`
    pipy({ _n: 0 }).pipeline()
    .produce(() => {
      _n++
      if (_n === 1) return new MessageStart({ status: 200 })
      if (_n < 5) return _n % 2 ? new Data('<' + _n + '>') : Promise.resolve(new Data('[' + _n + ']'))
      return [new MessageEnd, new StreamEnd]
    })`)
  const { response, text } = await ask(b.http(echo), testRequest())
  t.equal(response.status, 200)
  t.equal(text, '[2]<3>[4]')
})

test('a constant is given once', async (t) => {
  using b = bench(`pipy().pipeline().produce(new Message({ status: 418 }, 'tea'))`)
  t.match(await ask(b.http(echo), testRequest()), { text: 'tea', response: { status: 418 } })
})

test('nothing is made that there is no room for', async (t) => {
  using b = bench(`
    pipy({ _n: 0 }).pipeline()
    .produce(() => _n++ === 0 ? new MessageStart : new Data('x'.repeat(1000)))`)
  const cx = testContext()
  const response = await b.http(echo).run(testRequest(), cx)
  let size = 0
  const body = response.body as Body
  body.open({
    write: (bytes) => {
      size += bytes.length
      return false
    },
    end: () => {},
    fail: () => {},
  })
  t.ok(size <= 2_000, `${size} bytes`)
  const before = size
  body.resume()
  t.equal(size, before + 1_000)
  cx.finish(testOutcome())
})

test('what makes events without end lets others have their turn', async (t) => {
  using b = bench(`pipy().pipeline().produce(() => new Data('x'))`)
  const cx = testContext()
  const asked = b.http(echo).run(testRequest(), cx)
  for (let n = 0; n < 10; n++) b.tools.clock.advance(1)
  t.equal(b.tools.clock.waiting, 1)
  cx.finish(testOutcome())
  await t.rejects(asked, { code: 'CLIENT_GONE' })
  b.tools.clock.advance(1)
  t.equal(b.tools.clock.waiting, 0)
})
