// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts of ${…} are what is tested

import { test } from 'tap'
import { defaultPluginPolicy } from '../../../chains/plugins.ts'
import { positionFinder } from '../../../sandbox/compile/source-map.ts'
import { idle, loadFiles, modelOf, plugin, pluginChain } from '../testing/manifests.ts'

const mount = pluginChain('inbound-http', ['x'])

test('a Plugin becomes one spec with the usual policy', async (t) => {
  const { plugins } = await modelOf({ 'plugins.yaml': plugin('x') + mount })
  t.match(plugins, [
    {
      name: 'x',
      version: /^[0-9a-f]{12}$/,
      language: 'pipyjs',
      source: idle,
      origin: /plugins\.yaml$/,
      sourceMap: null,
      priority: 115,
      policy: defaultPluginPolicy,
      previous: null,
    },
  ])
})

const policy = {
  onError: 'open',
  mode: 'shadow',
  canary: { percent: 12.5, header: { name: 'x-preview', value: 'yes' } },
  limits: { callMs: 7, memoryMiB: 8, bufferKiB: 9, pauseMs: 10 },
  grants: { connect: ['auth:80', '*:443'], env: ['HOME', 'USER'], shared: true, config: true },
}

test('a policy is said by spec.policy', async (t) => {
  const manifest = plugin(
    'x',
    `version: v7+a\npolicy: ${JSON.stringify(policy).replace('x-preview', 'X-Preview')}`,
  )
  const { plugins } = await modelOf({ 'plugins.yaml': manifest + mount })
  t.same(plugins[0]?.policy, policy)
  t.equal(plugins[0]?.version, 'v7+a')
})

test('a policy is said by annotations, so that the manifest still fits FSM', async (t) => {
  const annotations = {
    'pillion.dev/version': 'v7+a',
    'pillion.dev/on-error': 'open',
    'pillion.dev/mode': 'shadow',
    'pillion.dev/canary-percent': '12.5',
    'pillion.dev/canary-header': 'X-Preview: yes',
    'pillion.dev/call-ms': '7',
    'pillion.dev/memory-mib': '8',
    'pillion.dev/buffer-kib': '9',
    'pillion.dev/pause-ms': '10',
    'pillion.dev/grant-connect': 'auth:80, *:443',
    'pillion.dev/grant-env': 'HOME,USER',
    'pillion.dev/grant-shared': 'true',
    'pillion.dev/grant-config': 'true',
    'example.com/other': 'x',
  }
  const { plugins } = await modelOf({ 'plugins.yaml': plugin('x', '', JSON.stringify(annotations)) + mount })
  t.same(plugins[0]?.policy, policy)
  t.equal(plugins[0]?.version, 'v7+a')
})

test('one with a canary has the other version of its name before it, whatever stands first', async (t) => {
  const old = plugin('x', 'version: "1"\npolicy: { onError: open }')
  const next = plugin('x', 'version: "2"', '{ pillion.dev/canary-percent: "10" }')
  for (const manifest of [old + next + mount, next + old + mount]) {
    const { plugins } = await modelOf({ 'plugins.yaml': manifest })
    t.equal(plugins.length, 1)
    t.match(plugins[0], {
      version: '2',
      policy: { onError: 'close', canary: { percent: 10, header: null } },
      previous: { version: '1', policy: { onError: 'open', canary: null }, previous: null },
    })
  }
})

test('a version is made from the script when nobody gives one', async (t) => {
  const version = async (script: string) => {
    const manifest = plugin('x').replace(idle, script) + mount
    return (await modelOf({ 'plugins.yaml': manifest })).plugins[0]?.version
  }
  t.equal(await version('1'), await version('1'))
  t.not(await version('1'), await version('2'))
})

