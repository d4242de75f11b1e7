import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo, loggingContext } from '../testing/bench.ts'

type Line = readonly [message: string, fields: Readonly<Record<string, unknown>>]

function logging() {
  const lines: Line[] = []
  return { lines, cx: loggingContext((message, fields) => lines.push([message, fields])) }
}

test('data goes to the log, and passes', async (t) => {
  using b = bench(`pipy().pipeline().print().tee('-').chain()`)
  const { lines, cx } = logging()
  t.equal(
    (await ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('abc') }), cx)).text,
    'PUT / abc',
  )
  t.same(lines, [
    ['abc', { plugin: 'tested' }],
    ['abc', { plugin: 'tested', file: '-' }],
  ])
})

test('of long data the log gets the beginning', async (t) => {
  using b = bench(`pipy().pipeline().print().chain()`)
  const { lines, cx } = logging()
  await ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('a'.repeat(10_000)) }), cx)
  t.match(lines[0]?.[0], /^a{4096}… \(10000 bytes\)$/)
})

test('each event is dumped with its tag, and a tag that fails is left out', async (t) => {
  using b = bench(`pipy().pipeline().dump('up').chain().dump(() => { throw new Error('no tag') })`)
  const { lines, cx } = logging()
  await ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('abc') }), cx)
  t.match(
    lines.map(([message, fields]) => [message, fields.tag]),
    [
      ['dump start', 'up'],
      ['dump data', 'up'],
      ['dump end', 'up'],
      ['dump start', null],
      ['dump data', null],
      ['dump end', null],
    ],
  )
  t.match(lines[0]?.[1], { plugin: 'tested', method: 'PUT', path: '/' })
  t.match(lines[1]?.[1], { size: 3, hex: '616263' })
})
