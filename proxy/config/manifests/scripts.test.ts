import { test } from 'tap'
import { idle, loadFiles, modelOf, plugin, pluginChain, sidecar, steps } from '../testing/manifests.ts'

test('a file of its own is a plugin, called like it and mounted by a comment', async (t) => {
  const script = `
// Says hello.
// pillion: chain=inbound-http,outbound-tcp priority=125 version=3
// pillion: on-error=open call-ms=7 canary-header="x-preview: yes"

${idle}
// pillion: priority=1
`
  const model = await modelOf({ 'hello.js': script }, { manifests: ['hello.js'] })
  t.match(model.plugins, [
    {
      name: 'hello',
      version: '3',
      language: 'pipyjs',
      source: script,
      origin: /hello\.js$/,
      lineOffset: 0,
      columnOffset: 0,
      priority: 125,
      policy: {
        onError: 'open',
        limits: { callMs: 7 },
        canary: { header: { name: 'x-preview', value: 'yes' } },
      },
    },
  ])
  t.same(model.chains['inbound-http'][6], { name: 'plugins/hello.js', priority: 125 })
  t.ok(steps(model, 'outbound-tcp').includes('plugins/hello'))
})

test('words may be spelt as in YAML, and stand in a comment of either kind', async (t) => {
  const script = `#!/usr/bin/env pillion
/*
 * pillion: chain=inbound-http onError=open limits.callMs=7
 */
/* pillion: grants.connect=auth:80 memoryMiB=16 canaryPercent=5 grantShared=true */ ${idle}`
  const { plugins, chains } = await modelOf({ 'x.js': script }, { manifests: ['x.js'] })
  t.match(plugins, [
    {
      source: script.replace('#!', '//'),
      policy: {
        onError: 'open',
        canary: { percent: 5 },
        limits: { callMs: 7, memoryMiB: 16 },
        grants: { shared: true },
      },
    },
  ])
  t.ok(chains['inbound-http'].some(({ name }) => name === 'plugins/x.js'))
})

test('a canary may be a share alone', async (t) => {
  const [spec] = (
    await modelOf({
      'plugins.yaml': plugin('x', 'policy: { canary: 10 }') + pluginChain('inbound-http', ['x']),
    })
  ).plugins
  t.same(spec?.policy.canary, { percent: 10, header: null })
})

const languages: readonly (readonly [name: string, text: string, language: string])[] = [
  ['a.js', idle, 'pipyjs'],
  ['b.js', 'export default { onRequest() {} }', 'javascript'],
  ['c.js', 'const plugin = { onRequest() {} }\nexport { plugin as default }', 'javascript'],
  ['d.mjs', 'const x = 1\n export default { x }', 'javascript'],
  ['e.ts', 'export default { onRequest(r: unknown) { return r } }', 'javascript'],
  ['f.mts', 'export default {}', 'javascript'],
  ['g.js', `// pillion: language=javascript\n/* */ export default {}`, 'javascript'],
  ['h.js', `(imports => ${idle})({ import: 1, 'export default': 2 })`, 'pipyjs'],
]

test('the language is told by the name and the content', async (t) => {
  const files = Object.fromEntries(
    languages.map(([name, text]) => [`all/${name}`, `// pillion: chain=inbound-http\n${text}`]),
  )
  const { plugins } = await modelOf(
    { ...files, 'all/types.d.ts': 'x', 'all/a.test.ts': 'x', 'all/README.md': 'x' },
    { manifests: ['all'] },
  )
  t.strictSame(
    plugins.map(({ name, language }) => [name, language]),
    languages.map(([name, , language]) => [name.replace(/\..*/, ''), language]),
  )
})

