import { readFileSync } from 'node:fs'
import { test } from 'tap'
import type { Json, Model, Service } from '../../../chains/model.ts'
import { loadFiles, modelOf, plugin, pluginChain, pluginConfig, sidecar } from '../testing/manifests.ts'

const mounts = ['inbound-http', 'inbound-tcp', 'outbound-http', 'outbound-tcp']
  .map((chain) => pluginChain(chain, ['cors']))
  .join('')
const ref = (name: string, namespace?: string) =>
  `{ kind: Service, name: ${name}${namespace === undefined ? '' : `, namespace: ${namespace}`} }`

/** The services of a model by their names; TCP rules by those of their ports. */
function toldTo(model: Model): Readonly<Record<string, Json>> {
  const told: [string, Json][] = []
  for (const { name, http, tcp } of [...model.inbound.ports, ...model.outbound.ports]) {
    if (tcp) told.push([name, tcp.plugins])
    for (const { service } of Object.values(http?.hosts ?? {})) told.push([service.name, service.plugins])
  }
  return Object.fromEntries(told.filter(([, plugins]) => Object.keys(plugins as object).length > 0))
}

test('a PluginConfig tells each service what is meant for it', async (t) => {
  const model = await modelOf({
    'plugins.yaml':
      plugin('cors') +
      mounts +
      pluginConfig('a', 'cors', ref('shop'), '{ of: shop }') +
      pluginConfig('b', 'cors', `${ref('stock', 'demo')}, ${ref('ledger')}`, '{ of: others }'),
  })
  t.strictSame(toldTo(model), {
    shop: { cors: { of: 'shop' } },
    ledger: { cors: { of: 'others' } },
    stock: { cors: { of: 'others' } },
    'bank.money': { cors: { from: 'service' } },
  })
})

test('scripts see the same objects in their variables', async (t) => {
  const model = await modelOf({
    'plugins.yaml':
      plugin('cors') + mounts + pluginConfig('a', 'cors', `${ref('shop')}, ${ref('ledger')}`, '{ of: [1] }'),
  })
  const [shop, ledger] = model.inbound.ports
  const service = shop?.http?.hosts['*']?.service
  t.match(service?.script, { Plugins: { cors: { of: [1] } } })
  t.equal(service?.script.Plugins, service?.plugins)
  t.match(ledger?.script, { TcpServiceRouteRules: { Plugins: { cors: { of: [1] } } } })
  t.match(shop?.script, { HttpServiceRouteRules: { shop: { Plugins: { cors: { of: [1] } } } } })
})

const meetings: readonly (readonly [name: string, namespace: string | undefined, isMet: boolean])[] = [
  ['stock', 'demo', true],
  ['stock', undefined, true],
  ['stock', 'other', false],
  ['Stock', 'demo', true],
  ['sto', 'demo', false],
  ['host', 'shops', true],
  ['host', 'demo', false],
  ['api', 'example', false],
]

for (const [name, namespace, isMet] of meetings) {
  test(`${name} of ${namespace ?? 'the namespace of the PluginConfig'} is ${isMet ? '' : 'not '}the service stock`, async (t) => {
    const { settings } = await loadFiles({
      'sidecar.yaml': `
sidecar: { namespace: demo }
outbound:
  listen: 127.0.0.1:0
  services: [{ name: stock, hosts: [host.shops.svc.cluster.local:8080, api.example.com], endpoints: [127.0.0.1:1] }]
`,
      'plugins.yaml': plugin('cors') + mounts + pluginConfig('c', 'cors', ref(name, namespace), '{ a: 1 }'),
    })
    if (!settings) throw new Error('it was refused')
    t.equal('stock' in toldTo(settings.model), isMet)
  })
}

test('where no namespace is known, names are enough', async (t) => {
  const config = 'inbound: [{ name: shop, listen: 127.0.0.1:0, application: 127.0.0.1:1 }]'
  const model = await modelOf({
    'sidecar.yaml': config,
    'plugins.yaml':
      plugin('cors') +
      pluginChain('inbound-http', ['cors']) +
      pluginConfig('c', 'cors', ref('shop', 'any'), '{ a: 1 }'),
  })
  t.strictSame(toldTo(model), { shop: { cors: { a: 1 } } })
})

test('only the chains that a plugin stands in are told', async (t) => {
  const model = await modelOf({
    'plugins.yaml':
      plugin('cors') +
      pluginChain('inbound-http', ['cors']) +
      pluginConfig('c', 'cors', `${ref('shop')}, ${ref('stock')}, ${ref('ledger')}`, '{ a: 1 }'),
  })
  t.strictSame(Object.keys(toldTo(model)), ['shop', 'bank.money'])
})

test('a plugin is granted the places that its policy lists, which may be none; without a list its configs say', async (t) => {
  const connects = async (more = '') => {
    const files =
      plugin('cors', more) +
      pluginChain('inbound-http', ['cors']) +
      pluginConfig('c', 'cors', ref('shop'), '{ verifier: "auth:8080" }')
    return (await modelOf({ 'plugins.yaml': files })).plugins[0]?.policy.grants.connect
  }
  t.equal(await connects(), null)
  t.strictSame(await connects('policy: { grants: { connect: ["*:1"] } }'), ['*:1'])
  t.strictSame(await connects('policy: { grants: { connect: [] } }'), [])
})

