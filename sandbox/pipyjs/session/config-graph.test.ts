import { test } from 'tap'
import type { JsonObject, Model, PortRule, Service } from '../../../chains/model.ts'
import { defaultPluginPolicy } from '../../../chains/plugins.ts'
import { testContext, testModel, testPort, testService } from '../../../chains/policy/testing.ts'
import { loadGuest, plainOf } from './testing/guest.ts'

const plugins = {
  tested: { Token: 'own', Plugins: { deep: 'kept' } },
  other: { Token: 's3cret' },
}
const service: Service = {
  ...testService('cart'),
  plugins,
  script: { name: 'cart', Plugins: plugins },
}
const ofPort = { tested: { a: 1 }, other: { Token: 's3cret' } }
const port: PortRule = {
  ...testPort('80'),
  http: {
    hosts: { cart: { service, rewriteHost: 'cart' } },
    hostMatching: 'exact',
    defaultHost: null,
    callerMatching: 'grouped',
    unmatched: 'absent',
  },
  tcp: { targets: [], allowEgress: false, plugins: ofPort },
  script: { HttpServiceRouteRules: { cart: service.script }, TcpServiceRouteRules: { Plugins: ofPort } },
}
const certificate: JsonObject = { CertChain: 'public' }
const base = testModel()
const model: Model = {
  ...base,
  inbound: { ...base.inbound, ports: [port] },
  script: { Inbound: { TrafficMatches: { 80: port.script } }, Certificate: certificate },
  secrets: [{ holder: certificate, key: 'PrivateKey', value: 's3cret key' }],
}

/** What an expression gives in an exchange of a plugin that is granted the config, or is not. */
function seen(expression: string, isGranted: boolean): unknown {
  const grants = { ...defaultPluginPolicy.grants, config: isGranted }
  const policy = { ...defaultPluginPolicy, grants, limits: { ...defaultPluginPolicy.limits, callMs: 1_000 } }
  using guest = loadGuest(
    `pipy().import({ __service: 'inbound-http-routing', __port: 'inbound', __plugins: 'inbound' })
    .pipeline().replaceMessage(() => (${expression}))`,
    { model, spec: { policy } },
  )
  return plainOf(guest.open(testContext({ service, port })).call(guest.fn('replaceMessage'), 'value', []))
}

/** All ways to the config. */
const everywhere = `[
  pipy.solve('config.js'), pipy.solve('config.js').Inbound.TrafficMatches[80],
  JSON.decode(pipy.load('config.json')), __service, __service.Plugins, __plugins, __port,
].map(one => JSON.stringify(one)).join()`

test("a script sees no secrets, and no plugin's configuration but its own", async (t) => {
  t.notMatch(seen(everywhere, false), 's3cret')
  t.equal(
    seen('JSON.stringify(__service.Plugins)', false),
    '{"tested":{"Token":"own","Plugins":{"deep":"kept"}}}',
  )
  t.equal(seen('JSON.stringify(__port.TcpServiceRouteRules.Plugins)', false), '{"tested":{"a":1}}')
  t.equal(seen("JSON.stringify(pipy.solve('config.js').Certificate)", false), '{"CertChain":"public"}')
  t.equal(seen('__plugins === __service.Plugins', false), true)
})

test('a plugin that is granted the config sees all of it', async (t) => {
  t.equal(seen('__service.Plugins.other.Token', true), 's3cret')
  t.equal(seen('__plugins.other === __service.Plugins.other', true), true)
  t.equal(seen("pipy.solve('config.js').Certificate.PrivateKey", true), 's3cret key')
  t.equal(seen("JSON.decode(pipy.load('config.json')).Certificate.PrivateKey", true), 's3cret key')
})
