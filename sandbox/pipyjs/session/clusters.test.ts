import { test } from 'tap'
import type { Cluster } from '../../../chains/model.ts'
import { defaultPluginPolicy } from '../../../chains/plugins.ts'
import { testCluster, testContext, testModel, testPort } from '../../../chains/policy/testing.ts'
import { loadGuest, plainOf } from './testing/guest.ts'

const endpoint = {
  address: '10.0.0.1:80',
  host: '10.0.0.1',
  port: 80,
  weight: 100,
  pathPrefix: null,
  viaGateway: null,
}
const known: Cluster = testCluster('shop/cart|80', {
  endpoints: [endpoint],
  connectTimeoutMs: 77,
  script: { name: 'shop/cart|80', Endpoints: { '10.0.0.1:80': { Weight: 100 } } },
})
const model = testModel([known])
const anywhere = ['*:*']

/** Callbacks that can assign `__cluster` in an exchange of that direction. */
function load(callbacks: readonly string[], connect: readonly string[] = anywhere, config = model) {
  const filters = callbacks.map((callback) => `.replaceMessage(${callback})`).join('')
  const policy = { ...defaultPluginPolicy, grants: { ...defaultPluginPolicy.grants, connect } }
  return loadGuest(
    `pipy({ _own: null }).import({ __cluster: 'outbound-http-routing', __target: 'connect-tcp' }).pipeline()${filters}`,
    { model: config, spec: { policy } },
  )
}

/** What the chain has for its cluster after `__cluster = VALUE`. */
function assigned(
  value: string,
  direction: 'inbound' | 'outbound' = 'outbound',
  connect = anywhere,
): Cluster | null {
  using guest = load([`() => { __cluster = ${value} }`], connect)
  const cx = testContext({}, { direction })
  guest.open(cx).call(guest.fn('replaceMessage'), 'nothing', [])
  return cx.vars.cluster
}

test('an object in FSM’s form becomes a cluster', async (t) => {
  const cluster = assigned(
    "{ name: 'mirror', Endpoints: { '10.0.0.2:8080': { Weight: 50, Path: '/m', ViaGateway: '10.9.9.9:1' }, '[::1]:9': 0, 'svc.shop:80': { Weight: 1 } } }",
  )
  t.equal(cluster?.name, 'mirror')
  t.strictSame(cluster?.endpoints, [
    {
      address: '10.0.0.2:8080',
      host: '10.0.0.2',
      port: 8080,
      weight: 50,
      pathPrefix: '/m',
      viaGateway: '10.9.9.9:1',
    },
    { address: '[::1]:9', host: '::1', port: 9, weight: 0, pathPrefix: null, viaGateway: null },
    { address: 'svc.shop:80', host: 'svc.shop', port: 80, weight: 1, pathPrefix: null, viaGateway: null },
  ])
  t.strictSame(
    assigned("{ name: 'x', Endpoints: { '127.0.0.1:9000': 100 } }", 'inbound')?.endpoints[0]?.weight,
    100,
  )
  t.equal(assigned('null'), null)
})

test('an object that says what the config says is the config’s own cluster', async (t) => {
  t.equal(assigned("{ Endpoints: { '10.0.0.1:80': { Weight: 100 } }, name: 'shop/cart|80' }"), known)
  const changed = assigned("{ name: 'shop/cart|80', Endpoints: { '10.0.0.3:80': { Weight: 1 } } }")
  t.not(changed, known)
  t.equal(changed?.connectTimeoutMs, 77, 'what the config says of that name holds for it')
})

test('the same object is the same cluster in every exchange', async (t) => {
  using guest = load([
    "(own = { name: 'mine', Endpoints: { 'a.b:1': { Weight: 1 } } }) => { globalThis.own ??= own; __cluster = globalThis.own; _own = __cluster }",
    '() => [__cluster === own, _own === own, __cluster === __cluster].join()',
    "() => { __cluster = { name: 'mine', Endpoints: { 'a.b:1': { Weight: 1 } } } }",
    '() => { throw (__cluster = null, 1) }',
  ])
  const clusters = [1, 2].map(() => {
    const cx = testContext({}, { direction: 'outbound' })
    const context = guest.open(cx)
    context.call(guest.fn('replaceMessage', 0), 'nothing', [])
    t.equal(plainOf(context.call(guest.fn('replaceMessage', 1), 'value', [])), 'true,true,true')
    const cluster = cx.vars.cluster
    context.call(guest.fn('replaceMessage', 2), 'nothing', [])
    t.equal(cx.vars.cluster, cluster, 'one made anew that says the same')
    t.throws(() => context.call(guest.fn('replaceMessage', 3), 'value', []))
    t.equal(cx.vars.cluster, cluster)
    return cluster
  })
  t.equal(clusters[0], clusters[1])
})