const example = readFileSync(new URL('../testing/worked-example.json', import.meta.url), 'utf8')
const header = { originalDestination: 'header' }
const fsmPlugins = ['cors-policy', 'token-injector', 'guard'].map((name) => plugin(name)).join('')
const everywhere = ['inbound-http', 'inbound-tcp', 'outbound-http', 'outbound-tcp']
  .map((chain) => pluginChain(chain, ['guard']))
  .join('')

function fsmServices({ inbound, outbound }: Model): Readonly<Record<string, Service>> {
  const services = [...inbound.ports, ...outbound.ports].flatMap(({ http }) =>
    Object.values(http?.hosts ?? {}).map((host) => host.service),
  )
  return Object.fromEntries(services.map((service) => [service.name, service]))
}

test("FSM's rules are met by name and namespace, and what its config carries stands", async (t) => {
  const files = {
    'config.json': example,
    'plugins.yaml':
      fsmPlugins +
      everywhere +
      pluginConfig(
        'a',
        'guard',
        `${ref('cart', 'shop')}, ${ref('stock', 'shop')}, ${ref('ledger', 'shop')}`,
        '{ a: 1 }',
      ) +
      pluginConfig('b', 'cors-policy', ref('cart', 'shop'), '{ mine: true }'),
  }
  const { settings, faults } = await loadFiles(files, header)
  if (!settings) throw new Error(faults.join('\n'))
  const { model } = settings
  const cart = fsmServices(model)['cart.shop']
  t.match(cart?.plugins, { guard: { a: 1 }, 'cors-policy': { maxAge: '10m' } })
  t.notMatch(cart?.plugins, { 'cors-policy': { mine: true } })
  t.equal(cart?.script.Plugins, cart?.plugins)
  const stock = fsmServices(model)['stock.shop.svc.cluster.local']
  t.match(stock?.plugins, { guard: { a: 1 }, 'token-injector': { AccessToken: 'abc' } })
  const tcp = model.outbound.ports.find((rule) => rule.tcp)
  t.same(tcp?.tcp?.plugins, { guard: { a: 1 } })
  t.match(tcp?.script, { TcpServiceRouteRules: { Plugins: { guard: { a: 1 } } } })
  t.match(model.script, {
    Inbound: {
      TrafficMatches: { 8080: { HttpServiceRouteRules: { 'cart.shop': { Plugins: { guard: { a: 1 } } } } } },
    },
  })
  t.same(
    model.inbound.ports.find((rule) => rule.tcp)?.tcp?.plugins,
    { guard: { a: 1 } },
    'known by its cluster',
  )
})

test('gRPC and ingress rules of FSM are told too', async (t) => {
  const config = JSON.parse(example) as {
    Inbound: { TrafficMatches: Record<string, Record<string, unknown>> }
  }
  const match = config.Inbound.TrafficMatches['8080']
  if (!match) throw new Error('the sample is broken')
  match.Protocol = 'grpc'
  match.HttpHostPort2Service = { '*': { RuleName: 'ingress_all' } }
  match.HttpServiceRouteRules = {
    ingress_all: {
      RouteRules: [{ Path: '.*', Type: 'Regex', TargetClusters: { 'shop/cart|9000|local': 100 } }],
    },
  }
  const files = {
    'config.json': JSON.stringify(config),
    'plugins.yaml': fsmPlugins + everywhere + pluginConfig('a', 'guard', ref('cart', 'shop'), '{ a: 1 }'),
  }
  const { settings, faults } = await loadFiles(files, header)
  if (!settings) throw new Error(faults.join('\n'))
  t.match(fsmServices(settings.model).ingress_all?.plugins, { guard: { a: 1 } })
})

test('two PluginConfigs that say the same of a service do not fight', async (t) => {
  const model = await modelOf({
    'plugins.yaml':
      plugin('cors') +
      pluginChain('inbound-http', ['cors']) +
      pluginConfig('a', 'cors', ref('shop'), '{ a: 1 }') +
      pluginConfig('b', 'cors', ref('shop'), '{ a: 1 }'),
  })
  t.strictSame(toldTo(model).shop, { cors: { a: 1 } })
})

test('a plugin of our own list is configured for all services that say nothing', async (t) => {
  const model = await modelOf({
    'sidecar.yaml': `${sidecar}\nplugins: [{ name: cors, config: { usual: true } }]`,
    'plugins.yaml': plugin('cors') + mounts + pluginConfig('a', 'cors', ref('stock'), '{ a: 1 }'),
  })
  t.strictSame(toldTo(model), {
    shop: { cors: { usual: true } },
    ledger: { cors: { usual: true } },
    stock: { cors: { a: 1 } },
    'bank.money': { cors: { from: 'service' } },
  })
})
