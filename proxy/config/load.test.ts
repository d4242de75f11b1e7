// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts of ${…} are what is tested

import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { configLimits } from './defaults.ts'
import { formatFault, loadConfig } from './load.ts'
import type { LoadOptions } from './settings.ts'
import { loadGood, loadText } from './testing/config-file.ts'

const yaml = 'inbound: [{ listen: "127.0.0.1:15003", application: "127.0.0.1:9000" }]\n'

/** The faults of a load, as printed. */
async function faultsOf(options: Partial<LoadOptions>): Promise<readonly string[]> {
  const loaded = await loadConfig({ configFile: null, flags: {}, env: {}, ...options })
  return loaded.ok ? [] : loaded.faults.map(formatFault)
}

test('a file that cannot be read is one clear fault', async (t) => {
  const folder = t.testdir({ empty: '', blank: ' \n\n' })
  const at = (name: string) => join(folder, name)
  t.same(await faultsOf({ configFile: at('none') }), [`${at('none')}: cannot be read: no such file`])
  t.same(await faultsOf({ configFile: folder }), [`${folder}: is a folder: expected a file`])
  t.same(await faultsOf({ configFile: at('empty') }), [`${at('empty')}: is empty: expected a config`])
  t.same(await faultsOf({ configFile: at('blank') }), [`${at('blank')}: is empty: expected a config`])
  t.same(await faultsOf({ configFile: join(at('empty'), 'x') }), [
    `${join(at('empty'), 'x')}: cannot be read: a part of its path is not a folder`,
  ])
  t.same(await faultsOf({ configFile: '/dev/zero' }), ['/dev/zero: is not a regular file'])
  t.match(await faultsOf({ configFile: 'a\0b' }), [/^a\0b: cannot be read: /])
})

test('a file that is no text, or too large packed or unpacked, is one clear fault', async (t) => {
  t.same((await loadText(Uint8Array.of(0x61, 0xff, 0x62))).faults, ['FILE: is not UTF-8 text'])
  const packed = gzipSync(yaml)
  t.match((await loadText(packed.subarray(0, -9))).faults, [/^FILE: is broken gzip: /])
  t.match((await loadText(Uint8Array.of(0x1f, 0x8b, 1, 2, 3))).faults, [/^FILE: is broken gzip: /])
  const bomb = gzipSync(Buffer.alloc(configLimits.maxFileBytes + 1, 0x20), { level: 1 })
  t.match((await loadText(bomb)).faults, [/^FILE: is too large: at most 67108864 bytes/])
  const large = join(t.testdir({}), 'large')
  await writeFile(large, '')
  await truncate(large, configLimits.maxFileBytes + 1)
  t.match(await faultsOf({ configFile: large }), [/: is too large: /])
  const tall = `#${' '.repeat(configLimits.maxYamlLength)}`
  t.match((await loadText(`a: 1\n${tall}`)).faults, [/^FILE: is too large for YAML/])
})

test('a byte order mark and gzip make no difference', async (t) => {
  t.ok(await loadGood(`\ufeff${yaml}`))
  t.ok(await loadGood(gzipSync(yaml)))
})

test('YAML that is none says where', async (t) => {
  const faultOf = async (text: string) => (await loadText(text)).faults
  t.match(await faultOf('inbound: [a'), [/^FILE:1:12: is not YAML: /])
  t.match(await faultOf('inbound:\n  - a: b: c\n'), [/^FILE:2:8: is not YAML: /])
  t.same(await faultOf('inbound: []\n---\nb: 2\n---\nc: 3\n'), [
    'FILE:2:1: a second document begins here: a config is one document',
  ])
  t.match(await faultOf('inbound: !weird []\n'), [/^FILE:1:10: is not YAML: Unresolved tag/])
  t.match(await faultOf(`inbound: ${'['.repeat(100_000)}`), [/^FILE:1:1: is nested too deeply/])
  t.same(await faultOf('metrics: off\nmetrics: off\n'), [
    'FILE:2:1: metrics: the key "metrics" stands here twice',
  ])
  t.match(await faultOf('? [a]\n: 1\n'), [/^FILE:1:3: a key must be a plain word/])
  t.match(await faultOf('__proto__: 1\n'), [/^FILE:1:1: __proto__: is not a name that can be used/])
})