test('a folder gives its manifests and scripts, and is watched with what they import', async (t) => {
  const { settings, warnings } = await loadFiles(
    {
      'all/one.yaml': plugin('one') + pluginChain('inbound-http', ['one']),
      'all/two.ts':
        "// pillion: chain=inbound-http\nimport { x } from '../lib/x.ts'\nexport default { onRequest: () => x }",
      'lib/x.ts': 'export const x: number = 1',
      'all/deep/three.js': idle,
      'all/.hidden.yaml': 'x',
      'all/four.wasm': '',
      labels: 'app="x"',
    },
    { manifests: ['all'], labelsFile: 'labels' },
  )
  t.strictSame(warnings, [])
  t.strictSame(
    settings?.model.plugins.map(({ name }) => name),
    ['one', 'two'],
  )
  t.strictSame([...(settings?.files ?? [])].sort(), [
    'all',
    'all/one.yaml',
    'all/two.ts',
    'labels',
    'lib/x.ts',
    'sidecar.yaml',
  ])
})

const yaml = (more: string) => `${sidecar}\n${more}`

test('the config names manifests and plugins of its own, relative to itself', async (t) => {
  const model = await modelOf(
    {
      'sidecar.yaml': yaml(`
manifests: [more, other.yaml]
plugins:
  - name: hello
    file: scripts/greet.js
    chains: [inbound-http]
    priority: 133
    version: v1
    policy: { mode: shadow }
  - { name: quiet, file: scripts/quiet.ts, chains: [outbound-http] }
  - { name: given, chains: [inbound-tcp], priority: 116, policy: { limits: { callMs: 9 } } }
`),
      'scripts/greet.js': `// pillion: chain=outbound-tcp priority=1 call-ms=3\n${idle}`,
      'scripts/quiet.ts': 'export default { onRequest(r: unknown) {} }',
      'more/given.yaml': plugin('given', 'priority: 1\npolicy: { onError: open, limits: { callMs: 1 } }'),
      'other.yaml': plugin('other') + pluginChain('inbound-http', ['other']),
      'flag.js': `// pillion: chain=inbound-http\n${idle}`,
    },
    { manifests: ['flag.js'] },
  )
  t.strictSame(model.plugins.map(({ name }) => name).sort(), ['flag', 'given', 'hello', 'other', 'quiet'])
  const of = (name: string) => model.plugins.find((one) => one.name === name)
  t.match(of('hello'), { version: 'v1', priority: 133, policy: { mode: 'shadow', limits: { callMs: 3 } } })
  t.match(of('given'), { priority: 116, policy: { onError: 'open', limits: { callMs: 9 } } })
  t.same(
    steps(model, 'outbound-tcp').filter((name) => name.startsWith('plugins/')),
    [],
  )
  t.ok(
    model.chains['inbound-tcp'].some(({ name, priority }) => name === 'plugins/given.js' && priority === 116),
  )
  t.ok(steps(model, 'outbound-http').includes('plugins/quiet'))
})

test('a script that the config names is one plugin, even if its folder is asked for too', async (t) => {
  const model = await modelOf({
    'sidecar.yaml': yaml(
      'manifests: [scripts]\nplugins: [{ name: hello, file: scripts/greet.js, chains: [inbound-http] }]',
    ),
    'scripts/greet.js': idle,
  })
  t.strictSame(
    model.plugins.map(({ name }) => name),
    ['hello'],
  )
})

/** Scripts that are refused or warned of, by their text. */
const wrong: readonly (readonly [text: string, line: string | RegExp])[] = [
  ['', 'x.js:1:1: is empty: expected a script'],
  [
    '// pillion: chain=inbound\n1',
    'x.js:1:13: chain: is "inbound": expected inbound-tcp, inbound-http, outbound-tcp or outbound-http',
  ],
  [
    '\n  // pillion: priority=high',
    'x.js:2:15: priority: is "high": expected a number from -1000000 to 1000000',
  ],
  ['// pillion: inbound-http\n1', /^x\.js:1:13: .*"inbound-http" is not understood: expected WORD=VALUE$/],
  ['// pillion: priority=1 priority=2\n1', /^x\.js:1:24: "priority=2": priority is said before/],
  [
    '// pillion: chain=inbound-http shared\n1',
    'x.js:1:32: "shared" is not understood: expected WORD=VALUE; did you mean grant-shared=…?',
  ],
  ['// pillion: on-error=open onError=open\n1', 'x.js:1:27: onError: is said twice: expected on-error once'],
  ['// pillion: version=a/b\n1', /^x\.js:1:13: version: is "a\/b": expected a version/],
  ['// pillion: language=lua\n1', 'x.js:1:13: language: is "lua": expected pipyjs, javascript or typescript'],
  ['// pillion: chain=inbound-http\nimport "fs"', /^x\.js:2:8: "fs" is a module of Node/],
  ['// pillion: chain=inbound-http\nexport default {\n  a b }', /^x\.js:3:5: Expected/],
]

