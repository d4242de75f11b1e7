import { test } from 'tap'
import { configLimits } from '../defaults.ts'
import { idle, loadFiles, plugin, pluginChain, pluginConfig } from '../testing/manifests.ts'

/** A manifest, and all that is said of it. */
type Case = readonly [what: string, manifest: string, ...lines: readonly (string | RegExp)[]]

const spec = (body: string, kind = 'Plugin') => `apiVersion: plugin.flomesh.io/v1alpha1
kind: ${kind}
metadata: { name: x, namespace: n }
spec:
${body.replace(/^/gm, '  ')}
`
const script = `pipyscript: ${idle}`

const refused: readonly Case[] = [
  [
    'no script',
    spec('priority: 1'),
    'plugins.yaml:5:3: Plugin x: spec: has no script: expected pipyscript, javascript, typescript or wasm',
  ],
  [
    'an empty script',
    spec('pipyscript: " "'),
    'plugins.yaml:5:15: Plugin x: spec.pipyscript: is empty: expected a script',
  ],
  [
    'two scripts',
    spec(`${script}\ntypescript: x`),
    'plugins.yaml:5:3: Plugin x: spec: has pipyscript and typescript: expected one of them',
  ],
  [
    'a script that is no text',
    spec('pipyscript: [1]'),
    'plugins.yaml:5:15: Plugin x: spec.pipyscript: is a list: expected text',
  ],
  [
    'a priority that is no number',
    spec(`${script}\npriority: high`),
    'plugins.yaml:6:13: Plugin x: spec.priority: is "high": expected a number from -1000000 to 1000000',
  ],
  [
    'a wrong policy',
    spec(
      `${script}\npolicy:\n  onError: opne\n  limits: { callMs: 0 }\n  grants: { connect: [here] }\n  canary: { percent: 101 }`,
    ),
    'plugins.yaml:7:14: Plugin x: spec.policy.onError: is "opne": expected close, open or previous',
    'plugins.yaml:8:23: Plugin x: spec.policy.limits.callMs: is 0: expected a whole number from 1 to 10000',
    'plugins.yaml:9:25: Plugin x: spec.policy.grants.connect[0]: is "here": expected host:port, where * stands for any host or any port',
    'plugins.yaml:10:24: Plugin x: spec.policy.canary.percent: is 101: expected a number from 0 to 100',
  ],
  [
    'a missing name',
    'apiVersion: plugin.flomesh.io/v1alpha1\nkind: Plugin\nmetadata: {}\nspec: {}',
    'plugins.yaml:3:11: Plugin: metadata.name: is missing',
  ],
  [
    'a name that can be none',
    `kind: Plugin\napiVersion: pillion.dev/v1\nmetadata: { name: a/b }\nspec: { ${script} }`,
    /^plugins\.yaml:3:19: Plugin a\/b: metadata\.name: is "a\/b": expected a name \(/,
  ],
  [
    'no kind',
    'metadata: { name: x }',
    'plugins.yaml:1:1: kind: is missing: expected Plugin, PluginChain, PluginConfig, WasmPlugin or TrafficExtension',
  ],
  [
    'no apiVersion',
    `kind: Plugin\nmetadata: { name: x }\nspec: { ${script} }`,
    'plugins.yaml:1:1: Plugin x: apiVersion: is missing',
  ],
  [
    'a list',
    '- 1',
    'plugins.yaml:1:1: is a list: expected a resource with apiVersion, kind, metadata and spec',
  ],
  [
    'a text',
    'hello',
    'plugins.yaml:1:1: is "hello": expected a resource with apiVersion, kind, metadata and spec',
  ],
  ['no YAML', 'a: [', /^plugins\.yaml:1:\d+: is not YAML: /],
  [
    'a key twice',
    spec(`${script}\npriority: 1\npriority: 2`),
    'plugins.yaml:7:3: spec.priority: the key "priority" stands here twice',
  ],
  [
    'the same plugin twice',
    plugin('x') + plugin('x'),
    'plugins.yaml:12:19: Plugin x: metadata.name: is there already, at plugins.yaml:2: two versions of one plugin need a pillion.dev/version each, and a canary in one of them',
  ],
  [
    'two versions without a canary',
    plugin('x', 'version: "1"') + plugin('x', 'version: "2"'),
    /^plugins\.yaml:12:19: Plugin x: metadata\.name: is there already, at plugins\.yaml:2: two versions/,
  ],
  [
    'two canaries',
    plugin('x', 'version: "1"\npolicy: { canary: { percent: 1 } }') +
      plugin('x', 'version: "2"\npolicy: { canary: { percent: 1 } }'),
    /: is there already, at plugins\.yaml:2: two versions/,
  ],
  [
    'three versions',
    plugin('x', 'version: "1"') +
      plugin('x', 'version: "2"\npolicy: { canary: { percent: 1 } }') +
      plugin('x', 'version: "3"'),
    'plugins.yaml:21:19: Plugin x: metadata.name: is in two versions already, at plugins.yaml:2 and plugins.yaml:10: a plugin has two at most',
  ],
  [
    'wrong annotations',
    plugin(
      'x',
      '',
      '{ pillion.dev/on-error: shut, pillion.dev/canary-header: none, pillion.dev/call-ms: "1.5", pillion.dev/version: "a b", pillion.dev/mode: 1 }',
    ),
    'plugins.yaml:4:59: Plugin x: metadata.annotations["pillion.dev/on-error"]: is "shut": expected close, open or previous',
    'plugins.yaml:4:92: Plugin x: metadata.annotations["pillion.dev/canary-header"]: is "none": expected NAME: VALUE or NAME=VALUE',
    'plugins.yaml:4:119: Plugin x: metadata.annotations["pillion.dev/call-ms"]: is "1.5": expected a whole number from 1 to 10000',
    'plugins.yaml:4:147: Plugin x: metadata.annotations["pillion.dev/version"]: is "a b": expected a version (letters, digits, ., _, + and -, at most 64 long)',
    'plugins.yaml:4:172: Plugin x: metadata.annotations["pillion.dev/mode"]: is 1: expected text; write it in quotes if text is meant',
  ],
  [
    'what is said twice',
    plugin(
      'x',
      'version: "1"\npolicy: { mode: shadow }',
      '{ pillion.dev/mode: shadow, pillion.dev/version: "1" }',
    ),
    'plugins.yaml:4:35: Plugin x: metadata.annotations: mode is said by spec.policy too: say it in one place',
    'plugins.yaml:7:12: Plugin x: spec.version: is said by an annotation too: say it in one place',
  ],
  [
    'a chain that does not exist',
    plugin('x') + pluginChain('inbound-htp', ['x']),
    'plugins.yaml:14:20: PluginChain inbound-htp-x: spec.chains[0].name: is "inbound-htp": expected inbound-tcp, inbound-http, outbound-tcp or outbound-http; did you mean inbound-http?',
  ],
  [
    'wrong selectors',
    plugin('x') +
      pluginChain(
        'inbound-http',
        ['x'],
        '{ podSelector: { matchExpressions: [{ key: a, operator: in }, { key: a, operator: In }, { key: a, operator: Exists, values: [b] }] } }',
      ),
    /spec\.selectors\.podSelector\.matchExpressions\[0\]\.operator: is "in": expected In, NotIn, Exists or DoesNotExist; did you mean In\?/,
    /matchExpressions\[1\]\.values: In needs at least one value$/,
    /matchExpressions\[2\]\.values: Exists has no values$/,
  ],
  [
    'two PluginChains of one name',
    plugin('x') + pluginChain('inbound-http', ['x']) + pluginChain('inbound-http', ['x']),
    'plugins.yaml:20:19: PluginChain inbound-http-x: metadata.name: is there already, at plugins.yaml:10: give each its own name',
  ],
  [
    'a PluginConfig without config',
    spec('plugin: x\ndestinationRefs: [{ kind: Service }]', 'PluginConfig'),
    'plugins.yaml:5:3: PluginConfig x: spec.config: is missing',
    'plugins.yaml:6:21: PluginConfig x: spec.destinationRefs[0].name: is missing',
  ],
  [
    'two configs for one service',
    plugin('x') +
      pluginChain('inbound-http', ['x']) +
      pluginConfig('one', 'x', '{ kind: Service, name: shop }', '{ a: 1 }') +
      pluginConfig('two', 'x', '{ kind: Service, name: shop, namespace: demo }', '{ a: 2 }'),
    'plugins.yaml:27:37: PluginConfig two: spec.destinationRefs: is for the service "shop", for which x is configured already, at plugins.yaml:18',
  ],
  [
    'a fault in TypeScript',
    spec('typescript: |\n\n  export default {\n    onRequest( {\n  }\n  import "fs"'),
    /^plugins\.yaml:9:3: Plugin x: Expected|^plugins\.yaml:\d+:\d+: Plugin x: /,
  ],
  [
    'JavaScript without a plugin',
    spec('javascript: "let x"'),
    'plugins.yaml:5:15: Plugin x: spec.javascript: exports no plugin: expected `export default { onRequest(request, cx) { … } }`',
  ],
  [
    'a module of Node',
    spec("javascript: |\n  import fs from 'node:fs'\n  export default { onRequest: () => fs }"),
    /^plugins\.yaml:6:20: Plugin x: "node:fs" is a module of Node, which plugins do not have/,
  ],
  [
    'a fault in a script whose lines cannot be told',
    spec('javascript: "export default {\\n  onRequest: }"'),
    /^plugins\.yaml:5:15: Plugin x: spec\.javascript: line 2, column 14 of the script: /,
  ],
]

for (const [what, manifest, ...lines] of refused) {
  test(`${what} is refused with its place`, async (t) => {
    const { settings, faults } = await loadFiles({ 'plugins.yaml': manifest })
    t.equal(settings, null)
    t.equal(faults.length, lines.length, faults.join('\n'))
    for (const [i, line] of lines.entries())
      if (typeof line === 'string') t.equal(faults[i], line)
      else t.match(faults[i], line)
  })
}

test('faults of all files and of the config are told at once, file by file', async (t) => {
  const { faults } = await loadFiles(
    {
      'sidecar.yaml': 'workers: none\n',
      'a.yaml': plugin('x', 'priority: y'),
      'b.yaml': 'kind: [',
      'c.js': '// pillion: chain=nowhere\n1',
    },
    { manifests: ['b.yaml', 'a.yaml', 'none.yaml', 'c.js'], workers: 'many', labelsFile: 'none' },
  )
  t.strictSame(
    faults.map((line) => /^([^:]+)/.exec(line)?.[1]),
    ['--workers', 'none', 'none.yaml', 'sidecar.yaml', 'b.yaml', 'a.yaml', 'c.js'],
  )
})

test('what is too large or too much is refused', async (t) => {
  const bomb = `kind: X\na: &a [${'x, '.repeat(50)}]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]}, `.repeat(9)}]`).join('\n')}`
  t.match((await loadFiles({ 'plugins.yaml': bomb })).faults, [/too large with its aliases put in/])
  const long = `apiVersion: pillion.dev/v1\nkind: Plugin\nmetadata: { name: x }\nspec: { pipyscript: "${'x'.repeat(configLimits.maxScriptLength + 1)}" }`
  t.match((await loadFiles({ 'plugins.yaml': long })).faults, [
    /plugins\.yaml:4:21: Plugin x: spec\.pipyscript: is too long: 1048577 of at most 1048576 characters$/,
  ])
  const huge = `#${'x'.repeat(configLimits.maxManifestBytes)}`
  t.match((await loadFiles({ 'plugins.yaml': huge })).faults, [/^plugins\.yaml: is too large: /])
  const many = '---\nkind: X\n'.repeat(configLimits.maxResources + 5)
  t.match((await loadFiles({ 'plugins.yaml': many })).faults, [
    /^plugins\.yaml: has 10005 documents: at most 10000 are read$/,
  ])
  const list = `kind: List\nitems: [${'{ kind: X }, '.repeat(configLimits.maxResources + 5)}]`
  t.match((await loadFiles({ 'plugins.yaml': list })).faults, [
    /: is one too many: at most 10000 resources are read$/,
  ])
  const deep = `${'['.repeat(20_000)}`
  t.match((await loadFiles({ 'plugins.yaml': deep })).faults, [/is nested too deeply$/])
})
