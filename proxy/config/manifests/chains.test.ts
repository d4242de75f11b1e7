import { test } from 'tap'
import { chainNames } from '../../../chains/model.ts'
import { loadFiles, modelOf, plugin, pluginChain, sidecar, steps } from '../testing/manifests.ts'

const plugins = plugin('cors', 'priority: 165') + plugin('audit', 'priority: 165') + plugin('late')

test('a PluginChain puts plugins into a chain, by priority and then by name', async (t) => {
  const model = await modelOf({
    'plugins.yaml': plugins + pluginChain('inbound-http', ['late', 'cors', 'audit']),
  })
  t.strictSame(steps(model, 'inbound-http'), [
    'inbound-tls-termination',
    'inbound-http-routing',
    'plugins/audit',
    'plugins/cors',
    'inbound-metrics-http',
    'inbound-tracing-http',
    'inbound-logging-http',
    'inbound-throttle-service',
    'inbound-throttle-route',
    'plugins/late',
    'inbound-http-load-balancing',
    'inbound-http-default',
  ])
  t.strictSame(
    model.plugins.map(({ name, priority }) => [name, priority]),
    [
      ['audit', 165],
      ['cors', 165],
      ['late', 115],
    ],
  )
  for (const chain of chainNames.slice(0, 1))
    t.notOk(steps(model, chain).some((name) => name.startsWith('plugins/')))
})

test('at the same priority built-in steps come first', async (t) => {
  const files = { 'plugins.yaml': plugin('aaa', 'priority: 170') + pluginChain('inbound-http', ['aaa']) }
  t.equal(steps(await modelOf(files), 'inbound-http').indexOf('plugins/aaa'), 2)
})

test('a plugin that several PluginChains name stands in a chain once', async (t) => {
  const model = await modelOf({
    'plugins.yaml':
      plugins +
      pluginChain('inbound-http', ['cors']) +
      pluginChain('inbound-http', ['cors', 'audit', 'late']) +
      pluginChain('outbound-tcp', ['cors']),
  })
  t.equal(steps(model, 'inbound-http').filter((name) => name === 'plugins/cors').length, 1)
  t.ok(steps(model, 'outbound-tcp').includes('plugins/cors'))
  t.equal(model.plugins.length, 3)
})

const selectors: readonly (readonly [selectors: string, isSelected: boolean])[] = [
  ['{}', true],
  ['{ podSelector: {} }', true],
  ['{ podSelector: null, namespaceSelector: null }', true],
  ['{ podSelector: { matchLabels: { app: shop } } }', true],
  ['{ podSelector: { matchLabels: { app: shop, tier: db } } }', false],
  ['{ podSelector: { matchLabels: { toString: x } } }', false],
  ['{ podSelector: { matchExpressions: [{ key: app, operator: In, values: [stock, shop] }] } }', true],
  ['{ podSelector: { matchExpressions: [{ key: app, operator: In, values: [stock] }] } }', false],
  ['{ podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [stock] }] } }', true],
  ['{ podSelector: { matchExpressions: [{ key: none, operator: NotIn, values: [x] }] } }', true],
  ['{ podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [shop] }] } }', false],
  ['{ podSelector: { matchExpressions: [{ key: tier, operator: Exists }] } }', true],
  ['{ podSelector: { matchExpressions: [{ key: none, operator: Exists }] } }', false],
  ['{ podSelector: { matchExpressions: [{ key: none, operator: DoesNotExist }] } }', true],
  [
    '{ podSelector: { matchLabels: { app: shop }, matchExpressions: [{ key: tier, operator: DoesNotExist }] } }',
    false,
  ],
  ['{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: demo } } }', true],
  ['{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: other } } }', false],
  ['{ namespaceSelector: { matchLabels: { team: red } } }', true],
  [
    '{ podSelector: { matchLabels: { app: shop } }, namespaceSelector: { matchLabels: { team: blue } } }',
    false,
  ],
]

for (const [selector, isSelected] of selectors) {
  test(`${selector} selects ${isSelected ? 'this' : 'another'} sidecar`, async (t) => {
    const files = {
      'plugins.yaml': plugins + pluginChain('inbound-http', ['cors', 'audit', 'late'], selector),
    }
    const model = await modelOf(files, { namespaceLabels: 'team=red' })
    t.equal(steps(model, 'inbound-http').includes('plugins/cors'), isSelected)
    t.equal(model.plugins.length, isSelected ? 3 : 0, 'what stands in no chain is not loaded')
  })
}