for (const [text, line] of wrong) {
  test(`${JSON.stringify(text)} is refused with its place`, async (t) => {
    const { faults } = await loadFiles({ 'x.js': text }, { manifests: ['x.js'] })
    t.equal(faults.length, 1, faults.join('\n'))
    if (typeof line === 'string') t.equal(faults[0], line)
    else t.match(faults[0], line)
  })
}

test('what a file does not say, or says to nobody, is warned of', async (t) => {
  const { warnings } = await loadFiles({ 'x.js': `// pillion: priorty=1\n${idle}` }, { manifests: ['x.js'] })
  t.match(warnings, [
    /^x\.js:1:1: is in no chain, and does nothing: expected .* a comment `\/\/ pillion: chain=…`/,
    'x.js:1:13: priorty: there is no such word, and it is ignored: did you mean priority?',
  ])
})

test('wrong paths and names are refused, each where it is asked for', async (t) => {
  const { faults } = await loadFiles(
    {
      'sidecar.yaml': yaml(`manifests: [nowhere]
plugins:
  - { name: a, file: nothing.js }
  - { name: coors }
  - { name: cors, version: "1", policy: { canary: { percent: many } } }
  - { name: cors }
  - { name: bad name, file: x.js }
`),
      'plugins.yaml': plugin('cors'),
      'x.txt': '1',
      'a b.js': idle,
    },
    { manifests: ['plugins.yaml', 'x.txt', 'a b.js', 'no-file.js'] },
  )
  const at = sidecar.split('\n').length
  t.match(faults, [
    'x.txt: is of no known kind: expected .yaml, .yml, .json, .js, .mjs, .ts or .mts, or .wasm',
    'no-file.js: cannot be read: no such file',
    `sidecar.yaml:${at + 1}:13: manifests[0]: nowhere cannot be read: no such file`,
    `sidecar.yaml:${at + 3}:22: plugins[0].file: nothing.js cannot be read: no such file`,
    `sidecar.yaml:${at + 4}:13: plugins[1].name: is "coors", and there is no such plugin: did you mean cors?`,
    `sidecar.yaml:${at + 5}:28: plugins[2].version: needs a \`file\`: the version of a plugin stands where the plugin does`,
    `sidecar.yaml:${at + 5}:62: plugins[2].policy.canary.percent: is "many": expected a number from 0 to 100`,
    `sidecar.yaml:${at + 6}:13: plugins[3].name: is "cors", which stands in the list already`,
    /^sidecar\.yaml:\d+:13: plugins\[4\]\.name: is "bad name": expected a name \(/,
    /^a b\.js:1:1: is called "a b": expected a name \(/,
  ])
})

test('a folder without manifests, and steps that nobody defines, are warned of', async (t) => {
  const { warnings } = await loadFiles(
    {
      'sidecar.yaml': yaml('chains: { inbound-http: { plugins/crs.js: 1 } }'),
      'empty/x.txt': '',
      'plugins.yaml': plugin('cors') + pluginChain('inbound-http', ['cors']),
    },
    { manifests: ['empty', 'plugins.yaml'] },
  )
  t.match(warnings, [
    /^empty: holds no manifests: expected \.yaml, /,
    /^sidecar\.yaml:\d+:27: chains\.inbound-http\["plugins\/crs\.js"\]: names plugins\/crs\.js: there is no such plugin, and it is left out; did you mean plugins\/cors\.js\?$/,
  ])
})

test('a labels file that is none is refused', async (t) => {
  const { faults } = await loadFiles({ labels: 'app="shop"\nnonsense\na="b\n' }, { labelsFile: 'labels' })
  t.strictSame(faults, [
    'labels:2:1: is "nonsense": expected KEY="VALUE"',
    'labels:3:1: is "a=\\"b": expected KEY="VALUE"',
  ])
})