test('a clone starts with the cluster that its parent assigned', async (t) => {
  using guest = load([
    "() => { globalThis.own = { name: 'mine', Endpoints: {} }; __cluster = own }",
    '() => __cluster === own',
    '() => { __cluster = null }',
  ])
  const parent = testContext({}, { direction: 'outbound' })
  const context = guest.open(parent)
  context.call(guest.fn('replaceMessage', 0), 'nothing', [])
  const copy = testContext({ ...parent.vars }, { direction: 'outbound' })
  const clone = guest.open(copy, context)
  t.equal(plainOf(clone.call(guest.fn('replaceMessage', 1), 'value', [])), true)
  clone.call(guest.fn('replaceMessage', 2), 'nothing', [])
  t.equal(copy.vars.cluster, null)
  t.equal(parent.vars.cluster?.name, 'mine')
})

test('what is no cluster is refused, with what would be right', async (t) => {
  const refusals = {
    '{}': '__cluster.name must be a text',
    '[]': '__cluster must be an object',
    '{ name: 5 }': '__cluster.name must be a text',
    "{ name: 'x', endpoints: {} }": '__cluster.endpoints is not known; it is spelt Endpoints',
    "{ name: 'x', Endpoints: [] }": '__cluster.Endpoints must be an object',
    "{ name: 'x', Endpoints: { 'a:0': 1 } }": '"a:0" is no address; it would be host:port',
    "{ name: 'x', Endpoints: { 'a:70000': 1 } }": 'is no address',
    "{ name: 'x', Endpoints: { '[a]:1': 1 } }": 'is no address',
    "{ name: 'x', Endpoints: { 'user@a:1': 1 } }": 'is no address',
    "{ name: 'x', Endpoints: { 'a:1': { Weight: -1 } } }": 'its weight must be a number from 0',
    "{ name: 'x', Endpoints: { 'a:1': { weight: 1 } } }": 'weight is not known; it is spelt Weight',
    "{ name: 'x', Endpoints: { 'a:1': { Weight: 1, ViaGateway: 'b' } } }": 'is no address',
    "{ name: 'x', Endpoints: { 'a:1': 'heavy' } }": '__cluster.Endpoints["a:1"] must be an object',
  }
  for (const [value, refusal] of Object.entries(refusals)) {
    t.throws(() => assigned(value), new RegExp(refusal.replace(/\W/g, '\\$&')), value)
  }
  t.throws(
    () => assigned("{ name: 'x', Endpoints: { 'a:1': { Weight: 1 } } }", 'inbound'),
    /must be a weight/,
  )
})

test('a cluster leads nowhere but to what the clusters of the config have, and to what the plugin is granted', async (t) => {
  const { gateway, here } = { gateway: '10.9.9.9:1', here: '10.0.0.1:80' }
  const refused = (endpoints: string, connect: string[] = []) => {
    try {
      assigned(`{ name: 'x', Endpoints: ${endpoints} }`, 'outbound', connect)
      return null
    } catch (error) {
      return (error as Error).message
    }
  }
  t.match(
    refused("{ '169.254.169.254:80': { Weight: 1 } }"),
    '__cluster.Endpoints["169.254.169.254:80"]: 169.254.169.254:80 is not granted to tested: no cluster of the config has it, so its policy needs grants: { connect: ["169.254.169.254:80"] }',
  )
  t.match(refused(`{ '${here}': { Weight: 1 }, '10.0.0.1:81': { Weight: 0 } }`), '10.0.0.1:81 is not granted')
  t.match(refused(`{ '${here}': { ViaGateway: '${gateway}' } }`), /ViaGateway: 10.9.9.9:1 is not granted/)
  t.equal(refused(`{ '${here}': { Weight: 5, ViaGateway: '${here}' } }`), null)
  t.equal(refused(`{ '${here}': { ViaGateway: '${gateway}' } }`, [gateway]), null)
  t.equal(refused("{ 'Mirror.shop:80': { Weight: 1 } }", ['mirror.shop:*']), null)
  t.equal(refused('{}'), null)
})

test('a target is where a cluster could lead too, or where the connection may go by itself', async (t) => {
  const accepts = (target: string, connect: string[] = [], config = model, mayLeave = false) => {
    using guest = load([`() => { __target = '${target}' }`], connect, config)
    const tcp = { targets: [], allowEgress: mayLeave, plugins: {} }
    const cx = testContext({ port: { ...testPort('db'), tcp } }, { direction: 'outbound' })
    try {
      guest.open(cx).call(guest.fn('replaceMessage'), 'nothing', [])
    } catch (error) {
      t.match((error as Error).message, /__target: \S+ is not granted to tested/)
    }
    return cx.vars.target === target
  }
  t.ok(accepts('10.0.0.1:80'))
  t.notOk(accepts('169.254.169.254:80'))
  t.ok(accepts('169.254.169.254:80', ['169.254.169.254:80']))
  // where the connection was going
  t.notOk(accepts('10.0.0.1:80', [], testModel()))
  t.ok(accepts('10.0.0.1:80', [], testModel(), true))
  t.notOk(accepts('10.0.0.1:81', [], testModel(), true))
})