test('labels come from flags, from a file of the downward API, and from the config', async (t) => {
  const by = (app: string) => ({
    'plugins.yaml':
      plugin('cors') +
      pluginChain('inbound-http', ['cors'], `{ podSelector: { matchLabels: { app: ${app} } } }`),
    labels: 'app="from-file"\nversion="1\\t"\n\n',
  })
  const has = async (...args: Parameters<typeof modelOf>) => (await modelOf(...args)).plugins.length === 1
  t.ok(await has(by('shop')))
  t.ok(await has(by('from-file'), { labelsFile: 'labels' }))
  t.ok(await has(by('from-flag'), { labels: 'app=from-flag', labelsFile: 'labels' }))
  const { settings } = await loadFiles(by('x'), { labels: 'team=red', labelsFile: 'labels' })
  t.strictSame(settings?.model.identity.labels, { app: 'from-file', version: '1\t', team: 'red' })
  t.ok(settings?.files.includes('labels'), 'and is watched')
})

test('a plugin that is called like a built-in module takes its place', async (t) => {
  const model = await modelOf({
    'plugins.yaml': plugin('inbound-throttle-route') + plugin('outbound-retry', 'priority: 119'),
  })
  t.equal(steps(model, 'inbound-http').indexOf('inbound-throttle-route'), -1)
  t.same(model.chains['inbound-http'][6], { name: 'plugins/inbound-throttle-route.js', priority: 120 })
  t.same(
    model.chains['outbound-http'].find(({ name }) => name === 'plugins/outbound-retry.js'),
    { name: 'plugins/outbound-retry.js', priority: 119 },
    'its own priority counts, if it has one',
  )
  t.notOk(steps(model, 'outbound-http').includes('outbound-retry'))
})

test('one that PluginChains name takes that place only where they say', async (t) => {
  const files = (app: string) => ({
    'plugins.yaml':
      plugin('inbound-throttle-route') +
      pluginChain(
        'inbound-http',
        ['inbound-throttle-route'],
        `{ podSelector: { matchLabels: { app: ${app} } } }`,
      ),
  })
  t.ok(steps(await modelOf(files('shop')), 'inbound-http').includes('plugins/inbound-throttle-route'))
  t.ok(steps(await modelOf(files('other')), 'inbound-http').includes('inbound-throttle-route'))
})

test("what the config's own chains say of a plugin stands", async (t) => {
  const config = `${sidecar}
chains:
  inbound-http: { plugins/cors.js: 125, plugins/zebra.js: 125, plugins/audit.js: 125 }
  outbound-http: [http-routing, plugins/cors.js, load-balancing, fallback]
`
  const model = await modelOf({
    'sidecar.yaml': config,
    'plugins.yaml':
      plugins +
      plugin('zebra') +
      pluginChain('inbound-http', ['cors']) +
      pluginChain('outbound-http', ['late', 'cors']),
  })
  t.strictSame(
    steps(model, 'inbound-http').filter((name) => name.startsWith('plugins/')),
    ['plugins/audit', 'plugins/cors', 'plugins/zebra'],
  )
  t.same(model.chains['inbound-http'].find(({ name }) => name === 'plugins/cors.js')?.priority, 125)
  t.strictSame(steps(model, 'outbound-http'), [
    'outbound-http-routing',
    'plugins/cors',
    'plugins/late',
    'outbound-http-load-balancing',
    'outbound-http-default',
  ])
})

test('a plugin that another one names by its file comes with it', async (t) => {
  const script = "pipy().pipeline().chain(['plugins/late.js', 'modules/inbound-http-default.js'])"
  const model = await modelOf({
    'plugins.yaml': `${plugin('late')}
apiVersion: plugin.flomesh.io/v1alpha1
kind: Plugin
metadata: { name: first }
spec: { pipyscript: "${script}" }
---
${pluginChain('inbound-http', ['first'])}`,
  })
  t.strictSame(
    model.plugins.map(({ name }) => name),
    ['first', 'late'],
  )
  t.notOk(steps(model, 'inbound-http').includes('plugins/late'))
})
