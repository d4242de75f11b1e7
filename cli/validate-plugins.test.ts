import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { runProgram } from '../test/support/program.ts'

const config = `
sidecar: { name: shop, namespace: demo, labels: { app: shop } }
inbound:
  - { name: shop, listen: 127.0.0.1:0, application: 127.0.0.1:8081 }
`

const manifest = (script: string, selector = '{}') => `
apiVersion: plugin.flomesh.io/v1alpha1
kind: Plugin
metadata: { name: hello }
spec:
  pipyscript: |
    ${script}
---
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginChain
metadata: { name: hello, namespace: demo }
spec:
  chains: [{ name: inbound-http, plugins: [hello] }]
  selectors: ${selector}
`

const idle = 'pipy().pipeline().chain()'

/** Checks files in a folder of their own; the folder's path is left out of what is said. */
async function validate(t: Test, files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-validate-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries({ 'sidecar.yaml': config, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const within = (word: string) => (/^(-|\w+=)/.test(word) ? word : join(folder, word))
  const run = await runProgram(['validate', '-c', join(folder, 'sidecar.yaml'), ...args.map(within)])
  const short = (lines: readonly string[]) => lines.map((line) => line.replaceAll(`${folder}/`, ''))
  return { code: run.code, errors: short(run.errors), output: short(run.output) }
}

test('plugins of files and folders are counted, and exit code 0', async (t) => {
  const script =
    '// pillion: chain=inbound-http\nexport default { onRequest(request: { path: string }) {} }\n'
  const { code, errors, output } = await validate(
    t,
    {
      'hello.yaml': manifest(idle),
      'all/one.ts': script,
      'all/two.js': `// pillion: chain=inbound-tcp\n${idle}`,
    },
    '-f',
    'hello.yaml',
    '--manifests',
    'all',
  )
  t.strictSame({ code, errors }, { code: 0, errors: [] })
  t.match(output, [/^sidecar\.yaml: 1 listener, .*, 3 plugins$/])
})

test('labels choose the plugins', async (t) => {
  const files = {
    'hello.yaml': manifest(
      idle,
      '{ podSelector: { matchLabels: { tier: web } }, namespaceSelector: { matchLabels: { team: red } } }',
    ),
    labels: 'tier="web"\n',
  }
  const plugins = async (...args: readonly string[]) =>
    /(\d+) plugins?$/.exec((await validate(t, files, '-f', 'hello.yaml', ...args)).output[0] ?? '')?.[1]
  t.equal(await plugins('--labels-file', 'labels', '--namespace-labels', 'team=red'), '1')
  t.equal(await plugins('--labels-file', 'labels', '--namespace-labels', 'team=blue'), '0')
})

test('faults of config and manifests are told at once, and warnings beside what is well', async (t) => {
  const bad = await validate(
    t,
    {
      'sidecar.yaml': config.replace('inbound:', 'inbond:'),
      'hello.yaml': manifest(idle).replace('spec:\n  pipy', 'spec:\n  priority: x\n  pipy'),
    },
    '-f',
    'hello.yaml',
    '-f',
    'nothing.yaml',
  )
  t.equal(bad.code, 1)
  t.match(bad.errors, [
    'nothing.yaml: cannot be read: no such file',
    /^sidecar\.yaml:3:1: inbond: there is no such key; did you mean inbound\?$/,
    'hello.yaml:6:13: Plugin hello: spec.priority: is "x": expected a number from -1000000 to 1000000',
  ])
  const warned = await validate(
    t,
    { 'hello.yaml': `${manifest(idle)}---\nkind: Service\nmetadata: { name: shop }\n` },
    '-f',
    'hello.yaml',
  )
  t.equal(warned.code, 0)
  t.match(warned.errors, [
    /^warning: hello\.yaml:\d+:7: Service shop: kind: is "Service", which is not known here: it is ignored$/,
  ])
})

test('several files may follow one -f, and --strict refuses what is only warned of', async (t) => {
  const script = `// pillion: chain=inbound-http\n${idle}`
  const files = { 'one.js': script, 'two.js': script, 'three.js': idle }
  const well = await validate(t, files, '-f', 'one.js', 'two.js', '--strict')
  t.strictSame([well.code, well.errors], [0, []])
  t.match(well.output, [/, 2 plugins$/])
  const warned = await validate(t, files, '-f', 'one.js', 'three.js')
  t.equal(warned.code, 0)
  const refused = await validate(t, files, '-f', 'one.js', 'three.js', '--strict')
  t.strictSame([refused.code, refused.output], [1, []])
  t.match(refused.errors, [/^warning: three\.js:1:1: .*is in no chain/])
})

test('warnings are told beside faults, because they may be their reason', async (t) => {
  const text = manifest(idle).replace('pipyscript', 'pipyscrpt')
  const { code, errors } = await validate(t, { 'hello.yaml': text }, '-f', 'hello.yaml')
  t.equal(code, 1)
  t.match(errors, [
    /^warning: hello\.yaml:6:3: .*pipyscrpt/,
    /^warning: /,
    /^hello\.yaml:.*: has no script: .*/,
  ])
})

test('a script that cannot be run is told with its place in the manifest', async (t) => {
  for (const [script, place] of [
    ['pipy( { ] )', /^hello\.yaml:7:\d+: Plugin hello: /],
    ['nobody.knows()', /^hello\.yaml:7:\d+: Plugin hello: .*nobody/],
  ] as const) {
    const { code, errors } = await validate(t, { 'hello.yaml': manifest(script) }, '-f', 'hello.yaml')
    t.equal(code, 1)
    t.ok(
      errors.some((line) => place.test(line)),
      errors.join('\n'),
    )
  }
})

test('faults can be had as JSON, with the resource that they are in', async (t) => {
  const { code, output } = await validate(
    t,
    { 'hello.yaml': manifest(idle).replace('name: inbound-http', 'name: inbound') },
    '-f',
    'hello.yaml',
    '--output=json',
  )
  t.equal(code, 1)
  t.match(JSON.parse(output.join('\n')), {
    ok: false,
    faults: [
      {
        resource: 'PluginChain hello',
        file: 'hello.yaml',
        line: 13,
        column: 20,
        path: 'spec.chains[0].name',
        reason: /^is "inbound": expected/,
      },
    ],
  })
})
