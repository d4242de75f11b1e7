import { test } from 'tap'
import type { Json, Model } from '../../chains/model.ts'
import { defaultPluginPolicy, type PluginSpec } from '../../chains/plugins.ts'
import { testModel, testPort, testService } from '../../chains/policy/testing.ts'
import { grantsOf, mayConnect, readTarget, targetText } from './grants.ts'

const spec = (connect: readonly string[] | null): PluginSpec => ({
  name: 'iam',
  version: 'v1',
  language: 'pipyjs',
  source: '',
  origin: 'iam.yaml',
  lineOffset: 0,
  columnOffset: 0,
  sourceMap: null,
  priority: 1,
  policy: { ...defaultPluginPolicy, grants: { ...defaultPluginPolicy.grants, connect } },
  previous: null,
})

/** A model with what the plugin is told by a service and by a port, and another one too. */
function modelWith(ofService: Json, ofPort: Json = null): Model {
  const model = testModel()
  const port = testPort('80')
  const service = { ...testService('shop'), plugins: { iam: ofService, other: { to: 'elsewhere:1' } } }
  const http = {
    hosts: { shop: { service, rewriteHost: 'shop' } },
    hostMatching: 'exact',
    defaultHost: null,
    callerMatching: 'grouped',
    unmatched: 'denied',
  } as const
  const tcp = { targets: [], allowEgress: false, plugins: { iam: ofPort } }
  return {
    ...model,
    inbound: {
      ...model.inbound,
      ports: [
        { ...port, http },
        { ...port, tcp },
      ],
    },
  }
}

test('a plugin whose policy does not say where to may go where its own configs name', (t) => {
  const config = {
    verifier: 'Auth.demo:8099',
    open: ['/health', 'not:a:target', '*:80'],
    more: [{ url: 'https://auth.example/v1?to=x:1', six: 'http://[::1]:81/', seven: '[fe80::1]:9' }],
    parts: { Host: '10.0.0.1', Port: 81, deep: { ip: '::2', port: '82' } },
    other: {
      time: '12:30:00',
      ratio: '16:9x',
      port: 80,
      big: 'host:70000',
      note: 'see a:1 or b:2',
      odd: 'x://',
    },
  }
  const model = modelWith(config, { raw: 'db:5432' })
  const grants = grantsOf(spec(null), model)
  t.strictSame(grants.connect, [
    'auth.demo:8099',
    'auth.example:443',
    '[::1]:81',
    '[fe80::1]:9',
    '10.0.0.1:81',
    '[::2]:82',
    'db:5432',
  ])
  t.ok(mayConnect(grants, { host: '::1', port: 81 }))
  t.ok(mayConnect(grants, { host: 'AUTH.example', port: 443 }))
  t.notOk(mayConnect(grants, { host: 'elsewhere', port: 1 }))
  t.notOk(mayConnect(grants, { host: 'auth.example', port: 80 }))
  t.strictSame(grantsOf(spec(null), testModel()).connect, [])
  t.end()
})

test('what its policy lists is all that a plugin is granted, however little that is', (t) => {
  const model = modelWith({ verifier: 'auth:8099' })
  t.strictSame(grantsOf(spec(['granted:1']), model).connect, ['granted:1'])
  t.strictSame(grantsOf(spec([]), model).connect, [])
  t.notOk(mayConnect(grantsOf(spec([]), model), { host: 'auth', port: 8_099 }))
  t.end()
})

test('configs name so many places and no more', (t) => {
  const names = Array.from({ length: 300 }, (_, index) => `host${index}:80`)
  t.equal(grantsOf(spec(null), modelWith(names)).connect.length, 256)
  t.end()
})

test('a target is read as it is written', (t) => {
  for (const text of ['a:1', '[::1]:65535', '1.2.3.4:80']) {
    const target = readTarget(text)
    t.equal(target && targetText(target), text)
  }
  for (const text of ['a', 'a:0', 'a:65536', '::1:80', 'a b:1', '[x]:1', ':80', 'a:', 'http://a:1']) {
    t.equal(readTarget(text), null, text)
  }
  t.end()
})
