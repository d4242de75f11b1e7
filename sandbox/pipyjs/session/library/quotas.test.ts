import { test } from 'tap'
import { manualClock, recordingTools } from '../../../../chains/policy/testing.ts'
import { SharedState } from '../../../../chains/shared-state.ts'
import type { HostFunction } from '../../../quickjs/contract.ts'
import { Quota } from '../../runtime/quota.ts'
import { evaluate, load } from './testing/evaluate.ts'

test('a quota gives what there is, and has more with time', (t) => {
  const clock = manualClock()
  using guest = load(
    `((quota = new algo.Quota(3, { per: 1, produce: 2 })) => pipy().pipeline().onStart(() =>
      console.log([quota.initial, quota.consume(2), quota.consume(2), quota.current].join(' '))
    ))()`,
    { tools: recordingTools({ clock }) },
  )
  guest.start()
  guest.start()
  clock.advance(1_000)
  guest.start()
  clock.advance(500)
  guest.start()
  clock.advance(5_000)
  guest.start()
  t.same(guest.lines, ['3 2 1 0', '3 0 0 0', '3 2 0 0', '3 0 0 0', '3 2 1 0'])
  t.end()
})

test('quotas of a key are one, also over pushes; and can be filled and reset', (t) => {
  const state = new SharedState()
  const clock = manualClock()
  const script = `((quota = new algo.Quota(10, { key: 'all', max: 12 })) => pipy().pipeline().onStart(() =>
    console.log([quota.consume(4), new algo.Quota(10, { key: 'all', max: 12 }).current].join(' '))
  ))()`
  using before = load(script, { tools: recordingTools({ state, clock }) })
  before.start()
  using after = load(script, { tools: recordingTools({ state, clock }) })
  after.start()
  t.same([before.lines, after.lines], [['4 6'], ['4 2']])
  t.same(
    evaluate([
      '(q => (q.consume(5), q.produce(100), q.current))(new algo.Quota(10, { max: 12 }))',
      '(q => (q.consume(5), q.reset(), q.current))(new algo.Quota(10))',
      "(q => (q.consume(1), q.current))(new algo.Quota(1, { per: '5s' }))",
      "new algo.Quota(1, { per: 'soon' })",
      'new algo.Quota(-1)',
      "new algo.Quota(1).consume('x')",
      'Object.keys(JSON.parse(JSON.stringify(new algo.Quota(1))))',
      'new algo.Quota().current',
    ]),
    [
      12,
      10,
      0,
      { throws: 'algo.Quota: per is a number of seconds, or a text such as "5s"' },
      { throws: 'algo.Quota: initial is a number that is not negative' },
      { throws: 'algo.Quota: what is consumed is a number that is not negative' },
      ['$quota'],
      0,
    ],
  )
  t.end()
})

test('a quota that the host has forgotten begins anew', (t) => {
  const asked: number[] = []
  const consumeQuota: HostFunction = (call) => {
    asked.push(call.number(0))
    return asked.length === 1 ? null : 1
  }
  t.same(evaluate(['new algo.Quota(3).consume(1)'], { functions: { consumeQuota } }), [1])
  t.same(asked, [1, 2])
  t.end()
})

test('filters are given the number of a quota, and who waits is served after the call that fills it', async (t) => {
  using guest = load(`
    ((quota = new algo.Quota(1)) => pipy().pipeline().throttleMessageRate(quota).throttleMessageRate(() => quota))()
  `)
  const [filter] = guest.session.plan.pipelines[0]?.filters ?? []
  t.same(filter?.args, [{ type: 'json', value: { $quota: 1 } }])

  const quota = new Quota({ initial: 0, max: null, perMs: null, produce: null, key: null }, manualClock())
  let served = 0
  quota.join({
    consume: () => {
      served += quota.consume(1)
      return true
    },
  })
  quota.change({ produce: 3 })
  t.same([served, quota.current], [0, 3])
  await Promise.resolve()
  t.same([served, quota.current], [1, 2])
  quota.change('reset')
  t.equal(quota.current, 0)
})
