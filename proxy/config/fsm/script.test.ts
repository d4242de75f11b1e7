import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { loadGood } from '../testing/config-file.ts'
import { loadFiles, plugin } from '../testing/manifests.ts'

const example = readFileSync(new URL('../testing/worked-example.json', import.meta.url), 'utf8')
const header = { originalDestination: 'header' }

test('scripts see the whole config without its secrets, and share its objects', async (t) => {
  const withKeys = JSON.parse(example)
  withKeys.Spec.Observability.remoteLogging = { authorization: 'Basic s3cret', address: 'x:1' }
  withKeys.Outbound.ClustersConfigs['shop/stock-v2|8081'].SourceCert = {
    PrivateKey: 's3cret',
    CertChain: 'c',
  }
  const { model } = await loadGood(JSON.stringify(withKeys), header)
  const printed = JSON.stringify(model)
  t.notMatch(printed, 's3cret')
  t.notMatch(printed, 'PrivateKey')
  t.match(printed, 'CertChain')
  t.match(model.script, { Spec: { Observability: { remoteLogging: { address: 'x:1' } } } })
  const service = model.inbound.ports[1]?.http?.hosts.cart?.service
  const match = model.inbound.ports[1]?.script as {
    HttpServiceRouteRules: Record<string, { RouteRules: unknown[]; Plugins: Record<string, unknown> }>
  }
  const rules = match.HttpServiceRouteRules['cart.shop']
  t.equal(service?.script.name, 'cart.shop')
  t.equal(service?.script.RouteRules, rules?.RouteRules)
  t.equal(service?.routes[0]?.script, rules?.RouteRules[0])
  t.equal(service?.plugins['cors-policy'], rules?.Plugins['cors-policy'])
  t.same(model.outbound.clusters['shop/ledger|7000']?.script, {
    name: 'shop/ledger|7000',
    Endpoints: { '10.244.4.4:7000': { Weight: 100 } },
  })
  const copy = structuredClone(model)
  t.same(copy, model, 'the model can go to another thread')
})

test('secrets come into the model for plugins alone that are granted to see them', async (t) => {
  const config = {
    Spec: { Observability: { remoteLogging: { authorization: 'Basic s3cret' } } },
    Certificate: { PrivateKey: 's3cret', CertChain: 'c' },
    Chains: { 'inbound-http': ['plugins/guard.js'] },
  }
  const load = async (more: string) => {
    const files = { 'config.json': JSON.stringify(config), 'plugins.yaml': plugin('guard', more) }
    const { settings, faults } = await loadFiles(files, header)
    if (!settings) throw new Error(faults.join('\n'))
    return settings.model
  }
  const model = await load('policy: { grants: { config: true } }')
  t.notMatch(JSON.stringify(model.script), 's3cret')
  t.same(
    model.secrets.map(({ key, value }) => [key, value]),
    [
      ['authorization', 'Basic s3cret'],
      ['PrivateKey', 's3cret'],
    ],
  )
  const copy = structuredClone(model)
  t.equal(copy.secrets[1]?.holder, copy.script.Certificate, 'also in another thread')
  t.same((await load('')).secrets, [])
})

test("a plugin's own configuration keeps what would be secret elsewhere", async (t) => {
  const plugins = { p: { PrivateKey: 'mine' } }
  const match = {
    Port: 80,
    Protocol: 'http',
    HttpServiceRouteRules: { r: { Plugins: plugins } },
    HttpHostPort2Service: { h: { RuleName: 'r' } },
  }
  const { model } = await loadGood(JSON.stringify({ Outbound: { TrafficMatches: { 80: [match] } } }), header)
  t.same(model.outbound.ports[0]?.http?.hosts.h?.service.plugins, plugins)
})
