import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { digestOf, module, serve } from '../../modules/testing/modules.ts'
import { formatFault } from '../fault.ts'
import { loadConfig } from '../load.ts'
import type { LoadOptions } from '../settings.ts'
import { type Files, sidecar, steps } from '../testing/manifests.ts'

const wasm = module()

/** Loads a config in a folder with `x.wasm` in it. */
async function load(
  files: Files,
  more: Partial<LoadOptions> = {},
  asked: readonly string[] = ['plugins.yaml'],
) {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-wasm-'))
  const line = (text: string) => text.replaceAll(`${folder}/`, '')
  try {
    await writeFile(join(folder, 'x.wasm'), wasm)
    for (const [name, text] of Object.entries({ 'sidecar.yaml': sidecar, ...files }))
      await writeFile(join(folder, name), text)
    const manifests = asked.map((name) => join(folder, name))
    const flags = { manifests, moduleCache: join(folder, 'cache'), ...more.flags }
    const loaded = await loadConfig({ configFile: join(folder, 'sidecar.yaml'), env: {}, ...more, flags })
    if (!loaded.ok) throw new Error(loaded.faults.map((fault) => line(formatFault(fault))).join('\n'))
    const { model, warnings, faultyPlugins } = loaded.settings
    return {
      model,
      files: loaded.settings.files.map(line),
      warnings: warnings.map((one) => line(formatFault(one))),
      faults: faultyPlugins.flatMap(({ faults }) => faults.map((one) => line(formatFault(one)))),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A WasmPlugin. `more` are fields of its spec in braces' inside. */
const wasmPlugin = (name: string, more: string, metadata = ''): string => `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ${name}, ${metadata} }
spec: { ${['url: "file:x.wasm"', more].filter((part) => part).join(', ')} }
---
`

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

test('a WasmPlugin becomes a plugin with its module, configuration and policy', async (t) => {
  const { model, files, warnings, faults } = await load({
    'plugins.yaml': wasmPlugin(
      'first',
      `sha256: ${digestOf(wasm)}, pluginConfig: { word: [hello] }, pluginName: root, failStrategy: FAIL_OPEN,
       match: [{ mode: SERVER }]`,
      'annotations: { pillion.dev/call-ms: "7" }',
    ),
  })
  t.strictSame([warnings, faults], [[], []])
  const [spec] = model.plugins
  t.equal(spec?.language, 'wasm')
  t.equal(spec?.source, '')
  t.match(spec?.version, /^[0-9a-f]{12}$/)
  t.equal(spec?.policy.onError, 'open')
  t.equal(spec?.policy.limits.callMs, 7)
  t.equal(spec?.wasm?.abi, 'proxy-wasm')
  t.equal(spec?.wasm?.digest, digestOf(wasm))
  t.equal(spec?.wasm?.rootId, 'root')
  t.equal(text(spec?.wasm?.configuration), '{"word":["hello"]}')
  t.ok(spec?.wasm?.module instanceof WebAssembly.Module)
  t.ok(structuredClone(model).plugins[0]?.wasm?.module, 'it can be posted')
  t.ok(steps(model, 'inbound-http').includes('plugins/first'))
  t.notOk(steps(model, 'outbound-http').includes('plugins/first'))
  t.ok(files.includes('x.wasm'), 'the module is watched')
})

test('modes and types choose the chains', async (t) => {
  const chains = async (more: string) => {
    const { model } = await load({ 'plugins.yaml': wasmPlugin('x', more) })
    return Object.entries(model.chains).flatMap(([name, list]) =>
      list.some((step) => step.name === 'plugins/x.js') ? [name] : [],
    )
  }
  t.strictSame(await chains(''), ['inbound-http', 'outbound-http'])
  t.strictSame(await chains('match: [{ mode: CLIENT }]'), ['outbound-http'])
  t.strictSame(await chains('match: [{ mode: CLIENT }, { mode: SERVER }], type: NETWORK'), [
    'inbound-tcp',
    'outbound-tcp',
  ])
  t.strictSame(await chains('match: [{ mode: CLIENT_AND_SERVER }], type: HTTP'), [
    'inbound-http',
    'outbound-http',
  ])
})

test('phases and priorities decide the order, and what has no priority is last', async (t) => {
  const of = (name: string, phase: string | null, priority: number | null, metadata = '') =>
    wasmPlugin(
      name,
      [phase && `phase: ${phase}`, priority !== null && `priority: ${priority}`].filter(Boolean).join(', '),
      metadata,
    )
  const { model, warnings } = await load({
    'plugins.yaml': [
      of('unset', null, null),
      of('five', null, 5),
      of('ten', null, 10),
      of('young', 'AUTHZ', 1, 'creationTimestamp: "2026-02-01T00:00:00Z"'),
      of('old', 'AUTHZ', 1, 'creationTimestamp: "2026-01-01T00:00:00Z"'),
      of('stats', 'STATS', null),
      of('below', 'AUTHN', -3),
      of('authn', 'AUTHN', null),
    ].join(''),
  })
  t.strictSame(warnings, [])
  const order = ['below', 'authn', 'old', 'young', 'stats', 'ten', 'five', 'unset']
  for (const chain of ['inbound-http', 'outbound-http'] as const) {
    const found = steps(model, chain)
    t.strictSame(
      found.flatMap((name) => (name.startsWith('plugins/') ? [name.slice(8)] : [])),
      order,
    )
    t.ok(
      found.indexOf(`${chain.split('-')[0]}-logging-http`) < found.indexOf('plugins/below'),
      'logs see them',
    )
    t.ok(found.indexOf('plugins/unset') < found.findIndex((name) => name.endsWith('load-balancing')))
  }
})

test('a plugin for others is left out, and its module is not fetched', async (t) => {
  const absent = 'url: "http://127.0.0.1:1/x.wasm"'
  const { model, faults, warnings } = await load({
    'plugins.yaml': [
      wasmPlugin('mine', 'selector: { matchLabels: { app: shop } }', 'namespace: demo'),
      wasmPlugin('all', '', 'namespace: istio-system'),
      wasmPlugin('labels', 'selector: { matchLabels: { app: other } }').replace(/url: "[^"]*"/, absent),
      wasmPlugin('elsewhere', '', 'namespace: other').replace(/url: "[^"]*"/, absent),
      wasmPlugin('gateway', 'targetRefs: [{ kind: Gateway, name: g }]').replace(/url: "[^"]*"/, absent),
    ].join(''),
  })
  t.strictSame(faults, [])
  t.strictSame(model.plugins.map(({ name }) => name).toSorted(), ['all', 'mine'])
  t.equal(warnings.length, 1)
  t.match(warnings[0], /WasmPlugin gateway: spec.targetRefs: is for gateways and waypoints/)
})

test('of the environment a module sees what is written, and what the policy grants and is there', async (t) => {
  const env = { GIVEN: 'yes', HIDDEN: 'no' }
  const variables = 'A: INLINE, GIVEN: HOST, HIDDEN: HOST, ABSENT: HOST'
    .split(', ')
    .map((one) => one.split(': '))
    .map(([name, from]) => `{ name: ${name}, valueFrom: ${from}${from === 'INLINE' ? ', value: b' : ''} }`)
  const { model } = await load(
    {
      'plugins.yaml': wasmPlugin(
        'x',
        `vmConfig: { env: [${variables.join(', ')}] }`,
        'annotations: { pillion.dev/grant-env: "GIVEN,ABSENT" }',
      ),
    },
    { env },
  )
  t.strictSame(model.plugins[0]?.wasm?.environment, { A: 'b', GIVEN: 'yes' })
})

test('a TrafficExtension is a plugin, and one of Lua is refused with advice', async (t) => {
  const extension = (spec: string) =>
    `apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: { name: x }\nspec: ${spec}\n`
  const { model } = await load({
    'plugins.yaml': extension(
      '{ phase: AUTHN, wasm: { url: "file:x.wasm", type: HTTP, failStrategy: FAIL_RELOAD } }',
    ),
  })
  t.equal(model.plugins[0]?.policy.onError, 'close')
  t.equal(model.chains['inbound-http'].find(({ name }) => name === 'plugins/x.js')?.priority, 138)
  await t.rejects(load({ 'plugins.yaml': extension('{ lua: { inlineCode: x } }') }), {
    message:
      'plugins.yaml:4:9: TrafficExtension x: spec.lua: is not run here: expected `wasm`, or the same in JavaScript, as `javascript` of a Plugin',
  })
  await t.rejects(load({ 'plugins.yaml': extension('{ phase: AUTHN }') }), /has no `wasm`/)
})

test('a Plugin may be a module, in the chains that a PluginChain puts it into', async (t) => {
  const { model, warnings } = await load({
    'plugins.yaml': `
apiVersion: plugin.flomesh.io/v1alpha1
kind: Plugin
metadata: { name: x }
spec:
  priority: 121
  wasm:
    url: file:x.wasm
    pluginConfig: as it is
    vmConfig: { vmId: shared, configuration: { a: 1 }, env: [{ name: A, value: b }] }
    capabilities: [proxy_log]
    allowOnHeadersStopIteration: true
---
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginChain
metadata: { name: c }
spec: { chains: [{ name: outbound-http, plugins: [x] }] }
`,
  })
  t.strictSame(warnings, [])
  const [spec] = model.plugins
  t.equal(spec?.priority, 121)
  t.match(spec?.wasm, {
    vmId: 'shared',
    environment: { A: 'b' },
    capabilities: ['proxy_log'],
    bodyWhileHeadersHeld: true,
  })
  t.equal(text(spec?.wasm?.configuration), 'as it is')
  t.equal(text(spec?.wasm?.vmConfiguration), '{"a":1}')
})

test('a file alone stands in inbound-http with a warning, and an entry of the config says otherwise', async (t) => {
  const alone = await load({}, {}, ['x.wasm'])
  t.strictSame(alone.warnings, [
    'x.wasm: stands in inbound-http, because nobody says where: expected a WasmPlugin for it, or `chains` in `plugins` of the config',
  ])
  t.ok(steps(alone.model, 'inbound-http').includes('plugins/x'))
  const entry = (fields: string) => ({ 'sidecar.yaml': `${sidecar}\nplugins:\n  - { name: y, ${fields} }` })
  const of = 'chains: [outbound-http], priority: 122, policy: { onError: open }, config: { a: 1 }'
  for (const fields of [`file: x.wasm, ${of}`, `wasm: { url: "file:x.wasm" }, version: v, ${of}`]) {
    const { model, warnings } = await load(entry(fields), {}, [])
    t.strictSame(warnings, [])
    t.ok(steps(model, 'outbound-http').includes('plugins/y'))
    t.match(model.plugins[0], { name: 'y', priority: 122, policy: { onError: 'open' } })
    t.equal(text(model.plugins[0]?.wasm?.configuration), '{"a":1}')
  }
  await t.rejects(
    load(entry(`file: x.wasm, wasm: { url: "file:x.wasm" }, ${of}`), {}, []),
    /say it in one place/,
  )
})

test('a module that cannot be had is a fault of its plugin, with its place and without secrets', async (t) => {
  await using server = await serve((_, response) => response.writeHead(404).end())
  const { model, faults } = await load({
    'plugins.yaml':
      wasmPlugin('far', '').replace('file:x.wasm', `http://me:hidden@${server.host}/x.wasm?key=hidden`) +
      wasmPlugin('wrong', `sha256: ${'a'.repeat(64)}`) +
      wasmPlugin('text', '').replace('x.wasm', 'sidecar.yaml'),
  })
  t.strictSame(faults.map((line) => line.replaceAll(digestOf(wasm), 'DIGEST')).toSorted(), [
    `plugins.yaml:11:14: WasmPlugin wrong: spec.url: is file:x.wasm, which has the SHA-256 DIGEST: expected ${'a'.repeat(64)}`,
    'plugins.yaml:17:14: WasmPlugin text: spec.url: is file:sidecar.yaml, which is no WebAssembly: its first bytes are not those of a module',
    `plugins.yaml:5:14: WasmPlugin far: spec.url: is http://${server.host}/x.wasm, which cannot be fetched: ${server.host} answers 404`,
  ])
  for (const spec of model.plugins) t.equal(spec.faults?.length, 1)
})

test('what has no effect here is a warning', async (t) => {
  const { warnings } = await load({
    'plugins.yaml': wasmPlugin(
      'x',
      'imagePullSecret: s, verificationKey: k, match: [{ mode: SERVER, ports: [{ number: 80 }] }]',
    ),
  })
  t.equal(warnings.length, 3)
  t.match(warnings.join('\n'), /imagePullSecret: is not read: expected .* --registry-credentials/)
  t.match(warnings.join('\n'), /ports: is not told apart here/)
})
