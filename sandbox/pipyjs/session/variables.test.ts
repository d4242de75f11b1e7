import { test } from 'tap'
import type { Cluster, Model, PortRule, Service } from '../../../chains/model.ts'
import {
  testCluster,
  testContext,
  testModel,
  testPort,
  testRoute,
  testService,
} from '../../../chains/policy/testing.ts'
import { PluginError, PluginFault } from '../../plugin/contract.ts'
import { type GuestOptions, loadGuest, plainOf } from './testing/guest.ts'

const pluginConfig = { tested: { Token: 'abc' } }
const service: Service = {
  ...testService('cart.shop'),
  plugins: pluginConfig,
  script: { name: 'cart.shop', RouteRules: [], Plugins: pluginConfig },
}
const other: Service = {
  ...service,
  name: 'cart2.shop',
  script: { name: 'cart2.shop', Plugins: pluginConfig },
}
const port: PortRule = {
  ...testPort('p'),
  http: {
    hosts: { a: { service, rewriteHost: 'a' }, b: { service: other, rewriteHost: 'b' } },
    hostMatching: 'exact',
    defaultHost: null,
    callerMatching: 'grouped',
    unmatched: 'absent',
  },
  script: { Port: 80, HttpServiceRouteRules: { 'cart.shop': service.script } },
}
const endpoint = {
  address: '10.0.0.1:80',
  host: '10.0.0.1',
  port: 80,
  weight: 100,
  pathPrefix: null,
  viaGateway: null,
}
const cluster: Cluster = testCluster('shop/cart|80', {
  endpoints: [endpoint],
  script: { name: 'shop/cart|80', Endpoints: { '10.0.0.1:80': { Weight: 100 } } },
})
const base = testModel([cluster])
const model: Model = {
  ...base,
  inbound: { ...base.inbound, ports: [port] },
  script: { Inbound: { TrafficMatches: { 80: port.script } }, Spec: { note: 'all' } },
}

const imports = `{ __service: 'inbound-http-routing', __route: 'inbound-http-routing', __cluster: 'inbound-http-routing',
  __port: 'inbound', __protocol: 'inbound', __isHTTP2: 'inbound', __isIngress: 'inbound', __isEgress: 'outbound',
  __target: 'connect-tcp', __plugins: 'inbound' }`

/** Callbacks with all variables of the chain. */
function load(callbacks: readonly string[], options: GuestOptions = {}) {
  const filters = callbacks.map((callback) => `.replaceMessage(${callback})`).join('')
  return loadGuest(`pipy({ _kept: null }).import(${imports}).pipeline()${filters}`, { model, ...options })
}

/** What a callback that is only this expression gives in an exchange. */
function read(expression: string, vars: Parameters<typeof testContext>[0] = {}): unknown {
  using guest = load([`() => (${expression})`])
  return plainOf(guest.open(testContext(vars)).call(guest.fn('replaceMessage'), 'value', []))
}

test('scripts read the variables of the chain, as the chain has them at that moment', async (t) => {
  t.strictSame(
    read('[__service, __route, __cluster, __port, __target, __plugins].map(String).join()'),
    'null,null,null,null,null,null',
  )
  t.equal(read('__service.name', { service }), 'cart.shop')
  t.equal(read('__service?.Plugins?.tested.Token', { service }), 'abc')
  t.equal(read('__cluster.Endpoints["10.0.0.1:80"].Weight', { cluster }), 100)
  t.equal(
    read('[__protocol, __isHTTP2, __isIngress, __isEgress, __target].join()', {
      target: 'a:1',
      isHttp2: true,
    }),
    'http,true,false,false,a:1',
  )
  t.equal(read('__plugins.tested === __service.Plugins.tested', { service }), true)
  t.equal(read('__plugins === __service.Plugins', { service }), true)

  using guest = load(['() => __target'])
  const cx = testContext()
  const context = guest.open(cx)
  t.equal(plainOf(context.call(guest.fn('replaceMessage'), 'value', [])), undefined)
  cx.vars.target = '10.0.0.1:80'
  t.equal(plainOf(context.call(guest.fn('replaceMessage'), 'value', [])), '10.0.0.1:80')
})

test('config objects are the same objects in every exchange, wherever they are met', async (t) => {
  using guest = load(
    [
      '() => (_kept = __service, globalThis.kept = __service)',
      '() => [kept === __service, kept.Plugins === __service.Plugins, kept.Plugins.tested === __plugins.tested]',
      "() => [pipy.solve('config.js') === pipy.solve('config.js'), pipy.solve('/config.js') === pipy.solve('config.js')]",
      "() => [pipy.solve('config.js').Inbound.TrafficMatches[80] === __port]",
      "() => [__port.HttpServiceRouteRules['cart.shop'] === __service]",
    ].map((callback) => callback.replace(/=> (\[.*\])$/, '=> ($1).join()')),
  )
  const run = (index: number, vars: Parameters<typeof testContext>[0]) =>
    plainOf(guest.open(testContext(vars)).call(guest.fn('replaceMessage', index), 'value', []))
  run(0, { service })
  t.equal(run(1, { service }), 'true,true,true')
  t.equal(run(1, { service: other }), 'false,true,true', 'another service with the same plugin config')
  t.equal(run(2, {}), 'true,true')
  t.equal(run(3, { port }), 'true')
  t.equal(run(4, { port, service }), 'true')
})