test('what breaks the YAML is one fault, however much the parser stumbles over it', async (t) => {
  const faultOf = async (text: string) => (await loadText(text)).faults
  const [first = '', ...others] = await faultOf('inbound:\n  - a: b: c\n    d: e: f\n @x\nfoo bar\n`y\n')
  t.match(first, /^FILE:2:8: is not YAML: /)
  t.same(others, [])
  const long = await faultOf(`inbound: []\n${'words and words '.repeat(1_000)}\n`)
  t.equal(long.length, 1)
  t.ok((long[0]?.length ?? 0) < 300, 'and its text is short')
  t.equal((await faultOf('inbound: !a []\noutbound: !b {}\n')).length, 2, 'what stands alone is told alone')
})

test('a file that is no config at all is one fault that says what it should be', async (t) => {
  const files = {
    'a word': 'hello\n',
    'a list of YAML': '- inbound\n- outbound\n',
    'a list of JSON': '[{"inbound": []}]',
    'a number': '42',
    'a text': 'Dear reader,\nthis is: "a note" [of sorts\n- with: a: b\n\t@and `more\n',
    'a text that quotes a config': '# Pillion\n\nUse it:\n\n```yaml\ninbound:\n  - listen: x\n```\n',
    TOML: '[server]\nport = 80\nhost = "x"\n',
    XML: '<config>\n  <listen port="80"/>\n</config>\n',
    nginx: 'server {\n  listen 80;\n  location / { proxy_pass http://a; }\n}\n',
    'a manifest': 'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: {}\n',
    'two manifests': 'apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n',
    'source code': 'import { a } from "b"\n\nexport const c: number = a({ d: 1 })\n',
  }
  const what = "is no config: expected YAML with keys such as `inbound` and `outbound`, or FSM's config.json"
  for (const [name, text] of Object.entries(files))
    t.same((await loadText(text)).faults, [`FILE:1:1: ${what}`], name)
  t.match((await loadText('inbuond: []\n')).faults[0], /did you mean inbound\?$/, 'a slip is told as a slip')
})

test('aliases work, but neither in circles nor without measure', async (t) => {
  const { model } = await loadGood(`inbound:
  - { listen: "127.0.0.1:1", application: "127.0.0.1:9", rateLimit: &limit { requests: 7 } }
  - { listen: "127.0.0.1:2", application: "127.0.0.1:9", rateLimit: *limit }
`)
  t.equal(model.inbound.ports[1]?.http?.hosts['*']?.service.rateLimit?.requests, 7)
  t.match((await loadText('inbound: &a [*a]\n')).faults.join(), 'is nested too deeply')
  const laughs = Array.from({ length: 9 }, (_, i) => `k${i + 1}: &k${i + 1} [${`*k${i},`.repeat(10)}]\n`)
  t.match((await loadText(`k0: &k0 x\n${laughs.join('')}`)).faults.join(), 'too large with its aliases')
})

test('environment variables are put into values', async (t) => {
  const text = (plugin: string, more = '') =>
    `${more}inbound: [{ listen: "127.0.0.1:\${PORT}", application: "\${APP:-127.0.0.1:9000}", plugins: { p: ${plugin} } }]\n`
  const { model, process } = await loadGood(
    text(
      `"$\${X} \${X}"`,
      'workers: ${WORKERS}\nfsmMetrics: ${YES}\nlogLevel: ${LEVEL:-warn}\nsidecar:\n  namespace: ${NS}\n',
    ),
    {},
    { PORT: '81', X: 'a${PORT}', WORKERS: '3', YES: 'true', NS: '123', APP: '' },
  )
  t.equal(model.listeners[0]?.port, 81)
  t.match(model.inbound.ports[0]?.http?.hosts['*']?.service.plugins, { p: '${X} a${PORT}' })
  t.equal(model.inbound.clusters['inbound-81']?.endpoints[0]?.address, '127.0.0.1:9000')
  t.match(process, { workers: 3, logLevel: 'warn' })
  t.equal(model.fsmMetrics, true)
  t.equal(model.identity.namespace, '123', 'what looks like a number is text where text is wanted')
})

