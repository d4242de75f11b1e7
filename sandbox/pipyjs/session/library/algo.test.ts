import { test } from 'tap'
import { testContext } from '../../../../chains/policy/testing.ts'
import { evaluate, load } from './testing/evaluate.ts'

test('load balancers choose as their names say', (t) => {
  const rows: Record<string, unknown> = {
    "(b => 'abcdef'.split('').map(() => b.select()).join(''))(new algo.RoundRobinLoadBalancer(['x', 'y', 'z']))":
      'xyzxyz',
    "(b => 'abcdef'.split('').map(() => b.select()).join(''))(new algo.RoundRobinLoadBalancer({ x: 2, y: 1, z: 0 }))":
      'xyxxyx',
    '(b => [b.select(), b.select()])(new algo.RoundRobinLoadBalancer())': [null, null],
    "(b => [b.select('k'), b.select(), b.select('k'), b.select('l')])(new algo.RoundRobinLoadBalancer(['x', 'y', 'z']))":
      ['x', 'y', 'x', 'z'],
    "(b => (b.set(['y', 'w']), [b.select(), b.select(), b.select()]))(new algo.RoundRobinLoadBalancer(['x', 'y']))":
      ['y', 'w', 'y'],
    "(b => (b.set('y', 0), [b.select(), b.select()]))(new algo.RoundRobinLoadBalancer(['x', 'y']))": [
      'x',
      'x',
    ],
    "(b => [b.select('k') === b.select('k'), ['x', 'y'].includes(b.select({}))])(new algo.HashingLoadBalancer(['x', 'y']))":
      [true, true],
    "(b => new Set(Array.from({ length: 100 }, (_, n) => b.select('k' + n))).size)(new algo.HashingLoadBalancer(['x', 'y', 'z']))": 3,
    "(b => (b.add('x'), b.select(1)))(new algo.HashingLoadBalancer())": 'x',
    'new algo.HashingLoadBalancer([]).select(1)': null,
    "(b => [b.select(), b.select(), b.deselect('x'), b.select()])(new algo.LeastWorkLoadBalancer(['x', 'y']))":
      ['x', 'y', null, 'x'],
    '(b => [b.select(), b.select(), b.select(), b.select()])(new algo.LeastWorkLoadBalancer({ x: 3, y: 1 }))':
      ['x', 'y', 'x', 'x'],
    "new algo.RoundRobinLoadBalancer('x')": {
      throws: 'targets are an array of names, or an object of names and weights',
    },
  }
  t.same(evaluate(Object.keys(rows)), Object.values(rows))
  t.end()
})

test('what is marked unhealthy is not chosen, and gets its share again when it is not', (t) => {
  const rows: Record<string, unknown> = {
    "(c => (b => { const r = [b.select()]; c.set('x', true); r.push(b.select(), b.select()); c.remove('x'); r.push(b.select(), b.select()); return r.join('') })(new algo.RoundRobinLoadBalancer(['x', 'y'], c)))(new algo.Cache())":
      'xyyyx',
    "(c => (c.set('x', true), new algo.HashingLoadBalancer(['x'], c).select(1)))(new algo.Cache())":
      undefined,
    "(c => (c.set('x', true), new algo.LeastWorkLoadBalancer(['x', 'y']).select(undefined, c)))(new algo.Cache())":
      'y',
    "(c => (b => { const r = [b.select('k')]; c.set('x', true); r.push(b.select('k')); return r.join('') })(new algo.RoundRobinLoadBalancer(['x', 'y'], c)))(new algo.Cache())":
      'xy',
    "(c => (b => { const me = {}; const first = b.borrow(me); c.set(first.id, true); return b.borrow(me).id !== first.id })(new algo.RoundRobinLoadBalancer(['x', 'y'], c)))(new algo.Cache())": true,
  }
  t.same(evaluate(Object.keys(rows)), Object.values(rows))
  t.end()
})

test('a borrower keeps what it has, and gives it back when it is gone', (t) => {
  using guest = load(`
    ((
      balancer = new algo.RoundRobinLoadBalancer(['x', 'y']),
      least = new algo.LeastWorkLoadBalancer(['x', 'y']),
      seen = [],
    ) => pipy({ _mine: null }).pipeline().onStart(() => {
      _mine = {}
      const mine = balancer.borrow(_mine)
      console.log(JSON.stringify([
        balancer.borrow(_mine) === mine,
        balancer.next(_mine) === mine,
        balancer.borrow() === balancer.borrow(),
        balancer.borrow().id,
        least.borrow({}).id,
        least.borrow({}).id,
        seen.includes(balancer.borrow()),
      ]))
      seen.push(balancer.borrow())
    }))()
  `)
  const [first, second] = [testContext(), testContext()]
  guest.start(first)
  guest.start(first)
  guest.start(second)
  const [one, again, other] = guest.lines.map((line) => JSON.parse(line) as unknown[])
  t.same(one?.slice(0, 3), [true, true, true])
  t.equal(again?.[6], true, 'the connection has what it had before')
  t.equal(again?.[3], one?.[3])
  t.equal(other?.[6], false, 'another connection has something else')
  t.same([one?.[4], one?.[5], again?.[4], other?.[4]], ['x', 'y', 'x', 'x'], 'who is gone has given back')
  t.end()
})

