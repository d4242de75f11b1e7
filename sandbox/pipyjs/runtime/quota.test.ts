import { test } from 'tap'
import { manualClock } from '../../../chains/policy/testing.ts'
import { SharedState } from '../../../chains/shared-state.ts'
import { Quota, type QuotaOptions, Quotas } from './quota.ts'

const options = (parts: Partial<QuotaOptions>): QuotaOptions => ({
  initial: 10,
  max: null,
  perMs: 1_000,
  produce: null,
  key: null,
  ...parts,
})

test('tokens are used up, and come back all at once when their time is over', (t) => {
  const clock = manualClock()
  const quota = new Quota(options({}), clock)
  t.equal(quota.consume(4), 4)
  t.equal(quota.consume(100), 6)
  t.equal(quota.consume(1), 0)
  clock.advance(999)
  t.equal(quota.current, 0)
  clock.advance(1)
  t.equal(quota.current, 10)
  t.equal(clock.waiting, 0)
  t.end()
})

test('tokens come back so many at a time, never more than there were', (t) => {
  const clock = manualClock()
  const quota = new Quota(options({ produce: 4 }), clock)
  quota.consume(10)
  clock.advance(1_500)
  t.equal(quota.current, 4)
  clock.advance(500)
  t.equal(quota.current, 8)
  clock.advance(10_000)
  t.equal(quota.current, 10)
  t.ok(quota.isUntouched)
  t.end()
})

test('without a time nothing comes back but what is produced, up to its maximum', (t) => {
  const clock = manualClock()
  const quota = new Quota(options({ perMs: null, max: 12 }), clock)
  quota.consume(5)
  clock.advance(100_000)
  t.equal(quota.current, 5)
  quota.produce(3)
  t.equal(quota.current, 8)
  quota.produce(100)
  t.equal(quota.current, 12)
  quota.reset()
  t.equal(quota.current, 10)
  t.end()
})

test('who waits is served in the order of coming, and holds a timer only as long', (t) => {
  const clock = manualClock()
  const quota = new Quota(options({ initial: 1 }), clock)
  const served: string[] = []
  const consumer = (name: string) => ({
    consume: (of: Quota) => of.consume(1) === 1 && served.push(name) > 0,
  })
  quota.join(consumer('a'))
  quota.join(consumer('b'))
  const gone = consumer('c')
  quota.join(gone)
  quota.join(consumer('d'))
  t.same(served, ['a'])
  clock.advance(1_000)
  t.same(served, ['a', 'b'])
  quota.leave(gone)
  clock.advance(1_000)
  t.same(served, ['a', 'b', 'd'])
  t.equal(clock.waiting, 0)
  t.end()
})

test('quotas with a key, and those made at load, outlive a push', (t) => {
  const state = new SharedState()
  const clock = manualClock()
  const generation = () => new Quotas('limits', clock, state.scope())
  const first = generation()
  const [atLoad, keyed] = [first.open(options({})), first.open(options({ key: 'k' }))]
  first.loaded()
  const forTraffic = first.open(options({}))
  for (const id of [atLoad, keyed, forTraffic]) first.get(id)?.consume(7)

  const second = generation()
  const again = [second.open(options({})), second.open(options({ key: 'k' }))]
  second.loaded()
  again.push(second.open(options({})))
  t.same(
    again.map((id) => second.get(id)?.current),
    [3, 3, 10],
  )
  const changed = generation()
  t.equal(changed.get(changed.open(options({ initial: 20 })))?.current, 20, 'other numbers begin anew')
  t.equal(second.get(99), null)
  t.end()
})

test('a plugin can have only so many quotas: those that lose nothing are forgotten first', (t) => {
  const quotas = new Quotas('limits', manualClock(), new SharedState().scope())
  quotas.loaded()
  const used = quotas.open(options({}))
  quotas.get(used)?.consume(1)
  const fresh = quotas.open(options({}))
  for (let n = 0; n < 65_535; n++) quotas.open(options({}))
  t.equal(quotas.get(fresh), null)
  t.equal(quotas.get(used)?.current, 9)
  t.end()
})