test('a missing or misspelt variable is a fault at its place, and causes no others', async (t) => {
  const { faults } = await loadText(
    'inbound:\n  - listen: "${HOST}:1"\n    application: ${toString}\n    plugins: { p: "a ${x y}", q: "${" }\n',
  )
  t.same(faults, [
    'FILE:2:13: inbound[0].listen: the environment variable HOST is not set: set it, or write ${HOST:-default}',
    'FILE:3:18: inbound[0].application: the environment variable toString is not set: set it, or write ${toString:-default}',
    'FILE:4:19: inbound[0].plugins.p: "${x y}" names no variable: write ${NAME}, or $${ for the characters themselves',
    'FILE:4:34: inbound[0].plugins.q: "${" names no variable: write ${NAME}, or $${ for the characters themselves',
  ])
})

test('the admin token comes from a file beside the config', async (t) => {
  const folder = t.testdir({
    'config.yaml': `${yaml}admin: { address: "0.0.0.0:15000", tokenFile: token }\n`,
    'open.yaml': `${yaml}admin: 0.0.0.0:15000\n`,
    'bad.yaml': `${yaml}admin:\n  tokenFile: none\n`,
    token: 's3cret\n',
  })
  const configFile = join(folder, 'config.yaml')
  const loaded = await loadConfig({ configFile, flags: {}, env: {} })
  t.ok(loaded.ok)
  if (!loaded.ok) return
  t.equal(loaded.settings.process.adminToken, 's3cret')
  t.same(loaded.settings.files, [configFile, join(folder, 'token')])
  t.notMatch(JSON.stringify(loaded.settings.model), 's3cret')
  const open = await loadConfig({ configFile: join(folder, 'open.yaml'), flags: {}, env: {} })
  t.match(open, { ok: true, settings: { warnings: [{ path: 'admin', line: 2, column: 8 }] } })
  t.match(await faultsOf({ configFile: join(folder, 'bad.yaml') }), [
    /bad\.yaml:3:14: admin\.tokenFile: .*none cannot be read: no such file$/,
  ])
})

test('flags win over the file, and the file over the environment', async (t) => {
  const file = `sidecar: { namespace: file, labels: { a: b } }
originalDestination: header
inbound: [{ listen: "127.0.0.1:1", application: "127.0.0.1:9", protocol: http }]
outbound: { listen: "127.0.0.1:2" }
accessLog: { path: file.log, sample: 0.1 }
admin: 127.0.0.1:3
metrics: 127.0.0.1:4
workers: 5
logLevel: error
`
  const env = { POD_NAMESPACE: 'env', SERVICE_ACCOUNT: 'env', POD_NAME: 'env', POD_CONTROLLER_KIND: 'Job' }
  const plain = await loadGood(file, {}, env)
  t.match(plain.model.identity, {
    namespace: 'file',
    serviceAccount: 'env',
    podName: 'env',
    workloadKind: 'Job',
  })
  const { model, process } = await loadGood(
    file,
    {
      inbound: ['127.0.0.1:11', '[::1]:11'],
      outbound: ['127.0.0.1:12'],
      originalDestination: 'proxy-protocol',
      originalDestinationFrom: ['10.0.0.0/8,10.1.1.1'],
      labels: 'app=curl,version=v1',
      namespace: 'flag',
      serviceAccount: 'flag-sa',
      admin: 'off',
      metrics: '0.0.0.0:14',
      workers: '6',
      logLevel: 'debug',
      accessLog: '-',
    },
    env,
  )
  t.same(
    model.listeners.map((one) => [one.direction, one.host, one.port, one.originalDestination]),
    [
      ['inbound', '127.0.0.1', 11, 'proxy-protocol'],
      ['inbound', '::1', 11, 'proxy-protocol'],
      ['outbound', '127.0.0.1', 12, 'proxy-protocol'],
    ],
  )
  t.same(model.listeners[0]?.trustedSources, ['10.0.0.0/8', '10.1.1.1'])
  t.match(model.identity, {
    namespace: 'flag',
    serviceAccount: 'flag-sa',
    labels: { app: 'curl', version: 'v1' },
    serviceIdentity: 'flag-sa.flag',
  })
  t.same(model.accessLog, { path: '-', sample: 0.1, fields: null })
  t.same(process, {
    admin: null,
    metrics: { host: '0.0.0.0', port: 14 },
    workers: 6,
    logLevel: 'debug',
    adminToken: null,
  })
  t.equal((await loadGood(file, { accessLog: 'off' })).model.accessLog, null)
})

