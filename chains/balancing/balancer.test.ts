import { test } from 'tap'
import { HeaderList } from '../headers.ts'
import { SharedState } from '../shared-state.ts'
import { type Balancer, privateBalancer, sharedBalancer } from './balancer.ts'
import { cluster, contextOf, countOf, seeded, toolsWith } from './fixtures.ts'

const balancing = { policy: 'round-robin', hashHeader: null, sticky: 'request' } as const

function picks(balancer: Balancer, count: number, cx = contextOf()): (string | undefined)[] {
  return Array.from({ length: count }, () => balancer.pick(cx, null)?.endpoint.address)
}

test('round robin follows the weights exactly', async (t) => {
  const tools = toolsWith({}, { random: seeded(1) })
  const balancer = sharedBalancer(cluster('c', ['a:1=3', 'b:1=1']), 'inbound', tools)
  t.same(countOf(picks(balancer, 400)), { 'a:1': 300, 'b:1': 100 })
})

test('an endpoint of weight 0 gets nothing while another can be tried', async (t) => {
  const balancer = sharedBalancer(cluster('c', ['a:1=100', 'z:1=0']), 'inbound', toolsWith())
  t.same(countOf(picks(balancer, 100)), { 'a:1': 100 })
  const tried = new Set([balancer.pick(contextOf(), null)].flatMap((one) => one ?? []))
  t.equal(balancer.pick(contextOf(), null, tried)?.endpoint.address, 'z:1')
})

test('a connection keeps its endpoint, each connection its own', async (t) => {
  const sticky = { ...balancing, sticky: 'connection' } as const
  const balancer = sharedBalancer(cluster('c', ['a:1', 'b:1'], { balancing: sticky }), 'inbound', toolsWith())
  const [first, second] = [contextOf(), contextOf()]
  t.equal(new Set(picks(balancer, 10, first)).size, 1)
  t.equal(new Set(picks(balancer, 10, second)).size, 1)
  t.not(picks(balancer, 1, first)[0], picks(balancer, 1, second)[0])
})

test('a connection leaves an endpoint that failed, but not for a retry elsewhere', async (t) => {
  const sticky = { ...balancing, sticky: 'connection' } as const
  const balancer = sharedBalancer(cluster('c', ['a:1', 'b:1'], { balancing: sticky }), 'inbound', toolsWith())
  const cx = contextOf()
  const kept = balancer.pick(cx, null)
  if (!kept) throw new Error('nobody was chosen')
  t.not(balancer.pick(cx, null, new Set([kept])), kept)
  t.equal(balancer.pick(cx, null), kept)
  kept.eject()
  const other = balancer.pick(cx, null)
  t.not(other, kept)
  t.equal(balancer.pick(cx, null), other)
})

test('least requests goes where the load is least for the weight', async (t) => {
  const balancer = sharedBalancer(
    cluster('c', ['a:1=2', 'b:1=1'], { balancing: { ...balancing, policy: 'least-requests' } }),
    'inbound',
    toolsWith(),
  )
  const load: Record<string, number> = {}
  for (let index = 0; index < 30; index++) {
    const candidate = balancer.pick(contextOf(), null)
    if (!candidate) throw new Error('nobody was chosen')
    candidate.health.outstanding += 1
    load[candidate.endpoint.address] = candidate.health.outstanding
  }
  t.same(load, { 'a:1': 20, 'b:1': 10 })
})

test('ring hash sends one key to one endpoint, by header or by address', async (t) => {
  const endpoints = ['a:1', 'b:1', 'c:1', 'd:1']
  const byHeader = sharedBalancer(
    cluster('c', endpoints, { balancing: { ...balancing, policy: 'ring-hash', hashHeader: 'x-user' } }),
    'inbound',
    toolsWith(),
  )
  const ofUser = (user: string) =>
    byHeader.pick(contextOf(), new HeaderList(['X-User', user]))?.endpoint.address
  t.equal(new Set(Array.from({ length: 20 }, () => ofUser('ann'))).size, 1)
  t.equal(new Set(Array.from({ length: 100 }, (_, index) => ofUser(`user-${index}`))).size, 4)
  const without = Array.from(
    { length: 8 },
    () => byHeader.pick(contextOf(), new HeaderList())?.endpoint.address,
  )
  t.same(countOf(without), { 'a:1': 2, 'b:1': 2, 'c:1': 2, 'd:1': 2 })

  const byAddress = sharedBalancer(
    cluster('d', endpoints, { balancing: { ...balancing, policy: 'ring-hash' } }),
    'inbound',
    toolsWith(),
  )
  const from = (remoteAddress: string) =>
    byAddress.pick(contextOf({}, { remoteAddress }), null)?.endpoint.address
  t.equal(new Set(Array.from({ length: 20 }, () => from('10.0.0.1'))).size, 1)
  t.equal(new Set(Array.from({ length: 100 }, (_, index) => from(`10.0.0.${index}`))).size, 4)
})