test('algo.LoadBalancer hands out places that can be freed', (t) => {
  const rows: Record<string, unknown> = {
    "new algo.LoadBalancer(['x', 'y']).schedule(5).join('')": 'xyxyx',
    "new algo.LoadBalancer([{ n: 'x', w: 2 }, { n: 'y', w: 1 }], { key: t => t.n, weight: t => t.w }).schedule(6).map(t => t.n).sort().join('')":
      'xxxxyy',
    "(b => { const first = b.allocate(); first.free(); return [first.target, b.allocate() === first, b.allocate().target] })(new algo.LoadBalancer(['x'], { algorithm: 'least-load' }))":
      ['x', true, 'x'],
    "(b => { const all = [b.allocate(), b.allocate(), b.allocate()]; all[1].free(); return all.map(a => a.target).join('') + b.allocate().target })(new algo.LoadBalancer(['x', 'y'], { algorithm: 'least-load' }))":
      'xyxy',
    "(b => new Set([b.allocate(), b.allocate(), b.allocate()]).size)(new algo.LoadBalancer(['x'], { capacity: 2 }))": 2,
    "new algo.LoadBalancer(['x', 'y']).allocate(null, t => t !== 'x').target": 'y',
    "(c => (c.set('x', 1), new algo.LoadBalancer(['x', 'y']).allocate(null, c).target))(new algo.Cache())":
      'y',
    'new algo.LoadBalancer().allocate()': null,
    "new algo.LoadBalancer([], { algorithm: 'random' })": {
      throws: 'the algorithm is round-robin or least-load, and not random',
    },
    "new algo.LoadBalancer(['x']).schedule(1e9)": { throws: 'the size is 0 to 10000' },
  }
  t.same(evaluate(Object.keys(rows)), Object.values(rows))
  t.end()
})

test('ResourcePool, Percentile, SharedMap and hash', (t) => {
  const rows: Record<string, unknown> = {
    '(p => { const a = p.allocate("t"); p.free(a); const b = p.allocate("t"); return [a === b, p.allocate("t") === a, p.allocate("u")] })(new algo.ResourcePool((tag, n = 0) => ({ tag })))':
      [true, false, { tag: 'u' }],
    '(p => { const all = [p.allocate(), p.allocate()]; all.forEach(r => p.free(r)); p.free({}); return p.allocate() === all[0] })(new algo.ResourcePool(() => ({})))': true,
    'new algo.ResourcePool(5)': { throws: 'a ResourcePool takes a function that makes one, and not number' },
    '(p => { for (let n = 1; n <= 100; n++) p.observe(n); return [p.calculate(50), p.calculate(90), p.calculate(99), p.calculate(0)] })(new algo.Percentile([10, 50, 90, 100, Infinity]))':
      [50, 90, 100, 0],
    '(p => { p.observe(5); p.reset(); p.observe(50); return p.calculate(100) })(new algo.Percentile([10, 100]))': 100,
    '(p => { const all = []; p.observe(1); p.observe(20); p.dump((limit, count) => all.push([limit, count])); return all })(new algo.Percentile([10, 100]))':
      [
        [10, 1],
        [100, 2],
      ],
    'new algo.Percentile([2, 1])': { throws: 'the limits of buckets are ascending numbers, and 1 is not' },
    "(m => { const same = new algo.SharedMap('m'); m.set('a', 1); m.add('a', 2); m.sub('n', 4); return [same.get('a'), same.get('n'), same.has('b'), same.size, same.delete('a'), m.get('a'), (m.clear(), same.size), new algo.SharedMap('o').size] })(new algo.SharedMap('m'))":
      [3, -4, false, 2, true, null, 0, 0],
    "[algo.hash('x') === algo.hash('x'), algo.hash('x') === algo.hash('y'), algo.hash(1) === algo.hash('1'), Number.isSafeInteger(algo.hash('x'))]":
      [true, false, false, true],
    '(o => [algo.hash(o) === algo.hash(o), algo.hash(o) === algo.hash({})])({})': [true, false],
    "algo.hash('pinned')": 2_046_541_190_563_391,
  }
  const results = evaluate(Object.keys(rows))
  t.type(results.at(-1), 'number')
  t.same(results.slice(0, -1), Object.values(rows).slice(0, -1))
  t.end()
})
