import { test } from 'tap'
import { defaultPluginPolicy, type PluginSpec } from '../../chains/plugins.ts'
import { testModel, testPort, testService } from '../../chains/policy/testing.ts'
import { grantsOf, mayConnect, readTarget, targetText } from './grants.ts'

const spec: PluginSpec = {
  name: 'iam',
  version: 'v1',
  language: 'pipyjs',
  source: '',
  origin: 'iam.yaml',
  lineOffset: 0,
  columnOffset: 0,
  sourceMap: null,
  priority: 1,
  policy: { ...defaultPluginPolicy, grants: { ...defaultPluginPolicy.grants, connect: ['granted:1'] } },
  previous: null,
}

test('a plugin may go where its policy lets it, and where its own configs name', (t) => {
  const model = testModel()
  const port = testPort('80')
  const config = {
    verifier: '10.0.0.7:8099',
    open: ['/health', 'not:a:target', '*:80'],
    more: [{ url: 'https://auth.example/v1?to=x:1', six: 'http://[::1]:81/' }],
  }
  const service = { ...testService('shop'), plugins: { iam: config, other: { to: 'elsewhere:1' } } }
  const http = {
    hosts: { shop: { service, rewriteHost: 'shop' } },
    hostMatching: 'exact',
    defaultHost: null,
    callerMatching: 'grouped',
    unmatched: 'denied',
  } as const
  const tcp = { targets: [], allowEgress: false, plugins: { iam: { raw: 'db:5432' } } }
  const ports = [
    { ...port, http },
    { ...port, tcp },
  ]
  const grants = grantsOf(spec, { ...model, inbound: { ...model.inbound, ports } })
  t.strictSame([...grants.connect].sort(), [
    '10.0.0.7:8099',
    '[::1]:81',
    'auth.example:443',
    'db:5432',
    'granted:1',
  ])
  t.ok(mayConnect(grants, { host: '::1', port: 81 }))
  t.ok(mayConnect(grants, { host: 'AUTH.example', port: 443 }))
  t.notOk(mayConnect(grants, { host: 'elsewhere', port: 1 }))
  t.notOk(mayConnect(grants, { host: 'auth.example', port: 80 }))
  t.strictSame(grantsOf(spec, model).connect, ['granted:1'])
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
