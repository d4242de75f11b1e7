import { test } from 'tap'
import { Context } from '../../chains/context.ts'
import { HeaderList } from '../../chains/headers.ts'
import { testContext } from '../../chains/policy/testing.ts'
import { canaryTest } from './canary.ts'

const exchange = (number: number): Context => {
  const { peer, vars, log } = testContext()
  return new Context({ id: `1f2e3d4c-1-${number.toString(36)}`, peer, vars, log, startedAt: 0 })
}
const header = { name: 'x-version', value: 'new' }

test('a percentage chooses that share of the exchanges, and each of them for good', async (t) => {
  const exchanges = Array.from({ length: 20_000 }, (_, index) => exchange(index))
  for (const percent of [0, 1, 10, 50, 99, 100]) {
    const isChosen = canaryTest({ percent, header: null }, 'a-plugin')
    const chosen = exchanges.filter((cx) => isChosen(cx, null))
    t.ok(Math.abs(chosen.length - percent * 200) <= 200, `${percent} % are ${chosen.length} of 20,000`)
    t.ok(chosen.every((cx) => isChosen(cx, null)))
  }
})

test('two plugins draw independently', async (t) => {
  const one = canaryTest({ percent: 50, header: null }, 'one')
  const two = canaryTest({ percent: 50, header: null }, 'two')
  const exchanges = Array.from({ length: 10_000 }, (_, index) => exchange(index))
  const both = exchanges.filter((cx) => one(cx, null) && two(cx, null)).length
  t.ok(Math.abs(both - 2_500) < 200, `${both} of 10,000 are chosen twice`)
})

test('a header chooses by its exact value, whatever its case and place', async (t) => {
  const isChosen = canaryTest({ percent: null, header }, 'p')
  const cx = exchange(1)
  t.ok(isChosen(cx, new HeaderList(['Host', 'a', 'X-Version', 'old', 'X-VERSION', 'new'])))
  t.notOk(isChosen(cx, new HeaderList(['X-Version', 'New'])))
  t.notOk(isChosen(cx, new HeaderList([])))
  t.notOk(isChosen(cx, null), 'a connection has no headers')
})

test('with both tests either is enough', async (t) => {
  const isChosen = canaryTest({ percent: 100, header }, 'p')
  t.ok(isChosen(exchange(1), new HeaderList([])))
  const rarely = canaryTest({ percent: 0, header }, 'p')
  t.ok(rarely(exchange(1), new HeaderList(['x-version', 'new'])))
})
