import { test } from 'tap'
import { loadFiles, plugin, pluginChain, pluginConfig } from '../testing/manifests.ts'

/** A manifest, and all that is said of it. */
type Case = readonly [what: string, manifest: string, ...lines: readonly (string | RegExp)[]]

const warned: readonly Case[] = [
  [
    'an unknown kind',
    'kind: Deployment\nmetadata: { name: web }',
    'plugins.yaml:1:7: Deployment web: kind: is "Deployment", which is not known here: it is ignored',
  ],
  [
    'a kind with a slip',
    'kind: Plugn',
    'plugins.yaml:1:7: Plugn: kind: is "Plugn", which is not known here: it is ignored; did you mean Plugin?',
  ],
  [
    'a known kind of others',
    'apiVersion: example.com/v1\nkind: Plugin\nmetadata: { name: x }',
    'plugins.yaml:2:7: Plugin x: kind: is "Plugin" of "example.com", which is not known here: it is ignored',
  ],
  [
    'unknown fields',
    `${plugin('x', 'prority: 7\npolicy: { onErr: open }')}${pluginChain('inbound-http', ['x'])}`,
    'plugins.yaml:7:3: Plugin x: spec.prority: there is no such key, and it is ignored; did you mean priority?',
    'plugins.yaml:8:13: Plugin x: spec.policy.onErr: there is no such key, and it is ignored; did you mean onError?',
  ],
  [
    'unknown annotations of ours',
    `${plugin('x', '', '{ pillion.dev/on-eror: open, example.com/x: y, pillion.dev/error-budget: "1" }')}${pluginChain('inbound-http', ['x'])}`,
    'plugins.yaml:4:37: Plugin x: metadata.annotations["pillion.dev/on-eror"]: there is no such word, and it is ignored: did you mean on-error?',
    'plugins.yaml:4:82: Plugin x: metadata.annotations["pillion.dev/error-budget"]: error budgets are not there yet: this has no effect',
  ],
  [
    'unknown plugins',
    `${plugin('cors')}${pluginChain('inbound-http', ['cors', 'crs'])}${pluginConfig('c', 'corss', '{ kind: Service, name: shop }', '{}')}`,
    'plugins.yaml:14:50: PluginChain inbound-http-cors-crs: spec.chains[0].plugins[1]: is "crs": there is no such plugin, and it is left out; did you mean cors?',
    'plugins.yaml:21:17: PluginConfig c: spec.plugin: is "corss": there is no such plugin',
  ],
  [
    'a plugin in no chain',
    plugin('x'),
    /^plugins\.yaml:4:19: Plugin x: metadata\.name: is in no chain, and does nothing: expected a PluginChain/,
  ],
  [
    'a plugin behind all others',
    plugin('x', 'priority: 100') + pluginChain('inbound-http', ['x']),
    'plugins.yaml:4:19: Plugin x: metadata.name: stands in inbound-http behind modules/inbound-http-default.js, which answers everything, and is never reached: expected a priority above 100',
  ],
  [
    'a config that is for nobody here',
    plugin('x') +
      pluginChain('inbound-http', ['x']) +
      pluginConfig('c', 'x', '{ kind: Service, name: sohp }', '{}'),
    'plugins.yaml:21:61: PluginConfig c: spec.destinationRefs[0].name: is "sohp", and no service of that name and namespace is in the plugin\'s chains: it is told nothing',
  ],
  [
    'other references than services',
    plugin('x') +
      pluginChain('inbound-http', ['x']) +
      pluginConfig('c', 'x', '{ kind: Gateway, name: shop }', '{}') +
      pluginConfig('d', 'x', '', '{}'),
    'plugins.yaml:21:46: PluginConfig c: spec.destinationRefs[0].kind: is "Gateway": only Service is known, and this is ignored',
    /^plugins\.yaml:21:61: PluginConfig c: .* it is told nothing$/,
    'plugins.yaml:27:37: PluginConfig d: spec.destinationRefs: is empty: no service is meant, and nothing is configured',
  ],
]

for (const [what, manifest, ...lines] of warned) {
  test(`${what}: a warning, and nothing is refused`, async (t) => {
    const { faults, warnings } = await loadFiles({ 'plugins.yaml': manifest })
    t.strictSame(faults, [])
    t.equal(warnings.length, lines.length, warnings.join('\n'))
    for (const [i, line] of lines.entries())
      if (typeof line === 'string') t.equal(warnings[i], line)
      else t.match(warnings[i], line)
  })
}

test('selectors on a sidecar without known labels are warned of', async (t) => {
  const selector =
    '{ podSelector: { matchLabels: { app: shop } }, namespaceSelector: { matchLabels: { team: red } } }'
  const { warnings } = await loadFiles({
    'sidecar.yaml': 'inbound: [{ listen: 127.0.0.1:0, application: 127.0.0.1:1 }]',
    'plugins.yaml': plugin('x') + pluginChain('inbound-http', ['x'], selector),
  })
  t.equal(warnings.length, 2)
  t.match(
    warnings[0],
    /podSelector: asks for labels, and those of this sidecar are not known: expected --labels, /,
  )
  t.match(
    warnings[1],
    /namespaceSelector: asks for labels, and those of the namespace are not known: expected --namespace-labels/,
  )
})