/** A manifest in which the script `a\n bad` is written somehow, and where `bad` stands then. */
const layouts: readonly (readonly [
  how: string,
  body: string,
  origin: string,
  line: number,
  column: number,
])[] = [
  ['a block', 'pipyscript: |\n    a\n     bad', 'plugins.yaml', 7, 6],
  [
    'a block after empty lines and a comment',
    'pipyscript: |- # here\n\n\n    a\n     bad',
    'plugins.yaml',
    9,
    6,
  ],
  ['a block with an indent of its own', 'pipyscript: |2\n      a\n       bad', 'plugins.yaml', 7, 8],
  ['one line in quotes', 'pipyscript: "a bad"', 'plugins.yaml', 5, 18],
  ['one bare line', 'pipyscript: a bad', 'plugins.yaml', 5, 17],
  ['quotes with escapes', 'pipyscript: "a\\n bad"', 'plugins.yaml#x', 2, 2],
  ['a folded text', 'pipyscript: >\n    a\n\n    a\n     bad', 'plugins.yaml#x', 3, 2],
]

for (const [how, body, origin, line, column] of layouts) {
  test(`places in a script written as ${how} are those of the manifest`, async (t) => {
    const manifest = `apiVersion: pillion.dev/v1\nkind: Plugin\nmetadata: { name: x }\nspec:\n  ${body}\n---\n${mount}`
    const [spec] = (await modelOf({ 'plugins.yaml': manifest })).plugins
    if (!spec) throw new Error('there is no plugin')
    const before = spec.source.slice(0, spec.source.indexOf('bad')).split('\n')
    const position = positionFinder(spec)(before.length, (before.at(-1)?.length ?? 0) + 1)
    t.match(position.file, new RegExp(`${origin}$`))
    t.same({ line: position.line, column: position.column }, { line, column })
  })
}

test('resources come as YAML or JSON, one by one or as a list, with whatever the environment has of their text', async (t) => {
  const resource = (name: string, script: string) => ({
    apiVersion: 'plugin.flomesh.io/v1alpha1',
    kind: 'Plugin',
    metadata: { name, uid: '1', creationTimestamp: null, managedFields: [{ manager: 'kubectl' }] },
    spec: { pipyscript: script, priority: null },
    status: { currentStatus: '', reason: '' },
  })
  const list = { apiVersion: 'v1', kind: 'List', items: [resource('a', '1'), resource('b', '`${HOME}`')] }
  const model = await modelOf(
    {
      'list.json': JSON.stringify(list, null, 2),
      'one.json': JSON.stringify(resource('c', 'let x\nx')),
      'many.yaml': `# nothing\n---\n---\n${plugin('d')}...\n${pluginChain('inbound-tcp', ['a', 'b', 'c', 'd'])}`,
    },
    { manifests: ['list.json', 'one.json', 'many.yaml'] },
  )
  t.strictSame(
    model.plugins.map(({ name, source }) => [name, source]),
    [
      ['a', '1'],
      ['b', '`${HOME}`'],
      ['c', 'let x\nx'],
      ['d', idle],
    ],
  )
  const wrong = { ...list, items: [resource('a', '1'), { ...resource('b', '1'), spec: {} }] }
  const { faults } = await loadFiles(
    { 'list.json': JSON.stringify(wrong, null, 2) },
    { manifests: ['list.json'] },
  )
  t.match(faults, [/^list\.json:\d+:15: Plugin b: spec: has no script/])
})

test('TypeScript and JavaScript stand in a manifest as they are', async (t) => {
  const manifest = `apiVersion: pillion.dev/v1
kind: Plugin
metadata: { name: x }
spec:
  typescript: |
    export default {
      onRequest(request: { path: string }) { throw new Error(request.path) },
    }
---
apiVersion: pillion.dev/v1
kind: Plugin
metadata: { name: y }
spec:
  javascript: |
    export default { onRequest() {} }
---
${pluginChain('inbound-http', ['x', 'y'])}`
  const [x, y] = (await modelOf({ 'plugins.yaml': manifest })).plugins
  t.match(x, { language: 'javascript', source: /onRequest\(request\) \{/, sourceMap: /^\{"version":3/ })
  t.match(y, { language: 'javascript', source: 'export default { onRequest() {} }\n', sourceMap: null })
  if (!x) throw new Error('there is no plugin')
  const lines = x.source.split('\n')
  const line = lines.findIndex((one) => one.includes('throw'))
  const { line: found, column } = positionFinder(x)(line + 1, (lines[line]?.indexOf('throw') ?? 0) + 1)
  t.same({ found, column }, { found: 7, column: 46 })
})