test('with destinations by listener, each --inbound is for one rule, in order', async (t) => {
  const file = `inbound: [{ listen: "127.0.0.1:1", application: "127.0.0.1:9" }, { application: "127.0.0.1:8" }]\n`
  const { model } = await loadGood(file, { inbound: ['127.0.0.1:21', '127.0.0.1:22'] })
  t.same(
    model.listeners.map(({ port, rule }) => [port, model.inbound.ports[rule ?? -1]?.port]),
    [
      [21, 21],
      [22, 22],
    ],
  )
  const { faults } = await loadText(file, { inbound: ['127.0.0.1:21'] })
  t.match(faults, [/^--inbound: is given 1 times, and there are 2 inbound rules/])
})

test('wrong flags are faults under their own names, beside those of the file', async (t) => {
  const { faults } = await loadText('foo: 1\nworkers: 1\n', {
    inbound: ['nowhere'],
    originalDestination: 'heade',
    originalDestinationFrom: ['10.0.0.0/99'],
    labels: 'a',
    admin: '127.0.0.1:x',
    workers: '0',
    logLevel: 'loud',
    accessLog: '',
  })
  t.same(faults, [
    '--inbound: is "nowhere": expected host:port, such as 127.0.0.1:8080 or [::1]:8080',
    '--original-destination: is "heade": expected listener, header or proxy-protocol; did you mean header?',
    '--original-destination-from: is "10.0.0.0/99": expected an IP address or a range such as 10.0.0.0/8',
    '--labels: is "a": expected labels such as app=curl,version=v1',
    '--admin: is "127.0.0.1:x": expected host:port, such as 127.0.0.1:8080, or off',
    '--workers: is "0": expected a whole number from 1 to 256, or auto',
    '--log-level: is "loud": expected debug, info, warn or error',
    '--access-log: is "": expected a path, - or off',
    'FILE:1:1: foo: there is no such key',
  ])
})

test('a config that does nothing is a fault', async (t) => {
  t.same(await faultsOf({}), ['command line: nothing is listened on: expected `inbound` rules or `outbound`'])
  t.same((await loadText('workers: 1\n')).faults, [
    'FILE:1:1: nothing is listened on: expected `inbound` rules or `outbound`',
  ])
})

test('two listeners on one address are a fault, whoever asks for them', async (t) => {
  const { faults } = await loadText(`${yaml}metrics: 127.0.0.1:15003\n`, { admin: '0.0.0.0:15003' })
  t.same(faults, [
    '--admin: is "0.0.0.0:15003", where something else listens already (127.0.0.1:15003)',
    'FILE:2:10: metrics: is "127.0.0.1:15003", where something else listens already (127.0.0.1:15003)',
  ])
})

test('of very many faults the first hundred are listed and the rest counted', async (t) => {
  const keys = Array.from({ length: 500 }, (_, i) => `key${i}: 1\n`)
  const { faults } = await loadText(`workers: 1\n${keys.join('')}`)
  t.equal(faults.length, 101)
  t.equal(faults.at(-1), 'FILE: and 400 more faults')
})