test('what a script does to config objects stays with it', async (t) => {
  using guest = load([
    '() => { __service.name = "changed"; delete __service.Plugins }',
    '() => __service.name + __service.Plugins',
  ])
  const context = guest.open(testContext({ service }))
  context.call(guest.fn('replaceMessage', 0), 'nothing', [])
  t.equal(plainOf(context.call(guest.fn('replaceMessage', 1), 'value', [])), 'changedundefined')
  t.equal(service.script.name, 'cart.shop')
  t.equal(service.script.Plugins, pluginConfig)
})

test('a config with odd keys and shared parts arrives as it is', async (t) => {
  const shared = JSON.parse('{ "__proto__": { "deep": [1, 2] }, "constructor": "c" }')
  const script = { a: shared, b: [shared, { c: shared }], 'x"y': null, __links: 'mine' }
  using guest = loadGuest(
    `pipy().pipeline().replaceMessage(() => (c => [c.a === c.b[0], c.a === c.b[1].c, Object.hasOwn(c.a, '__proto__'),
      c.a['__proto__'].deep[1], c.a.constructor, c['x"y'], c.__links].join())(pipy.solve('config.js')))`,
    { model: { ...testModel(), script } },
  )
  t.equal(plainOf(guest.open().call(guest.fn('replaceMessage'), 'value', [])), 'true,true,true,2,c,,mine')
})

test('the inbound connection is one object for all its exchanges', async (t) => {
  using guest = load([
    '() => (globalThis.kept = __inbound, [__inbound.remoteAddress, __inbound.remotePort, __inbound.destinationPort].join())',
    '() => kept === __inbound',
    'inbound => inbound === __inbound',
    '() => { __inbound = 1 }',
  ])
  const one = testContext()
  const again = { ...testContext(), peer: one.peer, vars: one.vars, log: one.log } as typeof one
  const run = (index: number, cx: typeof one) =>
    plainOf(guest.open(cx).call(guest.fn('replaceMessage', index), 'value', []))
  t.equal(run(0, one), '192.0.2.7,40000,80')
  t.equal(run(1, again), true)
  t.equal(run(1, testContext()), false)
  t.equal(plainOf(guest.open(one).call(guest.fn('replaceMessage', 2), 'value', [{ type: 'inbound' }])), true)
  t.throws(() => run(3, one), /__inbound cannot be assigned to/)
})

test('an import that nobody exports refuses the plugin, by its name and the variable’s', async (t) => {
  const fault = (imported: string) => {
    try {
      return loadGuest(`pipy()\n.import(${imported})`, { model, spec: { name: 'iam' } }) && 'none'
    } catch (thrown) {
      if (thrown instanceof PluginFault) return thrown.message
      throw thrown
    }
  }
  t.equal(
    fault("{ __gone: 'inbound' }"),
    "tested.js:2:8: plugin iam: cannot import variable __gone: 'inbound' has __protocol, __port, __isHTTP2, __isIngress, __target, __plugins, and no such variable",
  )
  t.match(
    fault("{ __service: 'inbound' }"),
    "cannot import variable __service: it is not in 'inbound', but in 'inbound-http-routing', 'outbound-http-routing'",
  )
  t.match(fault("{ foo: 'nobody' }"), "no module exports 'nobody'")
  t.match(fault("{ constructor: 'inbound' }"), 'cannot import variable constructor')
})

test('assignments take effect when the call has ended well', async (t) => {
  using guest = load([
    '() => (__target = "10.0.0.1:80", __target)',
    '() => { __target = "a:1"; __isEgress = true; throw 1 }',
    '() => (__service = null, __route = undefined, __isEgress = true, [__service, __route, __isEgress].join())',
  ])
  const cx = testContext({ service, route: testRoute('r'), target: 'old:1' })
  const context = guest.open(cx)
  t.throws(() => context.call(guest.fn('replaceMessage', 1), 'value', []), PluginError)
  t.equal(cx.vars.target, 'old:1')
  t.equal(cx.vars.isEgress, false)
  t.equal(plainOf(context.call(guest.fn('replaceMessage', 0), 'value', [])), '10.0.0.1:80')
  t.equal(cx.vars.target, '10.0.0.1:80')
  t.equal(plainOf(context.call(guest.fn('replaceMessage', 2), 'value', [])), ',,true')
  t.strictSame([cx.vars.service, cx.vars.route, cx.vars.isEgress], [null, null, true])
})

test('assignments that make no sense are errors', async (t) => {
  const thrown = (expression: string) => {
    try {
      return read(expression, { service, port })
    } catch (error) {
      return (error as Error).message
    }
  }
  t.match(thrown('(__port = null)'), '__port cannot be assigned to: it is too late to choose another port')
  t.match(thrown("(__protocol = 'tcp')"), '__protocol cannot be assigned to')
  t.match(thrown('(__plugins = {})'), '__plugins cannot be assigned this object')
  t.match(thrown('(__service = {})'), '__service cannot be assigned this object: it can only be set to null')
  t.match(thrown('(__target = 5)'), '__target is an address such as 10.0.0.1:8080, and not 5')
  t.match(thrown("(__target = 'a b:1')"), '__target: "a b:1" is no address')
  t.match(thrown('(__isEgress = 1)'), '__isEgress is true or false')
  t.match(thrown('(__cluster = 7)'), '__cluster is an object or null')
  t.match(thrown('(__cluster = () => 1)'), '__cluster cannot be a function')
})