test('a failed endpoint is passed over for 5 seconds, then for twice as long, up to a minute', async (t) => {
  const tools = toolsWith()
  const balancer = sharedBalancer(cluster('c', ['a:1', 'b:1']), 'inbound', tools)
  const bad = balancer.pick(contextOf(), null)
  if (!bad) throw new Error('nobody was chosen')
  for (const seconds of [5, 10, 20, 40, 60, 60]) {
    bad.eject()
    bad.eject()
    t.equal(new Set(picks(balancer, 4)).size, 1)
    tools.clock.advance(seconds * 1_000 - 1)
    t.equal(new Set(picks(balancer, 4)).size, 1, `still out before ${seconds} s`)
    tools.clock.advance(1)
    t.equal(new Set(picks(balancer, 4)).size, 2, `back after ${seconds} s`)
  }
  bad.eject()
  bad.welcome()
  t.equal(new Set(picks(balancer, 4)).size, 2)
})

test('when all have failed they are tried all the same, those of weight 0 first while they live', async (t) => {
  const balancer = sharedBalancer(cluster('c', ['a:1', 'b:1', 'z:1=0']), 'inbound', toolsWith())
  const all = new Set<NonNullable<ReturnType<Balancer['pick']>>>()
  const order: string[] = []
  for (let step = 0; step < 3; step++) {
    const candidate = balancer.pick(contextOf(), null, all)
    if (!candidate) throw new Error('nobody was chosen')
    all.add(candidate)
    candidate.eject()
    order.push(candidate.endpoint.address)
  }
  t.equal(order[2], 'z:1')
  t.equal(balancer.pick(contextOf(), null, all), null)
  t.same(countOf(picks(balancer, 10)), { 'a:1': 5, 'b:1': 5 })
})

test('a cluster without endpoints gives nobody, by any policy', async (t) => {
  for (const policy of ['round-robin', 'least-requests', 'ring-hash'] as const) {
    const empty = cluster('c', [], { balancing: { ...balancing, policy } })
    t.equal(sharedBalancer(empty, 'inbound', toolsWith()).pick(contextOf(), null), null)
  }
})

test('what is known survives a push as long as the endpoint does, and is forgotten with it', async (t) => {
  const state = new SharedState()
  const before = toolsWith({}, { state })
  const bad = sharedBalancer(cluster('c', ['a:1', 'b:1']), 'inbound', before).pick(contextOf(), null)
  bad?.eject()
  const after = toolsWith({}, { state })
  const next = sharedBalancer(cluster('c', ['a:1', 'b:1', 'c:1']), 'inbound', after)
  before.shared[Symbol.dispose]()
  t.notOk(picks(next, 12).includes(bad?.endpoint.address))
  t.equal(state.size, 4)
  after.shared[Symbol.dispose]()
  t.equal(state.size, 0)
})

test('a made-up cluster leaves nothing behind in the shared state', async (t) => {
  const state = new SharedState()
  const balancer = privateBalancer(cluster('made-up', ['a:1']), toolsWith({}, { state }))
  t.equal(balancer.pick(contextOf(), null)?.endpoint.address, 'a:1')
  t.equal(state.size, 0)
})

test('what one connection remembers is bounded', async (t) => {
  const sticky = { ...balancing, sticky: 'connection' } as const
  const cx = contextOf()
  for (let index = 0; index < 3_000; index++) {
    privateBalancer(cluster(`made-up-${index}`, ['a:1', 'b:1'], { balancing: sticky }), toolsWith()).pick(
      cx,
      null,
    )
  }
  t.ok(cx.peer.choices.size <= 1_024)
})
